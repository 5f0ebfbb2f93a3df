"""request.json: what a partner sends, and what the service must refuse before it looks inside."""

from .jose import (
    aes_gcm, b64url, compact_json, coordinates, encoded_jwk, flip_first_bit, flip_last_bit, header, iv_of, key_bytes,
    oct_jwk,
    p256, public_jwk, scalar_of, seal, unb64url, with_segment,
)

NEWEST, OLDER, UNKNOWN = "vectors-2026-11", "vectors-2026-05", "vectors-elsewhere"
SDK_API_KEY = "vectors-sdk-api-key"
SDK = p256(scalar_of("sdk"))


def members(reference, /, **more):
    """A valid request."""
    return {
        "referenceId": reference,
        "sdkPublicKey": encoded_jwk(public_jwk(*coordinates(SDK))),
        "sdkApiKey": SDK_API_KEY,
        "accountNumber": "123123123",
    } | more


def vectors():
    return positive() + negative()


def positive():
    full = dict(
        name="David beckham", email="OperationalSupport@wibmo.com", isdCode=91, mobileNumber=9642308308, dob=19910807,
        data={"key1": "value1", "key2": "value2"},
    )
    named = header(NEWEST)
    made = [
        opens("kid", "The usual request: the newest payload key, named.", named),
        opens("no-kid", "The key is not named, as Nimbus sends it.", header()),
        opens("every-member", "The guide's sample, with integers where it has them.", named, **full),
        opens("non-ascii", "UTF-8 beyond ASCII and beyond the basic plane, not escaped.", named,
              name="Zoë Ångström 李雷 😀", data={"ключ": "значение"}),
        opens("older-key-named", "During a rotation: a key that is not the first of the ring.", header(OLDER),
              kid=OLDER, ring=True),
        opens("older-key-not-named", "Not named, so each key of the ring is tried in order.", header(), kid=OLDER,
              ring=True),
        opens("header-order", "The order of the header's members does not matter; the AAD is the header as sent.",
              compact_json({"kid": NEWEST, "enc": "A256GCM", "alg": "dir"})),
        opens("header-white-space", "White space in the header is JSON; re-encoding the header would change the AAD.",
              '{ "alg" : "dir", "enc" : "A256GCM" }\n'),
        opens("header-escapes", "Names and values are compared after unescaping.",
              r'{"\u0061lg":"d\u0069r","enc":"A256GCM"}'),
        opens("header-unknown-members", "Header members that the protocol does not name are ignored.",
              header(NEWEST, typ="JOSE", cty="json", iat=1795492965, x={"deep": [1, None]})),
        opens("header-1024-bytes", "The longest header.", padded_header(1024)),
        opens("not-a-request", "Opens, but is no request: the answer is sealed, with TOK400.", named,
              plaintext=b"{}", resCode="TOK400"),
        opens("empty-plaintext", "Opens to nothing: an empty ciphertext segment is sound.", named, plaintext=b"",
              resCode="TOK400"),
    ]
    quoted = opens("quoted", "Sent as a JSON string, as some HTTP libraries do: one pair of quotes is dropped.", named)
    quoted["body"] = f'"{quoted["jwe"]}"'
    spaced = opens("white-space-around", "White space around the body is dropped.", named)
    spaced["body"] = f' \t{spaced["jwe"]}\r\n'
    return [*made, quoted, spaced]


def padded_header(size):
    start = header(NEWEST, x="")
    return start.replace('"x":""', f'"x":"{"x" * (size - len(start))}"')


def opens(label, comment, protected, /, kid=NEWEST, ring=False, plaintext=None, resCode="TOK200", **more):
    if plaintext is None:
        plaintext = compact_json(members(f"request:{label}", **more)).encode()
    iv = iv_of(f"request {label}")
    vector = {"name": label, "comment": comment, "valid": True, "key": oct_jwk(kid)}
    if ring:
        vector["keys"] = [oct_jwk(NEWEST), oct_jwk(OLDER)]
    return vector | {
        "headerUtf8": protected,
        "ivBase64url": b64url(iv),
        "plaintextUtf8": plaintext.decode(),
        "jwe": seal(protected, key_bytes(kid), iv, plaintext),
        "httpStatus": 200 if resCode == "TOK200" else 400,
        "resCode": resCode,
    }


def negative():
    return [*header_faults(), *key_faults(), *compact_faults(), *tampered(), *not_a_jwe()]


def refused(name, fault, comment, jwe, ring=False):
    vector = {"name": name, "comment": comment, "valid": False, "fault": fault, "key": oct_jwk(NEWEST)}
    if ring:
        vector["keys"] = [oct_jwk(NEWEST), oct_jwk(OLDER)]
    return vector | {"jwe": jwe, "httpStatus": 400, "resCode": "TOK422"}


def sealed(name, protected, kid=NEWEST):
    """A valid request under any header: it would open, if the header were not looked at."""
    plaintext = compact_json(members(f"request:{name}")).encode()
    return seal(protected, key_bytes(kid), iv_of(f"request {name}"), plaintext)


def header_faults():
    rows = [
        ("alg-a256kw", "alg", "Another algorithm.", '{"alg":"A256KW","enc":"A256GCM"}'),
        ("alg-none", "alg", "No algorithm by name.", '{"alg":"none","enc":"A256GCM"}'),
        ("alg-upper-case", "alg", "Names are compared exactly.", '{"alg":"DIR","enc":"A256GCM"}'),
        ("alg-missing", "alg", "`alg` is required.", '{"enc":"A256GCM"}'),
        ("alg-not-a-string", "alg", "`alg` is a string.", '{"alg":["dir"],"enc":"A256GCM"}'),
        ("enc-a128gcm", "enc", "Another content encryption.", '{"alg":"dir","enc":"A128GCM"}'),
        ("enc-cbc", "enc", "The other content encryption that takes long keys.", '{"alg":"dir","enc":"A256CBC-HS512"}'),
        ("enc-lower-case", "enc", "Names are compared exactly.", '{"alg":"dir","enc":"a256gcm"}'),
        ("enc-missing", "enc", "`enc` is required.", '{"alg":"dir"}'),
        ("crit", "crit", "No extension is understood.",
         '{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":1795492965}'),
        ("crit-empty", "crit", "Refused whatever it holds.", '{"alg":"dir","enc":"A256GCM","crit":[]}'),
        ("crit-escaped", "crit", "Recognised after unescaping.", r'{"alg":"dir","enc":"A256GCM","cr\u0069t":["exp"]}'),
        ("zip", "zip", "Compression is not supported.", '{"alg":"dir","enc":"A256GCM","zip":"DEF"}'),
        ("zip-null", "zip", "Refused whatever it holds.", '{"alg":"dir","enc":"A256GCM","zip":null}'),
        ("repeated-alg", "repeated-header-member", "Equal values do not excuse it.",
         '{"alg":"dir","enc":"A256GCM","alg":"dir"}'),
        ("repeated-alg-escaped", "repeated-header-member", "Compared after unescaping.",
         r'{"alg":"dir","enc":"A256GCM","\u0061lg":"dir"}'),
        ("repeated-kid", "repeated-header-member", "Two parsers could take either.",
         compact_json({"alg": "dir", "enc": "A256GCM", "kid": UNKNOWN})[:-1] + f',"kid":"{NEWEST}"}}'),
        ("repeated-unknown-member", "repeated-header-member", "Ignored members are not exempt.",
         '{"alg":"dir","enc":"A256GCM","x":1,"x":1}'),
        ("kid-number", "kid-not-a-string", "`kid` is a string.", '{"alg":"dir","enc":"A256GCM","kid":1}'),
        ("kid-null", "kid-not-a-string", "`null` is not absent in a header.",
         '{"alg":"dir","enc":"A256GCM","kid":null}'),
        ("header-1025-bytes", "header-too-long", "One byte over 1 KiB, decoded.", padded_header(1025)),
        ("header-array", "header-not-an-object", "The header is a JSON object.", '["dir","A256GCM"]'),
        ("header-not-json", "header-not-an-object", "Single quotes are not JSON.", "{'alg':'dir','enc':'A256GCM'}"),
        ("header-trailing-text", "header-not-an-object", "Nothing follows the object.",
         '{"alg":"dir","enc":"A256GCM"}{}'),
        ("header-trailing-comma", "header-not-an-object", "A trailing comma is not JSON.",
         '{"alg":"dir","enc":"A256GCM",}'),
    ]
    return [
        *(refused(name, fault, comment, sealed(name, protected)) for name, fault, comment, protected in rows),
        refused("header-not-utf8", "header-not-an-object", "JSON is UTF-8; this holds the byte ff.",
                sealed("header-not-utf8", b'{"alg":"dir","enc":"A256GCM","x":"\xff"}')),
    ]


def key_faults():
    return [
        refused("wrong-key", "wrong-key", "Sealed with a key that the receiver has not.",
                sealed("wrong-key", header(), UNKNOWN)),
        refused("wrong-key-named", "wrong-key", "Sealed with another key than the one it names.",
                sealed("wrong-key-named", header(NEWEST), UNKNOWN)),
        refused("kid-unknown", "kid-unknown", "Sealed with a key of the ring, under a name that the ring has not.",
                sealed("kid-unknown", header(UNKNOWN))),
        refused("kid-empty", "kid-unknown", "An empty name is a name.", sealed("kid-empty", header(""))),
        refused("kid-of-another-key", "wrong-key",
                "Sealed with the newest key, named as the older: with a `kid`, no other key is tried.",
                sealed("kid-of-another-key", header(OLDER)), ring=True),
    ]


def compact_faults():
    def changed(name, fault, comment, at, change):
        return refused(name, fault, comment, with_segment(sealed(name, header()), at, change))

    def cut(size):
        return lambda segment: b64url(unb64url(segment)[:size])

    def grown(size):
        return lambda segment: b64url(unb64url(segment).ljust(size, b"\0"))

    def stray_bits(segment):
        """The last character with a bit set that its bytes have not."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        assert len(segment) % 4 != 0
        return segment[:-1] + alphabet[alphabet.index(segment[-1]) | 1]

    four = sealed("four-segments", header()).replace("..", ".")
    six = sealed("six-segments", header())
    return [
        refused("four-segments", "segments", "The empty key segment is left out.", four),
        refused("three-segments", "segments", "A JWS has three.", sealed("three-segments", header()).rsplit(".", 2)[0]),
        refused("six-segments", "segments", "An empty segment more.", f"{six}."),
        changed("encrypted-key", "encrypted-key", "`dir` has no encrypted key.", 1, lambda _: b64url(bytes(32))),
        changed("iv-11-bytes", "iv-size", "One byte short.", 2, cut(11)),
        changed("iv-16-bytes", "iv-size", "The block size is not the IV's size.", 2, grown(16)),
        changed("iv-empty", "iv-size", "No IV.", 2, lambda _: ""),
        changed("tag-15-bytes", "tag-size", "One byte short.", 4, cut(15)),
        changed("tag-12-bytes", "tag-size", "GCM knows tags of 12 bytes, JOSE does not.", 4, cut(12)),
        changed("tag-17-bytes", "tag-size", "One byte over.", 4, grown(17)),
        changed("tag-in-the-ciphertext", "tag-size", "As AEAD libraries return them: ciphertext and tag in one.", 4,
                lambda _: ""),
        changed("padded-header", "base64url", "base64url is not padded.", 0, lambda s: s + "="),
        changed("padded-tag", "base64url", "base64url is not padded.", 4, lambda s: s + "=="),
        changed("stray-bits-tag", "base64url", "Not canonical: the last character has bits that no byte holds.", 4,
                stray_bits),
        standard_alphabet(),
        changed("line-break", "base64url", "Base64 tools break lines; a compact JWE has none.", 3,
                lambda s: f"{s[:76]}\n{s[76:]}"),
        changed("space", "base64url", "A `+` that a form decoded.", 3, lambda s: f"{s[:8]} {s[9:]}"),
        changed("ciphertext-impossible-length", "base64url", "No bytes have an encoding of 4n + 1 characters.", 3,
                lambda s: s[: len(s) // 4 * 4 - 3]),
    ]


def standard_alphabet():
    jwe = sealed("standard-alphabet", header())
    ciphertext = jwe.split(".")[3]
    assert "-" in ciphertext or "_" in ciphertext
    return refused("standard-alphabet", "base64url",
                   "The alphabet of base64 (`+` and `/`) in the place of base64url's.",
                   with_segment(jwe, 3, lambda s: s.replace("-", "+").replace("_", "/")))


def tampered():
    def changed(name, comment, at, change):
        return refused(name, "tampered", comment, with_segment(sealed(name, header(NEWEST)), at, change))

    other = header(NEWEST) + " "
    return [
        changed("tampered-tag", "One bit of the tag.", 4, flip_last_bit),
        changed("tampered-ciphertext-first", "The first bit of the ciphertext.", 3, flip_first_bit),
        changed("tampered-ciphertext-last", "The last bit of the ciphertext.", 3, flip_last_bit),
        changed("tampered-iv", "One bit of the IV.", 2, flip_last_bit),
        changed("tampered-header", "A space more in the header, which says the same: the AAD is the header as sent.", 0,
                lambda _: b64url(other.encode())),
        changed("truncated-ciphertext", "Its last three bytes are missing.", 3,
                lambda s: b64url(unb64url(s)[:-3])),
        refused("aad-decoded", "tampered", "Sealed over the header's JSON instead of its base64url: a common mistake.",
                sealed_over("aad-decoded", header(NEWEST).encode())),
        refused("aad-empty", "tampered", "Sealed without AAD.", sealed_over("aad-empty", b"")),
    ]


def sealed_over(name, aad):
    """A request whose AAD is not the first segment."""
    plaintext = compact_json(members(f"request:{name}")).encode()
    other = aes_gcm(key_bytes(NEWEST), iv_of(f"request {name}"), plaintext, aad)
    return with_segment(with_segment(sealed(name, header(NEWEST)), 3, lambda _: b64url(other[:-16])), 4,
                        lambda _: b64url(other[-16:]))


def not_a_jwe():
    whole = sealed("truncated-body", header(NEWEST))
    quoted = sealed("curly-quotes", header(NEWEST))
    twice = sealed("quoted-twice", header(NEWEST))
    return [
        refused("empty", "segments", "No body.", ""),
        refused("plain-json", "not-encrypted", "The request itself, not encrypted.",
                compact_json(members("request:plain-json"))),
        refused("truncated-body", "segments", "Cut in the ciphertext, as by a copy of one line.", whole[:200]),
        refused("curly-quotes", "base64url", "Quotes as a word processor writes them.", f"“{quoted}”"),
        refused("quoted-twice", "base64url", "One pair of quotes is dropped, not two.", f'""{twice}""'),
        refused("json-serialization", "not-encrypted",
                "The JSON serialization of a JWE: only the compact one is taken.",
                json_serialization(sealed("json-serialization", header(NEWEST)))),
    ]


def json_serialization(jwe):
    protected, _, iv, ciphertext, tag = jwe.split(".")
    return compact_json({"protected": protected, "iv": iv, "ciphertext": ciphertext, "tag": tag})
