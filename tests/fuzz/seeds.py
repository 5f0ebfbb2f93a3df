#!/usr/bin/env python3
"""Writes seeds for every fuzz target, made of docs/vectors and events: one file each, named by its content.

    tests/fuzz/seeds.py DIRECTORY

Python's standard library is all it takes.
"""

import base64
import hashlib
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def vectors(name):
    return json.loads((ROOT / "docs" / "vectors" / f"{name}.json").read_text())["vectors"]


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jwe():
    for vector in vectors("request"):
        yield vector["jwe"].encode()


def header():
    for vector in vectors("request"):
        segment = vector["jwe"].split(".")[0]
        try:
            yield decode(segment)
        except ValueError:
            pass
    # Characters of two bytes at each place of a kid's first bytes.
    for at in range(20):
        yield f'{{"alg":"dir","enc":"A256GCM","kid":"{"k" * at}\u00e9\u00e9\u00e9"}}'.encode()


def plaintext():
    for vector in vectors("members"):
        yield vector["plaintextUtf8"].encode()
    for vector in vectors("request"):
        if "plaintextUtf8" in vector:
            yield vector["plaintextUtf8"].encode()


def request():
    # One byte of choices, and a plaintext that the development partner may send.
    for choices, text in enumerate(plaintext()):
        text = text.replace(b"vectors-sdk-api-key", b"ABCDEFGH")
        yield bytes([choices % 64]) + text
    # Bits 6 and 7 choose the operation: renewals of the harness's session, and invalidations of it and of others.
    for operation, name in ((64, "renewal"), (128, "invalidation")):
        for choices, vector in enumerate(vectors(name)):
            text = vector["request"].get("plaintextUtf8", "")
            presented = vector.get("headers", {}).get("X-API-TOKEN") or "{{token}}"
            yield bytes([operation + choices % 64]) + text.replace(presented, "{{token}}").encode()
    yield bytes([64]) + b'{"token":"ey"}'
    yield bytes([128]) + b'{"tokenReferenceId":"a-session-of-the-harness"}'


def token():
    # The claims, for the harness to seal, and what its key does not open.
    for vector in vectors("token"):
        yield vector["jwe"].encode()
        if vector.get("plaintextUtf8", "").startswith("{"):
            yield vector["plaintextUtf8"].encode()


def introspection():
    wallet = "Basic " + base64.b64encode(b"wallet:rs_dev_wallet_7Jm2QxV9nKb4TzR8").decode()
    encoded = "Basic " + base64.b64encode(b"%77allet:rs%5Fdev_wallet_7Jm2QxV9nKb4TzR8").decode()
    active = next(token for token in vectors("token") if token["name"] == "usual")["jwe"]
    for vector in vectors("introspection"):
        body = vector.get("bodyUtf8", "").replace(active, "{{token}}")
        for authorization in {vector.get("authorization") or "", wallet, encoded}:
            yield f"{authorization}\n{body}".encode()
        yield body.encode()
    for parameters in ("a&a", "%61=1&a=2", "a=%zz&+=%C3%A4", "&&", "%FF&%FE"):
        yield f"{wallet}\ntoken={{{{token}}}}&{parameters}".encode()


def sdk_public_key():
    for vector in vectors("sdk-public-key"):
        text = vector["sdkPublicKey"]
        yield text.encode()
        try:
            yield decode(text.rstrip("=").replace("+", "-").replace("/", "_"))
        except ValueError:
            pass


def point():
    for vector in vectors("sdk-public-key"):
        if vector["valid"]:
            x, y = bytes.fromhex(vector["xHex"]), bytes.fromhex(vector["yHex"])
            for choice in (0, 2, 4, 1):
                yield x + bytes([choice]) + y
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    for x, y in [(0, 0), (0, 1), (prime, 0), (prime - 1, prime - 1), (2**256 - 1, 2**256 - 1), (5, 5)]:
        for choice in (0, 1, 2):
            yield x.to_bytes(32, "big") + bytes([choice]) + y.to_bytes(32, "big")


def secrets():
    for name in ("api-keys", "server-keys"):
        text = (ROOT / "events" / "secrets" / f"{name}.json").read_text()
        yield text.encode()
        document = json.loads(text)
        yield json.dumps(document, separators=(",", ":")).encode()
        if "partners" in document:
            for partner in document["partners"]:
                one = {"partners": [partner | {"tokenTtlSeconds": 600, "enabled": True}]}
                yield json.dumps(one, separators=(",", ":")).encode()


def event():
    for path in sorted((ROOT / "events").glob("*.json")):
        if path.name == "manifest.json" or path.name == "error-too-large.json":
            continue
        # Without what the function does not read, so that changes hit what it does.
        event = json.loads(path.read_text())
        kept = "version path rawPath httpMethod headers multiValueHeaders body isBase64Encoded".split()
        context = event["requestContext"]
        small = {name: event[name] for name in kept if name in event}
        small["requestContext"] = {k: context[k] for k in ("requestId", "stage", "http") if k in context}
        yield json.dumps(small, separators=(",", ":")).encode()


TARGETS = {target.__name__: target for target in (jwe, header, plaintext, sdk_public_key, point, secrets, event, request, token, introspection)}


def write(target, folder):
    """Writes a target's seeds into a folder. The names are those that libFuzzer gives to what it finds."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[target]():
        name = hashlib.sha1(seed, usedforsecurity=False).hexdigest()
        (folder / name).write_bytes(seed)


def main(directory):
    for target in TARGETS:
        write(target, directory / target)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: tests/fuzz/seeds.py DIRECTORY")
    main(pathlib.Path(sys.argv[1]))
