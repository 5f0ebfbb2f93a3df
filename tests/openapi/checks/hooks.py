"""What schemathesis loads: requests are put right where a schema cannot say what is right, answers are checked more closely.

It runs against the opening proxy (proxy.py), with the opened document (document.py).
What was seen is counted, and written to $SEEN at the end: a run that accepted nothing has shown nothing.
"""

import atexit
import collections
import datetime
import json
import os
import pathlib
import random
import string
import urllib.parse

import contract
import partner
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from document import OPENED, Document, sealed_type
from request_schema import depth, failing, put_right, texts
from document_checks import named_members_only
from service_checks import FORM

_document = Document.of_environment()
_validators = {
    "Get Token": _document.validator("TokenRequest"),
    "Renew": _document.validator("RenewalRequest"),
    "Invalidate": _document.validator("InvalidationRequest"),
    "Introspect": _document.validator("IntrospectionRequest"),
}
_api_token = _document.validator(_document.components["parameters"]["ApiToken"]["schema"])
_account_number = _document.validator(_document.components["parameters"]["AccountNumber"]["schema"])
_members = _document.components["schemas"]["TokenRequest"]["properties"]
_random = random.Random(1)
# There is one worker (schemathesis.toml).
_issued, _sessions, _seen = set(), {}, collections.Counter()
"""The reference ids that began a session; {current token of a session that has not ended: its account number, its id}."""
MAX_DEPTH, MAX_BODY, MAX_TOKEN = 8, 32768, 4096


@atexit.register
def _write_seen():
    if "SEEN" in os.environ:
        pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(_seen))


@schemathesis.hook
def filter_body(context, body):
    """Half a surrogate pair and deep nesting are beyond the schema: the service's own tests have them."""
    return depth(body) <= MAX_DEPTH and all(_encodes(text) for text in texts(body))


@schemathesis.hook
def before_call(context, case, kwargs):
    _seen[f"{case.meta.phase.name} {case.meta.generation.mode}"] += 1
    _PUT_RIGHT[_operation(case)](case)


def _operation(case):
    return contract.paths()[case.operation.path][0]


def _put_get_token_right(case):
    if not isinstance(case.body, dict):
        return
    if case.meta.generation.mode.is_positive:
        case.body = {name: _whole(value) if name in contract.members() else value for name, value in case.body.items()}
    wrong = failing(_validators["Get Token"], case.body)
    case.body = put_right(case.body, wrong, _date_of_birth())
    # Generators like short ids. Some may come twice, most should make a token.
    if "referenceId" not in wrong and case.body["referenceId"] in _issued and _random.random() < 0.9:
        case.body["referenceId"] = _reference_id()


def _put_renewal_right(case):
    """Headers and member are about one token of a session, but for what is to be refused: one of the three, so that it is seen."""
    if not _sessions:
        return
    token, headers = _random.choice([*_sessions]), case.headers
    body = case.meta.components.get(ParameterLocation.BODY)
    right_headers = bool(body and body.mode.is_negative)
    wrong_account = not right_headers and not _account_number.is_valid(headers.get("X-ACCOUNT-NUMBER"))
    if right_headers or wrong_account or _api_token.is_valid(headers.get("X-API-TOKEN")):
        headers["X-API-TOKEN"] = token
    if not wrong_account:
        headers["X-ACCOUNT-NUMBER"] = _sessions[token][0]
    if isinstance(case.body, dict) and not failing(_validators["Renew"], case.body):
        case.body = {**case.body, "token": token}


def _put_invalidation_right(case):
    """Some of the ids are a session's, some nobody's; generators like the same short ones."""
    if isinstance(case.body, dict) and not failing(_validators["Invalidate"], case.body):
        chance = _random.random()
        # Some sessions stay to be renewed.
        if chance < 0.4 and len(_sessions) > 5:
            case.body = {**case.body, "tokenReferenceId": _random.choice([*_sessions.values()])[1]}
        elif chance > 0.7:
            case.body = {**case.body, "tokenReferenceId": _reference_id()}


def _put_introspection_right(case):
    """Half of the tokens are a session's. The limit is one of bytes."""
    token = case.body.get("token") if isinstance(case.body, dict) else None
    if isinstance(token, str) and not failing(_validators["Introspect"], case.body):
        right = token.encode()[:MAX_TOKEN].decode(errors="ignore")
        if _sessions and _random.random() < 0.5:
            right = _random.choice([*_sessions])
        case.body = {**case.body, "token": right}


_PUT_RIGHT = {
    "Get Token": _put_get_token_right,
    "Renew": _put_renewal_right,
    "Invalidate": _put_invalidation_right,
    "Introspect": _put_introspection_right,
}


def _whole(value):
    """1.0 is an integer to JSON Schema, and not to the service."""
    return int(value) if isinstance(value, float) else value


def _encodes(text):
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _reference_id():
    return "".join(_random.choices(string.ascii_letters + string.digits + "._:-", k=_random.randint(8, 64)))


def _date_of_birth():
    days = (datetime.date.today() - datetime.date(1900, 1, 1)).days
    date = datetime.date(1900, 1, 1) + datetime.timedelta(_random.randrange(days))
    return date.strftime(_random.choice(["%Y%m%d", "%d%m%Y"]))


@schemathesis.check
def the_schema_decides(ctx, response, case):
    """Accepted if and only if the schema accepts it, and refused for exactly the members that the schema refuses."""
    sent, operation = response.request, _operation(case)
    if case.method not in contract.paths()[case.operation.path][1]:
        return
    if operation == "Introspect":
        if sent.headers.get("Authorization") == partner.basic() and (sent.headers.get("Content-Type") or "").startswith(FORM):
            _introspection_is_decided(sent, response)
        return
    if sent.headers.get("X-API-KEY") != partner.API_KEY or not sealed_type(sent.headers.get("Content-Type")):
        return
    said = response.json()
    if operation == "Renew" and sent.headers.get("X-API-TOKEN") not in _sessions:
        _same((response.status_code, _code(said), said.get("errors")), (401, 401, None), "no token of a session")
        _seen["no token of a session"] += 1
        return
    try:
        request = json.loads(sent.body)
    except (TypeError, ValueError):
        _same(response.status_code, 400, "not JSON")
        _seen["not JSON"] += 1
        return
    if len(partner.seal(sent.body if isinstance(sent.body, bytes) else sent.body.encode())) > MAX_BODY - 2:
        return
    if not isinstance(request, dict):
        _same((response.status_code, _code(said), said.get("errors")), (400, 400, None), "not an object")
        _seen["not an object"] += 1
        return
    wrong = failing(_validators[operation], request)
    if operation == "Renew" and sent.headers.get("X-ACCOUNT-NUMBER") != _sessions[sent.headers["X-API-TOKEN"]][0]:
        wrong = wrong | {"X-ACCOUNT-NUMBER"}
    if wrong:
        named = {fault["field"] for fault in said.get("errors", [])}
        _same((response.status_code, _code(said), named), (400, 400, wrong), "the members at fault")
        _seen.update(f"refused {name}" for name in wrong)
        return
    _DECIDED[operation](sent, request, response, said)


def _get_token_is_decided(sent, request, response, said):
    name = request["referenceId"]
    taken = name in _issued
    _issued.add(name)
    replayed = _header(response, "Idempotent-Replayed") is not None
    if taken and response.status_code == 409:
        _seen["conflict"] += 1
        return
    _same(response.status_code, 200, f"a valid request, answered {said}")
    _same(said["referenceId"], name, "the referenceId")
    assert taken or not replayed, "a first answer says that it is a replay"
    # A planted fault may leave the token out.
    if "token" in said and not replayed:
        _sessions[said["token"]] = (str(request["accountNumber"]), name)
    _seen["accepted"] += 1
    _seen.update(f"accepted {member}" for member in request if member in _members)


def _renewal_is_decided(sent, request, response, said):
    _same(response.status_code, 200, f"a renewal of a current token, answered {said}")
    session = _sessions.pop(request["token"])
    _same(said["referenceId"], session[1], "the referenceId")
    _sessions[said["token"]] = session
    _seen["renewed"] += 1


def _invalidation_is_decided(sent, request, response, said):
    name = request["tokenReferenceId"]
    known = name in _issued
    _same(response.status_code, 200 if known else 404, f"the invalidation of a session that is {'known' if known else 'unknown'}")
    _same(said["referenceId"], name, "the referenceId")
    for token in [token for token, (_, id) in _sessions.items() if id == name]:
        del _sessions[token]
    _seen["invalidated" if known else "unknown session"] += 1


def _introspection_is_decided(sent, response):
    body = sent.body if isinstance(sent.body, str) else (sent.body or b"").decode(errors="replace")
    pairs = urllib.parse.parse_qsl(body, keep_blank_values=True)
    form, said = dict(pairs), response.json()
    right = len(pairs) == len(form) and not failing(_validators["Introspect"], form) and len(form["token"].encode()) <= MAX_TOKEN
    _same(response.status_code, 200 if right else 400, f"the status for {body!r}")
    if not right:
        _seen["refused form"] += 1
        return
    _same(said["active"], form["token"] in _sessions, "active")
    _seen["active" if said["active"] else "inactive"] += 1


_DECIDED = {"Get Token": _get_token_is_decided, "Renew": _renewal_is_decided, "Invalidate": _invalidation_is_decided}


@schemathesis.check
def every_member_is_named(ctx, response, case):
    """The service adds no member that the document does not know."""
    operation = _document.root["paths"][case.operation.path].get(case.method.lower(), {"responses": {}})
    described = _document.resolve(operation["responses"].get(str(response.status_code)))
    if response.content and described:
        said = _header(response, "Content-Type")
        media = described["content"].get("text/plain" if said == OPENED else said)
        if media:
            named_members_only(_document, response.json(), [_document.content_schema(media) or media["schema"]])


def _header(response, name):
    """Its first value; schemathesis has the names in lower case, each with a list."""
    return response.headers.get(name.lower(), [None])[0]


def _code(said):
    code = said.get("resCode")
    return int(code[3:]) if isinstance(code, str) else code


def _same(actual, expected, what):
    assert actual == expected, f"{what}: {actual!r}, not {expected!r}"
