"""docs/errors.md: a section for each row of the contract's table of errors, introspection's errors, and the words of the code."""

import re

import contract
from document import PROJECT
from results import Results, same

PAGE = PROJECT / "docs" / "errors.md"
HEADING = re.compile(r"^## `(TOK\d{3})`, HTTP (\d{3}):", re.MULTILINE)
FOR_PROGRAMS = {"TOK401": "Ended", "TOK409": "Conflict"}
"""Codes whose reasons programs go by, and what they are in src/record/stored.rs."""
SAY_REASONS = [f"src/{file}.rs" for file in ("request/issue", "request/renew", "request/members", "request/rules", "session")]
# What stands in the page, and what is put there.
FAULTS = (
    ("a code that has no section", "## `TOK415`, HTTP 415:", "## 415:"),
    ("a code of another status", "## `TOK422`, HTTP 400:", "## `TOK422`, HTTP 422:"),
    ("words of before", "> Use POST\n", "> Please use POST\n"),
    ("a reason that nobody gives", "must have at most 32 entries", "must have at most 64 entries"),
    ("a reason of a renewal that is missing", "must be the token's account number", "is wrong"),
    ("a reason that programs go by, of another name", "| `superseded` |", "| `replaced` |"),
    ("an introspection's error of another status", "| 500 | `server_error` |", "| 502 | `server_error` |"),
)


def check(results):
    check_text(PAGE.read_text(), results)
    for what, old, new in FAULTS:
        results.check(f"the checks find {what}", is_found, old, new)


def check_text(text, results):
    results.check("sections", same, HEADING.findall(text), rows(), "the list of sections")
    results.check("words", same, set(re.findall(r"^> (.*)$", text, re.MULTILINE)), descriptions(), "the set of resDesc")
    reasons = set(re.findall(r"^\|[^|]*\| ((?:must|is) [^|]*) \|", text, re.MULTILINE))
    results.check("reasons", same, reasons, said_reasons(), "the set of reasons")
    for code, enum in FOR_PROGRAMS.items():
        section = text.partition(f"\n## `{code}`")[2].partition("\n## ")[0]
        # The first row is the head.
        _, *rows_of = re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE)
        results.check(f"reasons of {code}", same, rows_of, said_by(enum), "the list of reasons that programs go by")
    introspection = dict(re.findall(r"^\| (\d{3}) \| `([a-z_]+)` \|", text, re.MULTILINE))
    results.check("introspection", same, introspection, contract.introspection_errors(), "introspection's errors")


def is_found(old, new):
    text = PAGE.read_text()
    assert old in text, f"docs/errors.md has no {old!r}"
    found = Results("planted", quiet=True)
    check_text(text.replace(old, new), found)
    assert found.failed, "it is not found"


def rows():
    """(code, status) in the order of precedence, each once."""
    return [(code, status) for code, statuses in contract.errors().items() for status in statuses]


def strings(file):
    """The string literals of a source file, those over several lines in one."""
    code = re.sub(r"\\\n\s*", "", (PROJECT / file).read_text())
    return re.findall(r'"((?:[^"\\]|\\.)*)"', code)


def descriptions():
    return {
        text
        for text in strings("src/problem.rs")
        if " " in text and text[0].isupper() or text.startswith(("sdkApiKey is", "referenceId was"))
    }


def said_reasons():
    found = {text for file in SAY_REASONS for text in strings(file)}
    return {text.replace("{alias}", "firstname") for text in found if text.startswith(("must ", "is required"))}


def said_by(enum):
    code = (PROJECT / "src/record/stored.rs").read_text()
    variants = re.search(rf"^pub enum {enum} \{{$(.*?)^\}}$", code, re.DOTALL | re.MULTILINE)
    return re.findall(r'#\[error\("(\w+)"\)\]', variants[1])
