"""session-key.json: what SDK and service agree on, and public keys that an SDK must refuse."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec

from .jose import (
    b64url, compact_json, coordinates, encoded_jwk, p256, private_jwk, public_jwk, scalar_of,
)

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
SDK = p256(scalar_of("sdk"))
SERVER = p256(scalar_of("server"))

# Points that are found by solving the curve's equation, not by multiplying its generator.
X_ZERO = (0, 0x66485C780E2F83D72433BD5D84A06BB6541C2AF31DAE871728BF856A174F93F4)
X_SMALL = (5, 0x459243B9AA581806FE913BCE99817ADE11CA503C64D9A3C533415C083248FBCC)
Y_SMALL = (0xD7325D7646CD60D80A92738CEB345F844CFFAF35841022CAB176F692DE8DE1D7, 5)


def on_curve(x, y):
    return (y * y - (x**3 - 3 * x + B)) % P == 0


assert all(on_curve(*point) for point in (X_ZERO, X_SMALL, Y_SMALL))


def searched(number):
    """A key pair from a row of them in which some have a rare property."""
    return p256(scalar_of(f"search {number}"))


def big(number):
    return number.to_bytes(32, "big")


def kdf_input(z):
    return bytes.fromhex("00000001") + z + bytes.fromhex("00000007") + b"A256GCM" + bytes(8) + bytes.fromhex("00000100")


def session_key(z):
    return hashlib.sha256(kdf_input(z)).digest()


def vectors():
    return positive() + negative()


def positive():
    made = [
        agreed("usual", "Two fresh key pairs.", SDK, SERVER),
        agreed("same-sdk-other-server", "Another key pair of the service: another session key.", SDK,
               p256(scalar_of("server 2"))),
        agreed("z-leading-zero", "Z begins with a zero byte: it stays, Z is always 32 bytes.", SDK, searched(427)),
        agreed("z-two-leading-zeros", "Z begins with two zero bytes.", SDK, searched(4634)),
        agreed("z-trailing-zero", "Z ends with a zero byte.", SDK, searched(350)),
        agreed("server-x-leading-zero", "x of serverPubKey begins with a zero byte: 43 characters all the same.", SDK,
               searched(75)),
        agreed("server-y-leading-zero", "y of serverPubKey begins with a zero byte.", SDK, searched(79)),
        agreed("sdk-x-leading-zero", "x of sdkPublicKey begins with a zero byte: an SDK must not cut it off.",
               searched(75), SERVER),
        agreed("sdk-y-leading-zero", "y of sdkPublicKey begins with a zero byte.", searched(79), SERVER),
        agreed("sdk-d-leading-zero", "The SDK's private key begins with a zero byte.", searched(33), SERVER),
        agreed("sdk-d-is-1", "The smallest private key: Z is x of serverPubKey.", p256(1), SERVER),
    ]
    z = [bytes.fromhex(vector["zHex"]) for vector in made]
    assert z[2][0] == 0 and z[3][:2] == b"\0\0" and z[4][-1] == 0
    assert coordinates(searched(75))[0][0] == 0 and coordinates(searched(79))[1][0] == 0
    assert scalar_of("search 33") >> 248 == 0
    return [*made, x_zero()]


def agreed(name, comment, sdk, server):
    z = sdk.exchange(ec.ECDH(), server.public_key())
    assert z == server.exchange(ec.ECDH(), sdk.public_key())
    vector = {
        "name": name, "comment": comment, "valid": True,
        "sdkPrivateKey": private_jwk(sdk),
        "sdkPublicKey": encoded_jwk(public_jwk(*coordinates(sdk))),
        "serverPrivateKey": private_jwk(server),
        "serverPubKey": encoded_jwk(public_jwk(*coordinates(server))),
    }
    return vector | derived(z)


def derived(z):
    key = session_key(z)
    return {"zHex": z.hex(), "kdfInputHex": kdf_input(z).hex(), "keyHex": key.hex(), "keyBase64url": b64url(key)}


def x_zero():
    """A server's public key whose private key nobody knows."""
    z = SDK.exchange(ec.ECDH(), ec.EllipticCurvePublicNumbers(*X_ZERO, ec.SECP256R1()).public_key())
    vector = {
        "name": "server-x-is-0", "comment": "The point of the curve with x = 0 is a point like any other.",
        "valid": True,
        "sdkPrivateKey": private_jwk(SDK),
        "sdkPublicKey": encoded_jwk(public_jwk(*coordinates(SDK))),
        "serverPubKey": encoded_jwk(public_jwk(*map(big, X_ZERO))),
    }
    return vector | derived(z)


def wrong_points():
    """Of each wrong public JWK: name, fault, comment, JWK. The service refuses them too, as `sdkPublicKey`."""
    x, y = coordinates(SERVER)
    jwk = public_jwk(x, y)
    number_y = int.from_bytes(y, "big")
    secp256k1 = ec.derive_private_key(scalar_of("secp256k1"), ec.SECP256K1())
    p384 = ec.derive_private_key(scalar_of("p384"), ec.SECP384R1()).public_key().public_numbers()

    def changed(**members):
        return {name: value for name, value in (jwk | members).items() if value is not None}

    def point(x, y):
        assert not (x < P and y < P and on_curve(x, y))
        return public_jwk(big(x), big(y))

    return [
        ("y-plus-1", "off-curve", "A point beside the curve.", point(int.from_bytes(x, "big"), number_y + 1)),
        ("x-and-y-swapped", "off-curve", "Both coordinates, in the wrong places.", public_jwk(y, x)),
        ("zeros", "off-curve", "x and y are 0, as some libraries write the point at infinity.", point(0, 0)),
        ("ones", "off-curve", "All bits set: over the field's prime.", point(2**256 - 1, 2**256 - 1)),
        ("x-is-p", "off-curve", "x = p is not 0: a coordinate is below p. y fits to x = 0.", point(P, X_ZERO[1])),
        ("x-plus-p", "off-curve", "x = 5 + p: on the curve only if x is reduced first.",
         point(X_SMALL[0] + P, X_SMALL[1])),
        ("y-plus-p", "off-curve", "y = 5 + p: on the curve only if y is reduced first.",
         point(Y_SMALL[0], Y_SMALL[1] + P)),
        ("point-of-secp256k1", "off-curve", "A point of another curve of 256 bits, called P-256.",
         public_jwk(*coordinates(secp256k1))),
        ("crv-p-384", "curve", "A key on P-384.",
         {"kty": "EC", "crv": "P-384", "x": b64url(p384.x.to_bytes(48, "big")),
          "y": b64url(p384.y.to_bytes(48, "big"))}),
        ("crv-secp256k1", "curve", "A key on secp256k1.", changed(crv="secp256k1")),
        ("crv-missing", "curve", "`crv` is required.", changed(crv=None)),
        ("kty-okp", "curve", "Another kind of key.",
         {"kty": "OKP", "crv": "X25519", "x": b64url(x)}),
        ("kty-missing", "curve", "`kty` is required.", changed(kty=None)),
        ("y-missing", "coordinate", "A compressed point is no JWK.", changed(y=None)),
        ("x-42-characters", "coordinate", "The leading zero byte is cut off: 31 bytes.", changed(
            **dict(zip("xy", short_x())))),
        ("x-44-characters", "coordinate", "A zero byte in front, as integers in DER have: 33 bytes.",
         changed(x=b64url(b"\0" + x))),
        ("x-empty", "coordinate", "No bytes.", changed(x="")),
    ]


def short_x():
    x, y = coordinates(searched(75))
    assert x[0] == 0
    return b64url(x[1:]), b64url(y)


def negative():
    made = []
    for name, fault, comment, jwk in wrong_points():
        made.append(refused(name, fault, comment, encoded_jwk(jwk)))
    return [
        *made,
        refused("not-json", "not-an-object", "The base64url of something else than a JWK.", b64url(b"serverPubKey")),
        refused("jwk-not-encoded", "base64", "The JWK itself instead of its base64url.",
                compact_json(public_jwk(*coordinates(SERVER)))),
        refused("truncated", "not-an-object", "Cut on its way.", encoded_jwk(public_jwk(*coordinates(SERVER)))[:100]),
        refused("empty", "not-an-object", "Nothing.", ""),
    ]


def refused(name, fault, comment, server_pub_key):
    return {
        "name": name, "comment": comment, "valid": False, "fault": fault,
        "sdkPrivateKey": private_jwk(SDK), "serverPubKey": server_pub_key,
    }
