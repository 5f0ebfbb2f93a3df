"""sdk-public-key.json: the member `sdkPublicKey`, in each encoding that is accepted and in those that are not."""

import base64

from cryptography.hazmat.primitives import serialization

from .jose import b64url, compact_json, coordinates, private_jwk, public_jwk
from .session_key import SDK, SERVER, wrong_points


def vectors():
    return positive() + negative()


def positive():
    plain = compact_json(jwk())
    differs = with_both()
    rows = [("usual", "base64url of the JWK, unpadded: what to send.", b64url(plain.encode()))]
    for spaces in range(3):
        text = (" " * spaces + differs).encode()
        rows += [
            (f"base64url-{spaces}", "base64url, unpadded.", b64url(text)),
            (f"base64url-padded-{spaces}", "base64url with its padding, if it has any.",
             base64.urlsafe_b64encode(text).decode()),
            (f"base64-{spaces}", "base64 with its padding, if it has any.", base64.b64encode(text).decode()),
            (f"base64-unpadded-{spaces}", "base64 without padding.", base64.b64encode(text).rstrip(b"=").decode()),
        ]
    more = {"kid": "sdk", "use": "enc", "alg": "ECDH-ES", "key_ops": ["deriveBits"], "ext": True} | jwk()
    rows += [
        ("order", "Members in any order.", b64url(compact_json(dict(reversed(jwk().items()))).encode())),
        ("unknown-members", "Other members are ignored.", b64url(compact_json(more).encode())),
        ("white-space", "White space in the JWK.", b64url(plain.replace(":", " : ").replace(",", ",\r\n\t").encode())),
        ("escapes", "Names and values are read after unescaping.",
         b64url(plain.replace('"x"', r'"\u0078"').replace('"EC"', r'"\u0045C"').encode())),
        ("1024-bytes", "The longest JWK, counted decoded.", b64url(plain.encode().ljust(1024))),
    ]
    return [accepted(*row) for row in rows]


def jwk():
    return public_jwk(*coordinates(SDK))


def with_both():
    """A JWK whose base64 has both characters in which the two alphabets differ, also behind a space or two."""
    text = compact_json({"kid": "???~~~>>>~???~~~>>>"} | jwk())
    for spaces in range(3):
        encoded = base64.b64encode((" " * spaces + text).encode())
        assert b"+" in encoded and b"/" in encoded
    return text


def accepted(name, comment, text):
    x, y = coordinates(SDK)
    return {"name": name, "comment": comment, "valid": True, "sdkPublicKey": text, "xHex": x.hex(), "yHex": y.hex()}


def refused(name, fault, comment, text):
    return {"name": name, "comment": comment, "valid": False, "fault": fault, "sdkPublicKey": text}


def negative():
    plain = compact_json(jwk())
    x, y = jwk()["x"], jwk()["y"]
    public = SDK.public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

    def text(changed):
        assert changed != plain
        return b64url(changed.encode())

    rows = [(name, fault, comment, b64url(compact_json(jwk).encode())) for name, fault, comment, jwk in wrong_points()]
    padded = base64.urlsafe_b64encode((plain + " ").encode()).decode()
    assert padded.endswith("==")
    mixed = base64.b64encode(with_both().encode()).decode().rstrip("=")
    return [refused(*row) for row in [
        *rows,
        ("private", "private", "A private key does not belong here. It is refused, not shortened: it has been shown.",
         b64url(compact_json(private_jwk(SDK)).encode())),
        ("private-null", "private", "Refused whatever `d` is.", text(plain[:-1] + ',"d":null}')),
        ("private-escaped", "private", "Recognised after unescaping.", text(plain[:-1] + r',"\u0064":"AA"}')),
        ("repeated-x", "repeated-member", "No member twice.", text(plain[:-1] + f',"x":"{x}"}}')),
        ("repeated-x-escaped", "repeated-member", "Compared after unescaping.",
         text(plain[:-1] + rf',"\u0078":"{x}"}}')),
        ("repeated-unknown-member", "repeated-member", "Ignored members are not exempt.",
         text(plain[:-1] + ',"kid":"a","kid":"a"}')),
        ("crv-lower-case", "curve", "Names are compared exactly.", text(plain.replace("P-256", "p-256"))),
        ("y-padded", "coordinate", "Coordinates are unpadded: 43 characters, not 44.", text(plain.replace(y, y + "="))),
        ("x-base64", "coordinate", "Coordinates are base64url, in whatever base64 the JWK is.",
         text(standard_alphabet())),
        ("x-stray-bits", "coordinate", "Not canonical: 43 characters with bits that 32 bytes have not.",
         text(plain.replace(x, x[:-1] + chr(ord(x[-1]) + 1)))),
        ("x-number", "coordinate", "A coordinate is a string.", text(plain.replace(f'"{x}"', "5"))),
        ("1025-bytes", "too-long", "One byte over 1 KiB, decoded.", b64url(plain.encode().ljust(1025))),
        ("jwk-not-encoded", "base64", "The JWK itself.", plain),
        ("half-of-the-padding", "base64", "All of the padding or none.", padded[:-1]),
        ("too-much-padding", "base64", "Padding where none is due.", padded + "="),
        ("two-alphabets", "base64", "`-` or `+`, but not both in one text.", mixed.replace("/", "_", 1)),
        ("line-breaks", "base64", "As MIME encoders write it.",
         f"{b64url(plain.encode())[:76]}\r\n{b64url(plain.encode())[76:]}"),
        ("stray-bits", "base64", "Not canonical: the last character has bits that no byte holds.",
         stray_bits(plain)),
        ("sec1-point", "not-an-object", "The point's 65 bytes (SEC 1) are no JWK.", b64url(point)),
        ("spki-der", "not-an-object", "SubjectPublicKeyInfo, as Java's getEncoded() and WebCrypto's `spki` give.",
         b64url(der)),
        ("spki-pem", "base64", "PEM.", pem.decode()),
        ("jwk-set", "curve", "A JWK Set is no JWK.", text(f'{{"keys":[{plain}]}}')),
        ("array", "not-an-object", "A JWK is an object.", text(f"[{plain}]")),
        ("truncated", "not-an-object", "Cut on its way.", b64url(plain.encode())[:100]),
        ("empty", "not-an-object", "Nothing.", ""),
    ]]


def standard_alphabet():
    """A key with `+` and `/` in its coordinates."""
    other = public_jwk(*coordinates(SERVER))
    changed = {name: value.replace("-", "+").replace("_", "/") for name, value in other.items() if name in "xy"}
    assert changed["x"] != other["x"]
    return compact_json(other | changed)


def stray_bits(plain):
    text = b64url((plain + " ").encode())
    assert len(text) % 4 == 2 and text[-1] == "A" or text[-1] == "g"
    return text[:-1] + chr(ord(text[-1]) + 1)
