"""record.json: what the service keeps in DynamoDB, and what must not open."""

import base64
import hmac
import json

import contract
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .jose import (
    aes_gcm, b64url, compact_json, coordinates, encoded_jwk, iv_of, key_bytes, oct_jwk, public_jwk, unb64url,
)
from .request import members
from .session_key import SDK, SERVER, searched
from .token import NEWEST as TOKEN_KEY, RENEWED, claims, token, token_header

NEWEST, NEXT, UNKNOWN = "record-2026-11", "record-2026-12", "record-elsewhere"


def derived(kid, info):
    """RFC 5869 without salt."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=info.encode()).derive(key_bytes(kid))


def seal_key(kid):
    return derived(kid, "record seal v1")


def fingerprint_key(kid):
    return derived(kid, "record fingerprint v1")


def canonical(customer):
    """As `docs/protocol.md` has it: fixed order, `data` by the bytes of its keys, and JSON's short escapes only."""
    customer = {name: customer[name] for name in contract.canonical_order() if name in customer}
    if "data" in customer:
        customer["data"] = dict(sorted(customer["data"].items(), key=lambda entry: entry[0].encode()))
    return compact_json(customer)


def fingerprint_input(pk, point, customer):
    return b"v1" + len(pk).to_bytes(4, "big") + pk.encode() + point + customer.encode()


def parts(jwe):
    """IV, and ciphertext with tag, of a compact JWE."""
    _, _, iv, ciphertext, tag = jwe.split(".")
    return unb64url(iv), unb64url(ciphertext) + unb64url(tag)


def token_contents(token_kid, jwe):
    iv, ciphertext = parts(jwe)
    kid = token_kid.encode()
    return bytes([len(kid)]) + kid + iv + ciphertext


def token_aad(pk, jti):
    return f"{pk}\0{jti}".encode()


def sealed(name, plaintext, aad, kid=NEWEST):
    iv = iv_of(f"record {name}")
    return iv + aes_gcm(seal_key(kid), iv, plaintext, aad)


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
        made("renewed", "`usual` after a renewal: only the token, `jti` and `previousJti` differ.", "usual", request,
             FULL, renewed_by=NEWEST),
        made("renewed-by-another-key", "A renewal after a rotation: `tokenKey` sealed the token, `key` the rest.",
             "usual", request, FULL, renewed_by=NEXT),
    ]


def ascii_json(value):
    return json.dumps(value, separators=(",", ":"))


def made(name, comment, reference, request, customer, text=None, token_kid=TOKEN_KEY, sdk=SDK, renewed_by=None):
    pk = f"acme#record:{reference}"
    x, y = coordinates(sdk)
    if text is None:
        request = members(f"record:{reference}", **request)
        text = compact_json(request | {"sdkPublicKey": encoded_jwk(public_jwk(x, y))})
    customer = canonical({"accountNumber": "123123123"} | customer)
    server = coordinates(SERVER)
    session = b"".join(server) + customer.encode()
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
        "serverPubKey": encoded_jwk(public_jwk(*server)),
        "plaintextHex": session.hex(),
        "ivBase64url": b64url(iv_of(f"record {name}")),
        "sealedBase64": base64.b64encode(sealed(name, session, pk.encode())).decode(),
    } | made_token(name, pk, token_kid, renewed_by)


def made_token(name, pk, token_kid, renewed_by):
    """The token's part of an item. The token is `usual` of token.json, or `renewed` after a renewal."""
    label, changed, sealed_by = ("usual", {}, NEWEST) if renewed_by is None else ("renewed", RENEWED, renewed_by)
    jti = claims(label)["jti"]
    jwe = token(label, token_header(token_kid), token_kid, **changed)
    plaintext = token_contents(token_kid, jwe)
    made = {"jti": jti}
    if renewed_by is not None:
        made |= {"previousJti": claims("usual")["jti"], "tokenKey": oct_jwk(sealed_by)}
    box = sealed(f"token {name}", plaintext, token_aad(pk, jti), sealed_by)
    return made | {
        "tokenSealKeyHex": seal_key(sealed_by).hex(),
        "tokenKid": token_kid,
        "token": jwe,
        "tokenAadHex": token_aad(pk, jti).hex(),
        "tokenPlaintextHex": plaintext.hex(),
        "tokenIvBase64url": b64url(iv_of(f"record token {name}")),
        "tokenBase64": base64.b64encode(box).decode(),
    }


def negative():
    return [*session_faults(), *token_faults()]


def flipped(data, at, bit):
    data = bytearray(data)
    data[at] ^= bit
    return bytes(data)


def refused(name, fault, comment, pk, **members):
    head = {"name": name, "comment": comment, "valid": False, "fault": fault, "key": oct_jwk(NEWEST), "pk": pk}
    return head | {member: value for member, value in members.items() if value is not None}


def session_faults():
    """Faults of `sealed`."""
    pk = "acme#record:usual"
    session = b"".join(coordinates(SERVER)) + canonical({"accountNumber": "123123123"} | FULL).encode()

    def wrong(name, fault, comment, box, pk=pk, plaintext=None):
        return refused(name, fault, comment, pk, plaintextHex=plaintext, sealedBase64=base64.b64encode(box).decode())

    def box(name, **more):
        return sealed(name, session, pk.encode(), **more)

    def under(name, key, aad=pk.encode()):
        return iv_of(f"record {name}") + aes_gcm(key, iv_of(f"record {name}"), session, aad)

    def inside(name, comment, contents):
        return wrong(name, "contents", comment, sealed(name, contents, pk.encode()), plaintext=contents.hex())

    return [
        wrong("other-reference", "pk", "Moved to another item of the same partner.", box("other-reference"),
              "acme#record:other"),
        wrong("other-partner", "pk", "Moved to another partner's item.", box("other-partner"), "globex#record:usual"),
        wrong("other-case", "pk", "`pk` is compared exactly.", box("other-case"), "acme#record:Usual"),
        wrong("wrong-key", "wrong-key", "Sealed under another record key.", box("wrong-key", kid=UNKNOWN)),
        wrong("not-derived", "wrong-key", "Sealed under the record key itself, not under the key derived from it.",
              under("not-derived", key_bytes(NEWEST))),
        wrong("fingerprint-key", "wrong-key", "Sealed under the key for fingerprints.",
              under("fingerprint-key", fingerprint_key(NEWEST))),
        wrong("no-aad", "pk", "Sealed without AAD: it would open in any item.",
              under("no-aad", seal_key(NEWEST), b"")),
        wrong("aad-of-the-token", "jti", "Sealed with the AAD of the token: the two attributes cannot be exchanged.",
              sealed("aad-of-the-token", session, token_aad(pk, claims("usual")["jti"]))),
        wrong("truncated", "truncated", "The last byte is missing.", box("truncated")[:-1]),
        wrong("truncated-to-iv-and-tag", "truncated", "Shorter than IV and tag.", box("truncated-to-iv-and-tag")[:27]),
        wrong("truncated-to-iv", "truncated", "The IV alone.", box("truncated-to-iv")[:12]),
        wrong("empty", "truncated", "Nothing.", b""),
        wrong("tampered-iv", "tampered", "One bit of the IV.", flipped(box("tampered-iv"), 0, 0x80)),
        wrong("tampered-ciphertext", "tampered", "One bit of the ciphertext.",
              flipped(box("tampered-ciphertext"), 12, 1)),
        wrong("tampered-tag", "tampered", "One bit of the tag.", flipped(box("tampered-tag"), -1, 1)),
        inside("contents-empty", "Opens to nothing.", b""),
        inside("contents-no-point", "Ends within the server's point.", session[:63]),
    ]


def token_faults():
    """Faults of `token`. It is `usual` of token.json, unless `renewed` is said."""
    pk, jti = "acme#record:usual", claims("usual")["jti"]
    plaintext = token_contents(TOKEN_KEY, token("usual", token_header()))
    renewed = claims("renewed")["jti"]

    def wrong(name, fault, comment, box, pk=pk, jti=jti, plaintext=None):
        return refused(name, fault, comment, pk, jti=jti, tokenPlaintextHex=plaintext,
                       tokenBase64=base64.b64encode(box).decode())

    def box(name, aad=None, **more):
        return sealed(name, plaintext, token_aad(pk, jti) if aad is None else aad, **more)

    def inside(name, comment, contents):
        return wrong(name, "contents", comment, sealed(name, contents, token_aad(pk, jti)), plaintext=contents.hex())

    kid = 1 + len(TOKEN_KEY)
    return [
        wrong("token-other-reference", "pk", "Moved to another item of the same partner.",
              box("token-other-reference"), "acme#record:other"),
        wrong("token-other-partner", "pk", "Moved to another partner's item.", box("token-other-partner"),
              "globex#record:usual"),
        wrong("token-of-the-last-generation", "jti",
              "After a renewal, the token before it was put back: the item has the `jti` of `renewed`.",
              box("token-of-the-last-generation"), jti=renewed),
        wrong("token-of-the-next-generation", "jti", "The token of `renewed`, in the item before the renewal.",
              box("token-of-the-next-generation", token_aad(pk, renewed))),
        wrong("token-aad-of-the-session", "jti", "Sealed with `pk` alone: it would open in any generation.",
              box("token-aad-of-the-session", pk.encode())),
        wrong("token-aad-without-zero", "jti", "Sealed with no zero byte between `pk` and `jti`.",
              box("token-aad-without-zero", f"{pk}{jti}".encode())),
        wrong("token-wrong-key", "wrong-key",
              "Sealed under the key that `tokenSealedBy` names, opened with `sealedBy`.", box("token-wrong-key", kid=NEXT)),
        wrong("token-tampered-tag", "tampered", "One bit of the tag.", flipped(box("token-tampered-tag"), -1, 1)),
        wrong("token-truncated", "truncated", "The last byte is missing.", box("token-truncated")[:-1]),
        wrong("token-empty", "truncated", "Nothing.", b""),
        inside("contents-token-empty", "Opens to nothing.", b""),
        inside("contents-kid-length", "The token key's name would be longer than all that follows.",
               b"\xff" + plaintext[1:200]),
        inside("contents-kid-empty", "A token key has a name.", b"\0" + plaintext[kid:]),
        inside("contents-kid-space", "A token key's name has no spaces.", plaintext[:1] + b" " + plaintext[2:]),
        inside("contents-kid-not-ascii", "A token key's name is ASCII.", plaintext[:1] + b"\xff" + plaintext[2:]),
        inside("contents-token-iv", "Ends within the token's IV.", plaintext[:kid + 11]),
    ]
