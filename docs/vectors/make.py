#!/usr/bin/env python3
"""Makes the vectors in this directory, always the same bytes.

    .venv/tools/bin/python docs/vectors/make.py            write the files
    .venv/tools/bin/python docs/vectors/make.py --check    exit 1 and name each file that differs

Independent of the service: Python's `cryptography` and what `docs/protocol.md` and the RFCs say.
"""

import hashlib
import json
import pathlib
import sys

from generator import (
    answer, introspection, invalidation, members, record, renewal, request, sdk_public_key, session_key, token,
)

HERE = pathlib.Path(__file__).resolve().parent
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
    # For whoever copies the files, and for tests that run without Python. schema.json is written by hand.
    hashed = {name: text.encode() for name, text in made.items()} | {"schema.json": (HERE / "schema.json").read_bytes()}
    sums = [f"{hashlib.sha256(hashed[name]).hexdigest()}  {name}\n" for name in sorted(hashed)]
    return made | {"SHA256SUMS": "".join(sums)}


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
