"""What the function's code asks of DynamoDB, for the templates to allow just that."""

import functools
import re

from checks.template import ROOT


@functools.cache
def attributes() -> dict[str, set[str]]:
    """The attributes that the function's calls of DynamoDB name, by IAM's action: in the key, in the
    item and in every expression."""
    code = (ROOT / "src/record/store.rs").read_text()
    written = (ROOT / "src/record/item.rs").read_text().partition("fn of_new")[2].partition("\n}")[0]
    named: dict[str, set[str]] = {}
    for method in re.split(r"pub async fn ", code)[1:]:
        call = re.search(r"\.(put_item|update_item|get_item)\(\)", method)
        if not call or "expression(" not in method:
            continue
        action = "dynamodb:" + call[1].title().replace("_", "")
        names = named.setdefault(action, set())
        names |= set(re.findall(r'\.key\("(\w+)"', method))
        if call[1] == "put_item":
            names |= set(re.findall(r'\("(\w+)", ', written))
        for expression in re.findall(r'_expression\(\s*"([^"]*)"', method):
            # A word that is no value (`:now`), keyword (`SET`) or function (`if_not_exists(`).
            names |= set(re.findall(r"(?<![:\w])(?!SET\b|AND\b|OR\b)([A-Za-z]\w*)\b(?!\()", expression))
    return named
