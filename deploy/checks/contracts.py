"""What the templates must agree with, read from where it is written: the code and the documents."""

import functools
import re

from checks.template import ROOT

@functools.cache
def metrics() -> dict[str, set[frozenset[str]]]:
    """Each metric of docs/metrics.md with its sets of dimensions."""
    table = (ROOT / "docs/metrics.md").read_text().partition("| metric | unit | dimensions |")[2].partition("\n\n")[0]
    found = {}
    for line in table.splitlines()[2:]:
        name, _, dimensions = (cell.strip() for cell in line.strip("|").split("|")[:3])
        sets = re.findall(r"\[([^\]]*)\]", dimensions)
        found[name.strip("`")] = {frozenset(filter(None, re.split(r",\s*", names))) for names in sets}
    return found


@functools.cache
def codes() -> set[str]:
    """The protocol's codes: the values of the dimension Outcome."""
    row = re.search(r"^\| `Outcome` \|(.*)$", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    return set(re.findall(r"TOK\d{3}", row[1]))


@functools.cache
def alarm_entries() -> set[str]:
    """The alarms that docs/operations.md explains: the third-level headings of its chapter Alarms."""
    text = (ROOT / "docs/operations.md").read_text()
    chapter = re.search(r"^## Alarms$(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^### ([a-z-]+)$", chapter[1] if chapter else "", re.MULTILINE))


def _config() -> str:
    return (ROOT / "src/config.rs").read_text().partition("#[cfg(test)]")[0]


@functools.cache
def variables() -> set[str]:
    """The variables that the function reads and Lambda does not set."""
    return set(re.findall(r'reader\.(?:required|text|seconds)\("([A-Z_]+)"', _config()))


@functools.cache
def ranges() -> dict[str, range]:
    """What each variable that is a number of seconds may be."""
    return {name: _range(span) for name, span in re.findall(r'seconds\("([A-Z_]+)", [\d_]+, ([\w:.=]+)\)', _config())}


def _range(span: str) -> range:
    """A range of Rust's, written out (`1..=86_400`) or by its name (`Lifetime::RANGE`)."""
    if ".." not in span:
        owner, _, name = span.partition("::")
        definition = rf"impl {owner} \{{.*?const {name}: [^=]*= ([\d_]+\.\.=[\d_]+);"
        span, = (found[1] for file in (ROOT / "src").rglob("*.rs")
                 if (found := re.search(definition, file.read_text(), re.DOTALL)))
    least, most = map(int, span.split("..="))
    return range(least, most + 1)
