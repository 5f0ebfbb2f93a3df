"""record.json: what the service keeps in DynamoDB, and what must not open."""

import base64
import hmac
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .jose import (
    aes_gcm, b64url, compact_json, coordinates, encoded_jwk, iv_of, key_bytes, oct_jwk, public_jwk, unb64url,
)
from .request import members
from .session_key import SDK, SERVER, searched
from .token import NEWEST as TOKEN_KEY, token, token_header

NEWEST, UNKNOWN = "record-2026-11", "record-elsewhere"
ORDER = ["accountNumber", "firstName", "lastName", "name", "email", "isdCode", "mobileNumber", "dob", "data"]


def derived(kid, info):
    """RFC 5869 without salt."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=info.encode()).derive(key_bytes(kid))


def seal_key(kid):
    return derived(kid, "record seal v1")


def fingerprint_key(kid):
    return derived(kid, "record fingerprint v1")


def canonical(customer):
    """As `docs/protocol.md` has it: fixed order, `data` by the bytes of its keys, and JSON's short escapes only."""
    customer = {name: customer[name] for name in ORDER if name in customer}
    if "data" in customer:
        customer["data"] = dict(sorted(customer["data"].items(), key=lambda entry: entry[0].encode()))
    return compact_json(customer)


def fingerprint_input(pk, point, customer):
    return b"v1" + len(pk).to_bytes(4, "big") + pk.encode() + point + customer.encode()


def parts(jwe):
    """IV, and ciphertext with tag, of a compact JWE."""
    _, _, iv, ciphertext, tag = jwe.split(".")
    return unb64url(iv), unb64url(ciphertext) + unb64url(tag)


def contents(token_kid, jwe, server_point, customer):
    iv, ciphertext = parts(jwe)
    kid = token_kid.encode()
    sealed_token = iv + len(ciphertext).to_bytes(2, "big") + ciphertext
    return bytes([len(kid)]) + kid + sealed_token + server_point + customer.encode()


def sealed(name, pk, plaintext, kid=NEWEST):
    iv = iv_of(f"record {name}")
    return iv + aes_gcm(seal_key(kid), iv, plaintext, pk.encode())


def vectors():
    return positive() + negative()


FULL = {
    "name": "David beckham", "email": "OperationalSupport@wibmo.com", "isdCode": "91", "mobileNumber": "9642308308",
    "dob": "19910807", "data": {"key1": "value1", "key2": "value2", "keyn": "valuen"},
}


def positive():
    request = {name: int(value) if value in ("91", "9642308308", "19910807") else value
               for name, value in FULL.items() if name != "data"} | {"data": FULL["data"]}
    in_other_words = compact_json({
        "data": {"keyn": "valuen", "key2": "value2", "key1": "value1"}, "dob": "07081991",
        "mobileNumber": "+9642308308",
        "isdCode": "+91", "firstName": None, "unknown": 1,
        "email": "OperationalSupport@wibmo.com", "name": "David beckham",
    })[:-1] + "," + compact_json(members("record:usual", accountNumber=123123123))[1:]
    escapes = {"\u0000": "NUL", "tab\t": "\b\t\n\f\r\u0001\u001f\u007f", 'quote"': "\"\\/<>&'", "\u2028": "\u2029",
               "\ufb01": "before", "\U0001f600": "after, by UTF-8", "é": "ü", "e\u0301": "not normalised"}
    names = {"firstName": 'Zoë "Z" \\', "lastName": "李雷 😀"}
    largest = {
        "firstName": "f" * 100, "lastName": "l" * 100, "name": "n" * 100, "email": f"{'e' * 247}@x.test",
        "isdCode": "9999", "mobileNumber": "9" * 15, "dob": "19991231",
    }
    return [
        made("usual", "The guide's sample. Its token and server's key are those of `usual` in the other files.",
             "usual", request, FULL),
        made("same-in-other-words", "The same members in other words: the same fingerprint as `usual`.",
             "usual", None, FULL, text=in_other_words),
        made("least", "The required members alone.", "least", {}, {}),
        made("leading-zeros", "An account number with leading zeros is another one than without.", "leading-zeros",
             {"accountNumber": "000123"}, {"accountNumber": "000123"}),
        made("escapes", "Every kind of character in names and `data`, whose keys are sorted by their UTF-8 bytes.",
             "escapes", names | {"data": escapes}, names | {"data": escapes}),
        made("escaped-request", "The same as `escapes`, each character beyond ASCII sent as an escape.", "escapes",
             None,
             names | {"data": escapes}, text=ascii_json(members("record:escapes", **names, data=escapes))),
        made("aliases", "`firstname` and `lastname` become `firstName` and `lastName`.", "aliases",
             {"firstname": "David", "lastname": "beckham"}, {"firstName": "David", "lastName": "beckham"}),
        made("absent", "`null`, `0`, `\"\"` and `{}` where they mean absent: the customer is that of `least`.",
             "absent",
             {"name": None, "email": None, "isdCode": "+0", "mobileNumber": None, "dob": None, "data": {}}, {}),
        made("isd-code-empty", "An empty `isdCode` is absent.", "isd-code-empty", {"isdCode": ""}, {}),
        made("largest", "Long members, and a token key's name of 128 characters.", "largest", largest, largest,
             token_kid="k" * 128),
        made("other-sdk-key", "Another `sdkPublicKey`, whose x has a leading zero byte.", "usual", request, FULL,
             sdk=searched(75)),
    ]


def ascii_json(value):
    return json.dumps(value, separators=(",", ":"))


def made(name, comment, reference, request, customer, text=None, token_kid=TOKEN_KEY, sdk=SDK):
    pk = f"acme#record:{reference}"
    x, y = coordinates(sdk)
    if text is None:
        request = members(f"record:{reference}", **request)
        text = compact_json(request | {"sdkPublicKey": encoded_jwk(public_jwk(x, y))})
    customer = canonical({"accountNumber": "123123123"} | customer)
    server = coordinates(SERVER)
    jwe = token("usual", token_header(token_kid), token_kid)
    plaintext = contents(token_kid, jwe, b"".join(server), customer)
    hashed = fingerprint_input(pk, x + y, customer)
    fingerprint = hmac.digest(fingerprint_key(NEWEST), hashed, "sha256")
    return {
        "name": name, "comment": comment, "valid": True, "key": oct_jwk(NEWEST),
        "sealKeyHex": seal_key(NEWEST).hex(), "fingerprintKeyHex": fingerprint_key(NEWEST).hex(),
        "pk": pk,
        "requestUtf8": text,
        "sdkPublicKeyXyHex": (x + y).hex(),
        "customerUtf8": customer,
        "fingerprintInputHex": hashed.hex(),
        "fingerprintHex": fingerprint.hex(),
        "fingerprintBase64": base64.b64encode(fingerprint).decode(),
        "token": jwe,
        "tokenKid": token_kid,
        "serverPubKey": encoded_jwk(public_jwk(*server)),
        "ivBase64url": b64url(iv_of(f"record {name}")),
        "plaintextHex": plaintext.hex(),
        "sealedBase64": base64.b64encode(sealed(name, pk, plaintext)).decode(),
    }


def usual_contents():
    return contents(TOKEN_KEY, token("usual", token_header()), b"".join(coordinates(SERVER)),
                    canonical({"accountNumber": "123123123"} | FULL))


def refused(name, fault, comment, pk, box, plaintext=None):
    vector = {"name": name, "comment": comment, "valid": False, "fault": fault, "key": oct_jwk(NEWEST), "pk": pk}
    vector |= {} if plaintext is None else {"plaintextHex": plaintext.hex()}
    return vector | {"sealedBase64": base64.b64encode(box).decode()}


def negative():
    pk, plaintext = "acme#record:usual", usual_contents()

    def box(name, **more):
        return sealed(name, pk, plaintext, **more)

    def flipped(data, at, bit):
        data = bytearray(data)
        data[at] ^= bit
        return bytes(data)

    def inside(name, comment, contents):
        return refused(name, "contents", comment, pk, sealed(name, pk, contents), contents)

    kid = 1 + len(TOKEN_KEY)
    customer = plaintext.index(b"{")
    return [
        refused("other-reference", "pk", "Moved to another item of the same partner.", "acme#record:other",
                box("other-reference")),
        refused("other-partner", "pk", "Moved to another partner's item.", "globex#record:usual", box("other-partner")),
        refused("other-case", "pk", "`pk` is compared exactly.", "acme#record:Usual", box("other-case")),
        refused("wrong-key", "wrong-key", "Sealed under another record key.", pk, box("wrong-key", kid=UNKNOWN)),
        refused("not-derived", "wrong-key", "Sealed under the record key itself, not under the key derived from it.",
                pk,
                iv_of("record not-derived") + aes_gcm(key_bytes(NEWEST), iv_of("record not-derived"), plaintext,
                                                      pk.encode())),
        refused("fingerprint-key", "wrong-key", "Sealed under the key for fingerprints.", pk,
                iv_of("record fingerprint-key")
                + aes_gcm(fingerprint_key(NEWEST), iv_of("record fingerprint-key"), plaintext, pk.encode())),
        refused("no-aad", "pk", "Sealed without AAD: it would open in any item.", pk,
                iv_of("record no-aad") + aes_gcm(seal_key(NEWEST), iv_of("record no-aad"), plaintext, b"")),
        refused("truncated", "truncated", "The last byte is missing.", pk, box("truncated")[:-1]),
        refused("truncated-to-iv-and-tag", "truncated", "Shorter than IV and tag.", pk,
                box("truncated-to-iv-and-tag")[:27]),
        refused("truncated-to-iv", "truncated", "The IV alone.", pk, box("truncated-to-iv")[:12]),
        refused("empty", "truncated", "Nothing.", pk, b""),
        refused("tampered-iv", "tampered", "One bit of the IV.", pk, flipped(box("tampered-iv"), 0, 0x80)),
        refused("tampered-ciphertext", "tampered", "One bit of the ciphertext.", pk,
                flipped(box("tampered-ciphertext"), 12, 1)),
        refused("tampered-tag", "tampered", "One bit of the tag.", pk, flipped(box("tampered-tag"), -1, 1)),
        inside("contents-empty", "Opens to nothing.", b""),
        inside("contents-kid-length", "The token key's name would be longer than all that follows.",
               b"\xff" + plaintext[1:200]),
        inside("contents-kid-empty", "A token key has a name.", b"\0" + plaintext[kid:]),
        inside("contents-kid-space", "A token key's name has no spaces.", plaintext[:1] + b" " + plaintext[2:]),
        inside("contents-kid-not-ascii", "A token key's name is ASCII.", plaintext[:1] + b"\xff" + plaintext[2:]),
        inside("contents-token-iv", "Ends within the token's IV.", plaintext[:kid + 11]),
        inside("contents-token-length", "The token would be longer than all that follows.",
               plaintext[:kid + 12] + b"\xff\xff" + plaintext[kid + 14:]),
        inside("contents-no-point", "Ends within the server's point.", plaintext[:customer - 1]),
    ]
