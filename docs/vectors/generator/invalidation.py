"""invalidation.json: what a partner sends to end a session, and what it is answered."""

from .answer import MEMBERS_FAIL, NOT_JSON, problem
from .jose import compact_json, header, key_bytes, oct_jwk
from .renewal import sealed
from .request import NEWEST

PATH, LEGACY_PATH = "/token-service/client/server/invalidate/v2/token", "/token-service/client/server/invalidate/token"


def vectors():
    return positive() + negative()


def exchange(name, comment, text, status, members, named=True, fault=None, path=PATH):
    vector = {"name": name, "comment": comment, "valid": fault is None}
    if fault is not None:
        vector["fault"] = fault
    key, protected = key_bytes(NEWEST), header(NEWEST if named else None)
    answer = sealed(f"invalidation answer {name}", compact_json(members), key, protected)
    return vector | {
        "path": path, "key": oct_jwk(NEWEST),
        "request": sealed(f"invalidation {name}", text, key, protected),
        "answer": {"httpStatus": status} | answer,
    }


def text_of(name, **more):
    return compact_json({"tokenReferenceId": f"invalidation:{name}"} | more)


def positive():
    def ends(name, comment, code="TOK200", more={}, **options):
        members = {"resCode": code, "resDesc": "SUCCESS", "referenceId": f"invalidation:{name}"}
        return exchange(name, comment, text_of(name, **more), 200, members, **options)

    return [
        ends("usual", "The session is named by the `referenceId` of its Get Token. To end it again is a success, too."),
        ends("no-kid", "The request named no key, so the answer names none.", named=False),
        ends("unknown-member", "Unknown members are ignored, a `referenceId` too.", more={"referenceId": "another"}),
        ends("legacy", "On the older path `resCode` is an integer.", code=100, path=LEGACY_PATH),
    ]


def negative():
    def fails(name, fault, comment, text, reason, description=MEMBERS_FAIL):
        errors = [] if reason is None else [("tokenReferenceId", reason)]
        return exchange(name, comment, text, 400, problem("TOK400", description, errors=errors), fault=fault)

    rule = "must be 1-64 characters of A-Z a-z 0-9 . _ : -"
    return [
        fails("missing", "tokenReferenceId", "Get Token's member has another name.", '{"referenceId":"a"}',
              "is required"),
        fails("null", "tokenReferenceId", "`null` is absent.", '{"tokenReferenceId":null}', "is required"),
        fails("number", "tokenReferenceId", "It is a string.", '{"tokenReferenceId":1}', "must be a string"),
        fails("space", "tokenReferenceId", "It has the form of a `referenceId`.", '{"tokenReferenceId":"a b"}', rule),
        fails("65-characters", "tokenReferenceId", "One character over.", compact_json({"tokenReferenceId": "a" * 65}),
              rule),
        fails("repeated", "repeated-member", "The same value twice is twice.",
              '{"tokenReferenceId":"a","tokenReferenceId":"a"}', "has a repeated member", NOT_JSON),
        fails("not-an-object", "not-an-object", "JSON, but not an object.", '"a"', None, NOT_JSON),
        exchange("unknown", "There is no such session, or it is another partner's.", text_of("unknown"), 404,
                 problem("TOK404", "There is no session of this tokenReferenceId", "invalidation:unknown",
                         [("tokenReferenceId", "unknown")]), fault="unknown"),
    ]
