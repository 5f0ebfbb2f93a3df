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
import threading

import partner
import schemathesis
from document import Document, sealed_type
from request_schema import INTEGERS, depth, failing, put_right, texts
from document_checks import named_members_only

_document = Document.of_environment()
_request = _document.validator("TokenRequest")
_members = _document.components["schemas"]["TokenRequest"]["properties"]
_random = random.Random(1)
_issued, _lock, _seen = set(), threading.Lock(), collections.Counter()
MAX_DEPTH, MAX_BODY = 8, 32768


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
    if isinstance(case.body, dict):
        if case.meta.generation.mode.is_positive:
            case.body = {name: _whole(value) if name in INTEGERS else value for name, value in case.body.items()}
        wrong = failing(_request, case.body)
        case.body = put_right(case.body, wrong, _date_of_birth())
        # Generators like short ids. Some may come twice, most should make a token.
        if "referenceId" not in wrong and case.body["referenceId"] in _issued and _random.random() < 0.9:
            case.body["referenceId"] = _reference_id()


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
    sent = response.request
    if case.method not in ("GET", "POST") or sent.headers.get("X-API-KEY") != partner.API_KEY:
        return
    if not sealed_type(sent.headers.get("Content-Type")):
        return
    said = response.json()
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
    wrong = failing(_request, request)
    if wrong:
        named = {fault["field"] for fault in said.get("errors", [])}
        _same((response.status_code, _code(said), named), (400, 400, wrong), "the members at fault")
        _seen.update(f"refused {name}" for name in wrong)
        return
    name = request["referenceId"]
    with _lock:
        taken = name in _issued
        _issued.add(name)
    replayed = response.headers.get("Idempotent-Replayed") is not None
    if taken and response.status_code == 409:
        _seen["conflict"] += 1
        return
    _same(response.status_code, 200, f"a valid request, answered {said}")
    _same(said["referenceId"], name, "the referenceId")
    assert taken or not replayed, "a first answer says that it is a replay"
    _seen["accepted"] += 1
    _seen.update(f"accepted {member}" for member in request if member in _members)


@schemathesis.check
def every_member_is_named(ctx, response, case):
    """The service adds no member that the document does not know."""
    if response.content:
        named_members_only(_document, response.json())


def _code(said):
    code = said.get("resCode")
    return int(code[3:]) if isinstance(code, str) else code


def _same(actual, expected, what):
    assert actual == expected, f"{what}: {actual!r}, not {expected!r}"
