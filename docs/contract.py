"""What the pages beside this file state in tables, for the checks that are written in Python.

tests/service/lists.rs holds the lists in code to the same tables.
"""

import functools
import json
import pathlib
import re

DOCS = pathlib.Path(__file__).resolve().parent
FORMS = {"no": {"plain"}, "yes": {"sealed"}, "if decrypted": {"plain", "sealed"}}
SEALED = {"Get Token": "Get Token", "Renew": "renewal", "Invalidate": "invalidation"}
"""The operations whose bodies are sealed, and what the table of errors calls each."""


def table(page, head):
    """The rows under a table's first line, in cells."""
    _, found, rest = (DOCS / page).read_text().partition(f"\n{head}\n")
    assert found, f"docs/{page} has no table {head}"
    rows = rest.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def quoted(cell):
    """What a cell has between backticks."""
    return re.findall(r"`([^`]+)`", cell)


@functools.cache
def members():
    """{a member of a request: whether it is required}, two spellings of one apart."""
    rows = table("protocol.md", "| member | need | accepted, and what it becomes |")
    return {name: need == "required" for names, need, _ in rows for name in quoted(names)}


@functools.cache
def canonical_order():
    """The customer's members in the order of the canonical JSON."""
    text = (DOCS / "protocol.md").read_text()
    return quoted(re.search(r"members in this order:(.*?)\. All are", text, re.DOTALL)[1])


@functools.cache
def errors(operation=None):
    """{code: {status: the forms, sealed and plain, that its answer has}}, in the order of the checks: of one of SEALED, or of all.

    A row that is not every operation's names its own first.
    """
    found = {}
    for status, code, when, encrypted, _ in table("protocol.md", "| HTTP | code | when | encrypted | what you do |"):
        own = re.match(r"\[?(Get Token|renewal|invalidation)\b", when)
        if not operation or not own or SEALED[operation] == own[1]:
            found.setdefault(code.strip("`"), {}).setdefault(status, set()).update(FORMS[encrypted])
    return found


@functools.cache
def introspection_errors():
    """{status: what `error` says}"""
    rows = table("protocol.md", "| HTTP | body | when |")
    return {status: json.loads(quoted(body)[0])["error"] for statuses, body, _ in rows for status in statuses.split(", ")}


@functools.cache
def paths():
    """{path: (its operation, its methods)}; of two paths of an operation the second one's `resCode` is an integer."""
    rows = table("protocol.md", "| operation | `resCode` a string | `resCode` an integer | methods |")
    return {
        path: (re.match(r"\[([^]]+)\]", operation)[1], quoted(methods))
        for operation, *both, methods in rows
        for path in quoted("".join(both))
    }


@functools.cache
def operations():
    """{operation: its paths}"""
    rows = table("protocol.md", "| operation | `resCode` a string | `resCode` an integer | methods |")
    return {re.match(r"\[(.*?)\]", name)[1]: quoted(text) + quoted(number) for name, text, number, _ in rows}


@functools.cache
def variables():
    """{a variable that the function reads and Lambda does not set: the range of one that is a number, or None}"""
    found = {}
    for names, _, rule, _ in table("protocol.md", "| variable | default | range | is |"):
        name, span = quoted(names)[0], re.fullmatch(r"(\d+)-(\d+)(;.*)?", rule)
        if not name.startswith("AWS_"):
            found[name] = range(int(span[1]), int(span[2]) + 1) if span else None
    return found


@functools.cache
def metrics():
    """{metric: its sets of dimensions}"""
    rows = table("metrics.md", "| metric | unit | dimensions | what it counts | absent |")
    return {name.strip("`"): {frozenset(filter(None, names.split(", "))) for names in re.findall(r"\[([^\]]*)\]", dimensions)}
            for name, _, dimensions, *_ in rows}


@functools.cache
def alarms():
    """The alarms that operations.md explains: the third-level headings of its chapter Alarms."""
    chapter = re.search(r"^## Alarms$(.*?)(?=^## )", (DOCS / "operations.md").read_text(), re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^### ([a-z-]+)$", chapter[1] if chapter else "", re.MULTILINE))
