"""token.json: the tokens that the service opens, for a renewal and for an introspection."""

from .jose import (
    b64url, compact_json, fixed, flip_first_bit, flip_last_bit, header, iv_of, key_bytes, oct_jwk, seal, unb64url,
    with_segment,
)
from .session_key import SDK, SERVER, ec, session_key

NEWEST, OLDER, UNKNOWN = "token-2026-11", "token-2026-05", "token-elsewhere"
ISSUER, AUDIENCE = "token-service", "bankezy-sdk"
ISSUED_AT = 1795492965
KEY = session_key(SDK.exchange(ec.ECDH(), SERVER.public_key()))


def claims(label, /, **changed):
    """The claims in the protocol's order."""
    members = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "123123123", "client_id": "acme", "program_id": 2001,
        "jti": b64url(fixed(f"jti {label}", 16)), "ref": f"token:{label}",
        "auth_time": ISSUED_AT, "iat": ISSUED_AT, "exp": ISSUED_AT + 1800,
        "cnf": {"jwk": {"kty": "oct", "k": b64url(KEY)}},
    } | changed
    return {name: value for name, value in members.items() if value is not None}


RENEWED_AT = ISSUED_AT + 1500
# What a renewal changes of `usual`.
RENEWED = {"ref": "token:usual", "iat": RENEWED_AT, "exp": RENEWED_AT + 1800}


def token_header(kid=NEWEST):
    return header(kid, typ="JWT")


def token(label, protected, kid=NEWEST, **changed):
    return seal(protected, key_bytes(kid), iv_of(f"token {label}"), compact_json(claims(label, **changed)).encode())


def vectors():
    return positive() + negative()


def opens(label, comment, /, kid=NEWEST, ring=False, **changed):
    members = claims(label, **changed)
    vector = {"name": label, "comment": comment, "valid": True, "key": oct_jwk(kid)}
    if ring:
        vector["keys"] = [oct_jwk(NEWEST), oct_jwk(OLDER)]
    return vector | {
        "issuer": members["iss"], "audience": members["aud"],
        "headerUtf8": token_header(kid),
        "ivBase64url": b64url(iv_of(f"token {label}")),
        "plaintextUtf8": compact_json(members),
        "claims": members,
        "sessionKeyHex": unb64url(members["cnf"]["jwk"]["k"]).hex(),
        "jwe": token(label, token_header(kid), kid, **changed),
    }


def positive():
    return [
        opens("usual", "Its session key is that of `usual` in session-key.json."),
        opens("renewed", "The next token of the session of `usual`: another `jti`, `iat` and `exp`.", **RENEWED),
        opens("older-key", "During a rotation: sealed with a key that is not the first of the ring.", OLDER, ring=True),
        opens("leading-zeros", "Leading zeros of the account number stay.", sub="0000123"),
        opens("largest", "Every value at its limit.", kid="k" * 128, iss="i" * 64, aud="a" * 64, sub="9" * 19,
              client_id="c" * 64, program_id=2**31 - 1, ref="r" * 64, exp=ISSUED_AT + 86400),
        opens("smallest", "Every value at its least.", kid="k", iss="i", aud="a", sub="0", client_id="c", program_id=0,
              ref="r", exp=ISSUED_AT + 60),
        opens("oldest-session", "`auth_time` is as long before `iat` as a session may last.",
              auth_time=ISSUED_AT - 2592000 + 1),
        opens("escaped", "Issuer and audience with the two ASCII characters that JSON escapes.", iss='a "b" \\',
              aud="\\\"<>&'/"),
    ]


def refused(name, fault, comment, jwe, ring=False, plaintext=None):
    vector = {"name": name, "comment": comment, "valid": False, "fault": fault, "key": oct_jwk(NEWEST)}
    if ring:
        vector["keys"] = [oct_jwk(NEWEST), oct_jwk(OLDER)]
    vector |= {"issuer": ISSUER, "audience": AUDIENCE}
    return vector | ({} if plaintext is None else {"plaintextUtf8": plaintext}) | {"jwe": jwe}


def negative():
    return [*header_faults(), *compact_faults(), *claims_faults()]


def header_faults():
    usual = {"alg": "dir", "enc": "A256GCM", "kid": NEWEST, "typ": "JWT"}

    def changed(name, fault, comment, ring=False, **members):
        protected = compact_json({name: value for name, value in (usual | members).items() if value is not None})
        return refused(name, fault, comment, token(name, protected), ring)

    def exact(name, comment, protected):
        return refused(name, "header-form", comment, token(name, protected))

    return [
        changed("alg-a256kw", "alg", "Another algorithm.", alg="A256KW"),
        changed("alg-none", "alg", "No algorithm by name.", alg="none"),
        changed("alg-missing", "alg", "`alg` is required.", alg=None),
        changed("enc-a128gcm", "enc", "Another content encryption.", enc="A128GCM"),
        changed("typ-missing", "typ", "A payload JWE, say: not what was made to be a token.", typ=None),
        changed("typ-jwe", "typ", "Another type.", typ="JWE"),
        changed("typ-lower-case", "typ", "Compared exactly.", typ="jwt"),
        changed("kid-missing", "kid-missing", "A token names its key; others are not tried.", kid=None),
        changed("kid-number", "kid-not-a-string", "`kid` is a string.", kid=1),
        changed("kid-unknown", "kid-unknown", "Sealed with a key of the ring, under a name that the ring has not.",
                kid=UNKNOWN),
        changed("kid-of-another-key", "wrong-key", "Sealed with the newest key, named as the older.", ring=True,
                kid=OLDER),
        changed("header-member", "header-member", "Exactly four members.", cty="JWT"),
        exact("header-order", "The four members in another order: a token's header has one form.",
              compact_json({"typ": "JWT", "alg": "dir", "enc": "A256GCM", "kid": NEWEST})),
        exact("header-white-space", "The four members with a space between them.",
              token_header().replace(",", ", ", 1)),
        exact("header-escape", "The four members with an escape in `kid`.",
              token_header().replace("token-", "token\\u002d")),
        changed("crit", "header-member", "No extension is understood.", crit=["exp"], exp=ISSUED_AT),
        changed("zip", "header-member", "Compression is not supported.", zip="DEF"),
    ]


def compact_faults():
    whole = {name: token(name, token_header()) for name in (
        "tampered-tag", "tampered-ciphertext-first", "tampered-ciphertext-last", "tampered-iv", "tag-12-bytes",
        "iv-16-bytes", "encrypted-key", "four-segments", "six-segments", "truncated", "empty-tag")}

    def changed(name, fault, comment, at, change):
        return refused(name, fault, comment, with_segment(whole[name], at, change))

    return [
        refused("wrong-key", "wrong-key", "Sealed with a key that nobody here has, under a name of the ring.",
                token("wrong-key", token_header(), UNKNOWN)),
        changed("tampered-tag", "tampered", "One bit of the tag.", 4, flip_last_bit),
        changed("tampered-ciphertext-first", "tampered", "The first bit of the ciphertext.", 3, flip_first_bit),
        changed("tampered-ciphertext-last", "tampered", "The last bit of the ciphertext.", 3, flip_last_bit),
        changed("tampered-iv", "tampered", "One bit of the IV.", 2, flip_last_bit),
        changed("tag-12-bytes", "tag-size",
                "GCM knows tags of 12 bytes, JOSE does not: this one fits as far as it goes.", 4,
                lambda segment: b64url(unb64url(segment)[:12])),
        changed("empty-tag", "tag-size", "No tag.", 4, lambda _: ""),
        changed("iv-16-bytes", "iv-size", "The block size is not the IV's size.", 2,
                lambda segment: b64url(unb64url(segment) + bytes(4))),
        changed("encrypted-key", "encrypted-key", "`dir` has no encrypted key.", 1, lambda _: b64url(bytes(32))),
        refused("four-segments", "segments", "The empty key segment is left out.",
                whole["four-segments"].replace("..", ".")),
        refused("six-segments", "segments", "A segment more.", whole["six-segments"] + ".AAAA"),
        refused("truncated", "segments", "Cut on its way.", whole["truncated"][:200]),
        refused("empty", "segments", "Nothing.", ""),
    ]


def claims_faults():
    """These open. What is inside is at fault."""
    def changed(name, fault, comment, **members):
        plaintext = compact_json(claims(name, **members))
        return refused(name, fault, comment, token(name, token_header(), **members), plaintext=plaintext)

    def jwk(**members):
        return {"jwk": members}

    text = "not claims"
    return [
        changed("issuer", "issuer", "Of another issuer.", iss="another-service"),
        changed("audience", "audience", "For another audience.", aud="another-sdk"),
        changed("cnf-missing", "cnf", "Without a session key there is nothing to prove.", cnf=None),
        changed("cnf-31-bytes", "cnf", "A session key has 32 bytes.", cnf=jwk(kty="oct", k=b64url(KEY[:31]))),
        changed("cnf-not-oct", "cnf", "A session key is an `oct` key.", cnf=jwk(kty="EC", k=b64url(KEY))),
        changed("auth-time-missing", "claim-missing", "Without it nobody knows which session this is.",
                auth_time=None),
        changed("jti-missing", "claim-missing", "A token without a name cannot be renewed.", jti=None),
        changed("claim-unknown", "claim-unknown", "Exactly the protocol's claims.", nbf=ISSUED_AT),
        changed("auth-time-string", "claim-type", "A number in quotes is a string.", auth_time=str(ISSUED_AT)),
        changed("iat-fraction", "claim-type", "Whole seconds.", iat=ISSUED_AT + 0.5),
        changed("program-id-string", "claim-type", "`program_id` is an integer.", program_id="2001"),
        changed("aud-array", "claim-type", "`aud` is one string, though RFC 7519 allows a list.", aud=[AUDIENCE]),
        changed("jti-15-bytes", "claim-form", "`jti` is 16 bytes in base64url.", jti=b64url(fixed("jti", 15))),
        changed("ref-space", "claim-form", "`ref` has the form of a `referenceId`.", ref="token:ref space"),
        changed("client-id-hash", "claim-form", "A partner's id has no `#`: it would be part of another item's `pk`.",
                client_id="acme#token"),
        changed("sub-letter", "claim-form", "`sub` is an account number.", sub="12312312a"),
        changed("sub-20-digits", "claim-form", "An account number has at most 19 digits.", sub="1" * 20),
        refused("not-json", "not-json", "Opens to something else than claims.",
                seal(token_header(), key_bytes(NEWEST), iv_of("token not-json"), text.encode()), plaintext=text),
    ]
