"""Compact JWEs and fixed keys, written from the RFCs with `cryptography`: nothing here is the service's own code."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEED = "token-service test vectors"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact_json(value):
    """Members in the order given, no white space, non-ASCII as it is: what JSON.stringify writes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fixed(label, size):
    """Bytes that are always the same: the start of SHA-256 over the seed and a label."""
    assert size <= 32
    return hashlib.sha256(f"{SEED}: {label}".encode()).digest()[:size]


def key_bytes(kid):
    return fixed(f"key {kid}", 32)


def oct_jwk(kid):
    return {"kty": "oct", "kid": kid, "k": b64url(key_bytes(kid))}


def header(kid=None, **more):
    """The protected header as the protocol orders it."""
    members = {"alg": "dir", "enc": "A256GCM"}
    if kid is not None:
        members["kid"] = kid
    return compact_json(members | more)


def iv_of(label):
    """The IV of a vector. No two vectors share one, as they share keys."""
    return fixed(f"iv {label}", 12)


def aes_gcm(key, iv, plaintext, aad):
    """The ciphertext, and behind it the tag of 16 bytes."""
    return AESGCM(key).encrypt(iv, plaintext, aad)


def seal(protected, key, iv, plaintext):
    """RFC 7516 section 5.1 with `dir` and A256GCM. `protected` is the header's text, whatever it says."""
    first = b64url(protected.encode() if isinstance(protected, str) else protected)
    sealed = aes_gcm(key, iv, plaintext, first.encode())
    return f"{first}..{b64url(iv)}.{b64url(sealed[:-16])}.{b64url(sealed[-16:])}"


def with_segment(jwe, at, change):
    """`jwe` with segment `at` (0 header, 1 key, 2 IV, 3 ciphertext, 4 tag) passed through `change`."""
    segments = jwe.split(".")
    segments[at] = change(segments[at])
    return ".".join(segments)


def flip_last_bit(segment):
    data = bytearray(unb64url(segment))
    data[-1] ^= 1
    return b64url(bytes(data))


def flip_first_bit(segment):
    data = bytearray(unb64url(segment))
    data[0] ^= 0x80
    return b64url(bytes(data))


def p256(scalar):
    return ec.derive_private_key(scalar, ec.SECP256R1())


def scalar_of(label):
    """A private key from a label."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return int.from_bytes(fixed(f"scalar {label}", 32), "big") % (order - 1) + 1


def coordinates(key):
    """x and y of a private key's public half, 32 bytes each."""
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")


def public_jwk(x, y):
    return {"kty": "EC", "crv": "P-256", "x": b64url(x), "y": b64url(y)}


def private_jwk(key):
    d = key.private_numbers().private_value.to_bytes(32, "big")
    return public_jwk(*coordinates(key)) | {"d": b64url(d)}


def encoded_jwk(jwk):
    """`sdkPublicKey` and `serverPubKey`: base64url of the JWK's JSON."""
    return b64url(compact_json(jwk).encode())
