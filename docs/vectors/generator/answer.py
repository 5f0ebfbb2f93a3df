"""answer.json: what a partner's client opens, and what it must refuse."""

from .jose import (
    b64url, compact_json, coordinates, encoded_jwk, flip_first_bit, flip_last_bit, header, iv_of, key_bytes, oct_jwk,
    public_jwk, seal, unb64url, with_segment,
)
from .request import NEWEST, OLDER, UNKNOWN
from .session_key import SERVER
from .token import ISSUED_AT, token, token_header

ACCOUNT_RULE = "must be 1-19 digits 0-9, as a string or an integer without sign, fraction or exponent"
MEMBERS_FAIL = "Members are missing or break a rule: see errors"
NOT_JSON = "The decrypted body must be one JSON object in UTF-8, without repeated members and at most 8 levels deep"
REUSED = "referenceId was used for another request: use a new one"


def success(label, code="TOK200"):
    """The token and the key are those of `usual` in token.json and session-key.json."""
    return {
        "resCode": code, "resDesc": "SUCCESS", "referenceId": f"answer:{label}",
        "serverPubKey": encoded_jwk(public_jwk(*coordinates(SERVER))), "token": token("usual", token_header()),
        "expireAt": (ISSUED_AT + 1800) * 1000,
    }


def problem(code, text, reference=None, errors=()):
    members = {"resCode": code, "resDesc": text}
    if reference is not None:
        members["referenceId"] = reference
    if errors:
        members["errors"] = [{"field": field, "reason": reason} for field, reason in errors]
    return members


def vectors():
    return positive() + negative()


def opens(label, comment, /, members, status=200, kid=NEWEST, named=True, ring=False):
    protected = header(kid if named else None)
    plaintext = compact_json(members)
    vector = {"name": label, "comment": comment, "valid": True, "key": oct_jwk(kid)}
    if ring:
        vector["keys"] = [oct_jwk(NEWEST), oct_jwk(OLDER)]
    return vector | {
        "httpStatus": status,
        "expectedReferenceId": f"answer:{label}",
        "headerUtf8": protected,
        "ivBase64url": b64url(iv_of(f"answer {label}")),
        "plaintextUtf8": plaintext,
        "jwe": seal(protected, key_bytes(kid), iv_of(f"answer {label}"), plaintext.encode()),
    }


def positive():
    def succeeds(label, comment, code="TOK200", **more):
        return opens(label, comment, success(label, code), **more)

    def fails(label, comment, status, code, text, errors=(), reference=True):
        return opens(label, comment, problem(code, text, f"answer:{label}" if reference else None, errors), status)

    return [
        succeeds("success", "A token."),
        succeeds("success-no-kid", "The request named no key, so the answer names none.", named=False),
        succeeds("success-legacy", "On the older path `resCode` is an integer.", code=100),
        succeeds("older-key-named", "The request was sealed with an older key, so the answer is.", kid=OLDER,
                 ring=True),
        succeeds("older-key-not-named", "Each key is tried in order.", kid=OLDER, named=False, ring=True),
        fails("members", "Members fail, all at once.", 400, "TOK400", MEMBERS_FAIL,
              [("sdkPublicKey", "is required"), ("accountNumber", ACCOUNT_RULE)]),
        fails("not-json", "The plaintext was no JSON, so there is no `referenceId` to echo.", 400, "TOK400",
              NOT_JSON, reference=False),
        fails("sdk-api-key", "`sdkApiKey` is not the partner's.", 401, "TOK004", "sdkApiKey is not yours"),
        fails("reused", "Another request had this `referenceId`.", 409, "TOK409", REUSED, [("referenceId", "reused")]),
        fails("expired", "The token of this `referenceId` has expired.", 409, "TOK409",
              "The token of this referenceId has expired: use a new referenceId", [("referenceId", "expired")]),
        fails("revoked", "The token of this `referenceId` was invalidated.", 409, "TOK409",
              "The token of this referenceId was revoked: use a new referenceId", [("referenceId", "revoked")]),
        fails("reused-legacy", "On the older path: the code's digits.", 409, 409, REUSED, [("referenceId", "reused")]),
        fails("sdk-api-key-legacy", "On the older path: 4, without leading zeros.", 401, 4,
              "sdkApiKey is not yours"),
        fails("unavailable", "Retry with the same `referenceId`.", 503, "TOK503",
              "Unavailable for now: retry with the same referenceId"),
        fails("failed", "Report it, with `X-Request-Id`.", 500, "TOK003", "Something went wrong on our side"),
    ]


def refused(name, fault, comment, jwe, status=200, ring=False, plaintext=None):
    vector = {"name": name, "comment": comment, "valid": False, "fault": fault, "key": oct_jwk(NEWEST)}
    if ring:
        vector["keys"] = [oct_jwk(NEWEST), oct_jwk(OLDER)]
    vector |= {"httpStatus": status, "expectedReferenceId": f"answer:{name}"}
    return vector | ({} if plaintext is None else {"plaintextUtf8": plaintext}) | {"jwe": jwe}


def sealed(name, protected=None, kid=NEWEST):
    protected = header(NEWEST) if protected is None else protected
    return seal(protected, key_bytes(kid), iv_of(f"answer {name}"), compact_json(success(name)).encode())


def negative():
    return [*form_faults(), *contents_faults()]


def form_faults():
    def changed(name, fault, comment, at, change):
        return refused(name, fault, comment, with_segment(sealed(name), at, change))

    return [
        refused("wrong-key", "wrong-key", "Sealed with a key that you have not.",
                sealed("wrong-key", header(), UNKNOWN)),
        refused("wrong-key-named", "wrong-key", "Sealed with another key than the one it names.",
                sealed("wrong-key-named", header(NEWEST), UNKNOWN), ring=True),
        refused("kid-unknown", "kid-unknown", "Names a key that you have not, and was sealed with it.",
                sealed("kid-unknown", header(UNKNOWN), UNKNOWN), ring=True),
        changed("tampered-tag", "tampered", "One bit of the tag.", 4, flip_last_bit),
        changed("tampered-ciphertext-first", "tampered", "The first bit of the ciphertext.", 3, flip_first_bit),
        changed("tampered-ciphertext-last", "tampered", "The last bit of the ciphertext.", 3, flip_last_bit),
        changed("tampered-iv", "tampered", "One bit of the IV.", 2, flip_last_bit),
        changed("tampered-header", "tampered", "The same members in another order: the AAD is the header as received.",
                0,
                lambda _: b64url(compact_json({"enc": "A256GCM", "alg": "dir", "kid": NEWEST}).encode())),
        changed("truncated-ciphertext", "tampered", "Its last three bytes are missing.", 3,
                lambda segment: b64url(unb64url(segment)[:-3])),
        changed("tag-12-bytes", "tag-size",
                "The first 12 bytes of the right tag: PHP's openssl_decrypt and others take it.",
                4, lambda segment: b64url(unb64url(segment)[:12])),
        changed("tag-4-bytes", "tag-size", "The first 4 bytes of the right tag.", 4,
                lambda segment: b64url(unb64url(segment)[:4])),
        changed("tag-empty", "tag-size", "No tag.", 4, lambda _: ""),
        changed("iv-16-bytes", "iv-size", "The block size is not the IV's size.", 2,
                lambda segment: b64url(unb64url(segment) + bytes(4))),
        refused("alg-a256kw", "alg", "Another algorithm.", sealed("alg-a256kw", '{"alg":"A256KW","enc":"A256GCM"}')),
        refused("enc-a128gcm", "enc", "Another content encryption.",
                sealed("enc-a128gcm", '{"alg":"dir","enc":"A128GCM"}')),
        refused("crit", "crit", "An extension that must be understood.",
                sealed("crit", '{"alg":"dir","enc":"A256GCM","crit":["x"],"x":1}')),
        changed("encrypted-key", "encrypted-key", "`dir` has no encrypted key.", 1, lambda _: b64url(bytes(32))),
        refused("four-segments", "segments", "The empty key segment is left out.",
                sealed("four-segments").replace("..", ".")),
        refused("six-segments", "segments", "A segment more.", sealed("six-segments") + ".AAAA"),
        refused("truncated", "segments", "The connection broke.", sealed("truncated")[:200]),
        refused("empty", "segments", "No body.", ""),
        refused("html", "segments", "A proxy answered.", "<html><body>OK</body></html>"),
        refused("not-encrypted", "not-encrypted", "A success that anybody on the way could have made.",
                compact_json(success("not-encrypted"))),
    ]


def contents_faults():
    """These open. What is inside is at fault."""
    def made(name, fault, comment, plaintext):
        plaintext = plaintext if isinstance(plaintext, str) else compact_json(plaintext)
        jwe = seal(header(NEWEST), key_bytes(NEWEST), iv_of(f"answer {name}"), plaintext.encode())
        return refused(name, fault, comment, jwe, plaintext=plaintext)

    def without(label, member):
        return {name: value for name, value in success(label).items() if name != member}

    return [
        made("reference-id", "reference-id", "The answer to another request of yours: it opens with the same key.",
             success("another-request")),
        made("reference-id-missing", "reference-id", "A success says what it answers.",
             without("reference-id-missing", "referenceId")),
        made("token-missing", "member-missing", "A success without a token.", without("token-missing", "token")),
        made("server-pub-key-missing", "member-missing", "A success without the service's public key.",
             without("server-pub-key-missing", "serverPubKey")),
        made("contents-not-json", "not-json", "Opens to something else than JSON.", "SUCCESS"),
        made("contents-array", "not-json", "Opens to JSON that is no object.", "[]"),
    ]
