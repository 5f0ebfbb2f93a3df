"""introspection.json: what a resource server asks of a token, and what it is answered."""

import base64
import urllib.parse

from .jose import compact_json, oct_jwk
from .token import AUDIENCE, ISSUER, KEY, NEWEST, RENEWED, UNKNOWN, claims, token, token_header

PATH = "/token-service/introspect"
ID, SECRET = "wallet", "vectors: a+b%c/ä"
USUAL = token("usual", token_header())


def vectors():
    return positive() + negative()


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


# RFC 6749 section 2.3.1: both are form-encoded before they are joined.
CREDENTIALS = basic(f"{urllib.parse.quote_plus(ID)}:{urllib.parse.quote_plus(SECRET)}")


def exchange(name, comment, body, status, answer, fault=None, authorization=CREDENTIALS):
    vector = {"name": name, "comment": comment, "valid": fault is None}
    if fault is not None:
        vector["fault"] = fault
    vector |= {"path": PATH, "key": oct_jwk(NEWEST), "issuer": ISSUER, "audience": AUDIENCE,
               "resourceServerId": ID, "secretUtf8": SECRET}
    if authorization is not None:
        vector["authorization"] = authorization
    return vector | {"bodyUtf8": body, "answer": {"httpStatus": status, "bodyUtf8": compact_json(answer)}}


def form(*parameters):
    return urllib.parse.urlencode(parameters)


def positive():
    def active(name, comment, body, label="usual", **changed):
        vector = exchange(name, comment, body, 200, {"active": True} | claims(label, **changed))
        return vector | {"sessionKeyHex": KEY.hex()}

    def inactive(name, comment, presented):
        return exchange(name, comment, form(("token", presented)), 200, {"active": False})

    return [
        active("active", "`usual` of token.json: its claims, in their order.", form(("token", USUAL))),
        active("active-renewed", "`renewed`: the session began before the token was made.",
               form(("token", token("renewed", token_header(), **RENEWED))), "renewed", **RENEWED),
        active("other-parameters", "`token_type_hint` is not looked at, and what is unknown is ignored.",
               form(("token_type_hint", "refresh_token"), ("token", USUAL), ("x", ""))),
        active("encoded", "Every character of the token in its percent-encoding.",
               "token=" + "".join(f"%{byte:02x}" for byte in USUAL.encode())),
        inactive("inactive-altered", "Altered: no other claim is told, and no reason.", f"{USUAL[:-2]}AA"),
        inactive("inactive-another-key", "Sealed with a key that is not in the ring.",
                 token("inactive", token_header(UNKNOWN), UNKNOWN)),
        inactive("inactive-not-a-jwe", "Not even a JWE.", "abc"),
    ]


def negative():
    def refused(name, fault, comment, body):
        return exchange(name, comment, body, 400, {"error": "invalid_request"}, fault)

    def unknown(name, comment, authorization):
        body = form(("token", USUAL))
        return exchange(name, comment, body, 401, {"error": "invalid_client"}, "authorization", authorization)

    return [
        refused("token-missing", "token", "`token` is required.", "token_type_hint=access_token"),
        refused("token-empty", "token", "An empty parameter is as good as none (RFC 6749 section 3.1).", "token="),
        refused("token-too-long", "token", "One byte over 4,096.", "token=" + "a" * 4097),
        refused("token-repeated", "repeated-parameter", "Not even with the same value (RFC 6749 section 3.1).",
                form(("token", USUAL), ("token", USUAL))),
        refused("hint-repeated", "repeated-parameter", "Parameters that are not looked at count, too.",
                form(("token", USUAL), ("token_type_hint", "a"), ("token_type_hint", "a"))),
        refused("json", "token", "The body is a form.", compact_json({"token": USUAL})),
        unknown("authorization-missing", "Nobody asks without credentials.", None),
        unknown("authorization-not-encoded", "Id and secret as they are: the secret's `+` and `%` are misread.",
                basic(f"{ID}:{SECRET}")),
        unknown("authorization-bearer", "Another scheme.", CREDENTIALS.replace("Basic", "Bearer")),
    ]
