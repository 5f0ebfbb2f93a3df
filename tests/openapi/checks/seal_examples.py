"""Seals the examples of docs/openapi.yaml anew that do not open to their x-opened."""

import json
import re

import partner
from document import PATH, Document

EXAMPLE = re.compile(
    r"^(?P<indent> +)value: (?P<value>\S+)\n(?P=indent)x-opened: (?P<opened>\{.*\})(?P<key>\n(?P=indent)x-key: session key)?$",
    re.MULTILINE,
)


def seal():
    """How many were sealed, of how many."""
    sealed = 0
    answer = Document().components["examples"]["Answer"]["x-opened"]

    def renewed(example):
        nonlocal sealed
        opened = json.loads(example["opened"])
        token = answer["token"] if example["key"] else None
        plaintext = partner.opened(example["value"], token)
        if plaintext is not None and json.loads(plaintext) == opened:
            return example.group()
        sealed += 1
        jwe = partner.seal(json.dumps(opened, ensure_ascii=False, separators=(",", ":")).encode(), token)
        return f"{example['indent']}value: {jwe}\n{example['indent']}x-opened: {example['opened']}{example['key'] or ''}"

    text = PATH.read_text()
    PATH.write_text(EXAMPLE.sub(renewed, text))
    return sealed, len(EXAMPLE.findall(text))
