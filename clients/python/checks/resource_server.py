"""What a resource server does with the token that an SDK presents. Then it makes the SDK prove that it holds the key in cnf."""

import json
import re

from joserfc import jwe, jwt
from joserfc.jwk import OctKey

from token_client import _decode, _encode

REGISTRY = jwe.JWERegistry(algorithms=["dir", "A256GCM"])
CLAIMS = {
    "iss": str, "aud": str, "sub": str, "client_id": str, "program_id": int, "jti": str, "ref": str, "auth_time": int,
    "iat": int, "exp": int, "cnf": dict,
}
FORMS = {
    "sub": r"[0-9]{1,19}", "client_id": r"[A-Za-z0-9._-]{1,64}", "ref": r"[A-Za-z0-9._:-]{1,64}",
    "jti": r"[A-Za-z0-9_-]{21}[AQgw]",
}


def open_token(token, ring, issuer, audience, now=None):
    """The claims of a token, if one of the ring's keys, the one that it names, opens it."""
    # joserfc lets typ be anything, and further members of the header pass.
    header, encrypted_key, iv, _, tag = token.split(".")
    kid = json.loads(_decode(header, "header")).get("kid")
    exact = {"alg": "dir", "enc": "A256GCM", "kid": kid, "typ": "JWT"}
    if header != _encode(json.dumps(exact, separators=(",", ":")).encode()):
        raise ValueError("the header is not exactly alg, enc, kid and typ")
    if (len(encrypted_key), len(_decode(iv, "IV")), len(_decode(tag, "tag"))) != (0, 12, 16):
        raise ValueError("there is an encrypted key, or IV and tag are not 12 and 16 bytes")
    keys = [OctKey.import_key(key) for key in ring if key["kid"] == kid]
    if len(keys) != 1:
        raise ValueError("the token key is not known")
    claims = jwt.decode(token, keys[0], registry=REGISTRY).claims
    if {name: type(value) for name, value in claims.items()} != CLAIMS:
        raise ValueError("the claims are not those of a token")
    if not all(re.fullmatch(form, claims[name]) for name, form in FORMS.items()):
        raise ValueError(f"not all of {', '.join(FORMS)} have their form")
    rules = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": audience}}
    jwt.JWTClaimsRegistry(now, **rules, exp={"essential": True}).validate(claims)
    jwk = claims["cnf"]["jwk"]
    if jwk["kty"] != "oct" or len(_decode(jwk["k"], "k")) != 32:
        raise ValueError("cnf has no oct key of 32 bytes")
    return claims
