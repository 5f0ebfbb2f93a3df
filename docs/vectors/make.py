#!/usr/bin/env python3
"""Makes the vectors in this directory, always the same bytes.

    .venv/tools/bin/python docs/vectors/make.py            write the files
    .venv/tools/bin/python docs/vectors/make.py --check    exit 1 and name each file that differs

Independent of the service: Python's `cryptography` and what `docs/protocol.md` and the RFCs say.
"""

import hashlib
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
import contract  # noqa: E402
from generator import (  # noqa: E402
    answer, introspection, invalidation, members, record, renewal, request, sdk_public_key, session_key, token,
)

NOTE = "The keys are public, for tests only."
FORMATS = {
    "request": request, "answer": answer, "token": token, "session-key": session_key, "sdk-public-key": sdk_public_key,
    "members": members, "renewal": renewal, "invalidation": invalidation, "introspection": introspection,
    "record": record,
}


def files():
    made = {}
    for format, module in FORMATS.items():
        vectors = module.vectors()
        names = [vector["name"] for vector in vectors]
        assert len(names) == len(set(names)), f"{format}: two vectors of one name"
        document = {"$schema": "schema.json", "format": format, "note": NOTE, "vectors": vectors}
        made[f"{format}.json"] = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    made["schema.json"] = with_members((HERE / "schema.json").read_text(encoding="utf-8"))
    # People who copy the files check them by it, and so do tests that run without Python.
    sums = [f"{hashlib.sha256(made[name].encode()).hexdigest()}  {name}\n" for name in sorted(made)]
    return made | {"SHA256SUMS": "".join(sums)}


def with_members(schema):
    """schema.json, which is written by hand but for the members that a fault may name."""
    names = ", ".join(f'"{name}"' for name in contract.members())
    schema, count = re.subn(r'("memberFault": \{[^}]*"enum": )\[[^]]*\]', rf"\1[{names}]", schema)
    assert count == 1, "schema.json has no memberFault"
    return schema


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    made = files()
    if not arguments:
        for name, text in made.items():
            (HERE / name).write_text(text, encoding="utf-8", newline="\n")
        return
    differing = [name for name, text in made.items()
                 if not (HERE / name).is_file() or (HERE / name).read_bytes() != text.encode()]
    if differing:
        sys.exit(f"docs/vectors: {', '.join(differing)} are not what make.py makes; run it without --check")


if __name__ == "__main__":
    main(sys.argv[1:])
