"""The examples of docs/openapi.yaml against the running service: requests are accepted, errors are answered as shown."""

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid

import contract
import partner
from document_checks import named_members_only
from results import same

# What nobody can bring about from outside of a healthy sandbox; their words are held against the code.
NOT_CAUSED = {"Failure", "SealedUnavailable", "Unavailable", "TemporarilyUnavailable"}
UNPROVOKED_CODES = {"TOK003", "TOK503"}
"""Codes that no request alone brings about."""
FORM = "application/x-www-form-urlencoded"


class Answer:
    def __init__(self, response, token):
        self.status, self.headers, self.body = response.status, response.headers, response.read().decode()
        self.type = self.headers["Content-Type"]
        plaintext = partner.opened(self.body, token) if self.type == "text/plain" else None
        self.sealed = plaintext is not None
        self.json = json.loads(plaintext if self.sealed else self.body)


def call(sandbox, path, body, method="POST", content_type="text/plain", token=None, **headers):
    """Sends a request. `token` is the one under whose session key the answer is sealed; None: it is a payload key."""
    headers = {"X-API-KEY": partner.API_KEY, **headers, "Content-Type": content_type}
    headers = {name: value for name, value in headers.items() if value is not None}
    request = urllib.request.Request(sandbox.url + path, body.encode(), headers, method=method)
    try:
        return Answer(urllib.request.urlopen(request, timeout=30), token)
    except urllib.error.HTTPError as answer:
        return Answer(answer, token)


def check(document, sandbox, results):
    check_requests(document, sandbox, results)
    for path, (operation, _) in contract.paths().items():
        check_errors(document, sandbox, path, CAUSES[operation](sandbox, path), results)


def check_requests(document, sandbox, results):
    for path, method, operation in document.operations():
        name, _ = contract.paths()[path]
        content = document.resolve(operation["requestBody"])["content"]
        examples = {key: example for media in content.values() for key, example in media["examples"].items()}
        for content_type in content:
            for key, example in examples.items():
                what = f"{key} by {method.upper()} {path} as {content_type}"
                results.check(what, SENT[name], document, sandbox, path, method, content_type, document.resolve(example)["value"])


def in_type(body, content_type):
    return f'"{body}"' if content_type == "application/json" else body


def get_token_example(document, sandbox, path, method, content_type, value):
    is_success(document, path, method, call(sandbox, path, in_type(value, content_type), method.upper(), content_type))


def renewal_example(document, sandbox, path, method, content_type, value):
    """The example's session has ended long ago, and the answer says so. One of today is renewed, twice the same."""
    token = document.components["examples"]["Answer"]["x-opened"]["token"]
    old = renew(sandbox, path, token, in_type(value, content_type), content_type=content_type)
    same((old.status, old.json["errors"][0]["reason"]), (401, "expired"), "the answer")
    conforms(document, path, method, old)
    token = new_session(sandbox)["token"]
    body = in_type(renewal(token), content_type)
    first, again = (renew(sandbox, path, token, body, content_type=content_type) for _ in range(2))
    for answer in (first, again):
        is_success(document, path, method, answer)
    same(first.json["token"], again.json["token"], "the token of a renewal that is sent again")
    same([answer.headers["Idempotent-Replayed"] for answer in (first, again)], [None, "true"], "Idempotent-Replayed")


def invalidation_example(document, sandbox, path, method, content_type, value):
    is_success(document, path, method, call(sandbox, path, in_type(value, content_type), method.upper(), content_type))


def introspection_example(document, sandbox, path, method, content_type, value):
    """The example's token has expired. One of today is active, with the claims that it has, until its session ends."""
    session = new_session(sandbox)
    for token, active in ((value["token"], False), (session["token"], True)):
        answer = introspect(sandbox, path, {**value, "token": token})
        is_success(document, path, method, answer)
        same(answer.json["active"], active, "active")
    same(list(answer.json), document.components["schemas"]["Active"]["required"], "the list of members")
    same(answer.json["ref"], session["referenceId"], "ref")
    end(sandbox, session)
    same(introspect(sandbox, path, {"token": session["token"]}).json, {"active": False}, "the answer after the session's end")


SENT = {
    "Get Token": get_token_example,
    "Renew": renewal_example,
    "Invalidate": invalidation_example,
    "Introspect": introspection_example,
}
"""How an operation's examples of requests are sent."""


def is_success(document, path, method, answer):
    same(answer.status, 200, f"the status of {answer.json}")
    conforms(document, path, method, answer)


def conforms(document, path, method, answer):
    """Status, type, headers and body are of the operation's response."""
    responses = document.root["paths"][path].get(method, document.root["paths"][path]["post"])["responses"]
    response = document.resolve(responses[str(answer.status)])
    media = response["content"][answer.type]
    inside = document.content_schema(media)
    same(answer.sealed, inside is not None, "whether the answer is sealed")
    if inside:
        document.validator(media["schema"]).validate(answer.body)
    document.validator(inside or media["schema"]).validate(answer.json)
    named_members_only(document, answer.json, [inside or media["schema"]])
    for name, header in response["headers"].items():
        header = document.resolve(header)
        value = answer.headers[name]
        assert value is not None or not header.get("required"), f"there is no {name}"
        if value is not None:
            typed = int(value) if header["schema"]["type"] == "integer" else value
            document.validator(header["schema"]).validate(typed)


def check_errors(document, sandbox, path, caused, results):
    """`caused`: [(an example of an error, the status, what sends that request)]"""
    shown = shown_errors(document, path)
    for name, status, cause in caused:
        assert (name, str(status)) in shown, f"{path} shows no {name} with {status}"
        results.check(f"{status} {name} of {path}", is_answered_as_shown, document, path, shown[name, str(status)], status, cause)
    # The service cannot read a record that it does not read.
    not_caused = NOT_CAUSED | ({"SealedFailure"} if contract.paths()[path][0] == "Invalidate" else set())
    uncaused = {name for name, _ in shown} - {name for name, *_ in caused}
    results.check(f"no error of {path} without a cause", same, uncaused, not_caused & {name for name, _ in shown})


def shown_errors(document, path):
    """{(an example's name less Legacy, status): the example} of the errors that the operation's responses show."""
    found = {}
    for status, response in document.root["paths"][path]["post"]["responses"].items():
        for media in document.resolve(response)["content"].values():
            for example in media["examples"].values():
                if "$ref" in example and status != "200":
                    found[example["$ref"].rpartition("/")[2].removeprefix("Legacy"), status] = document.resolve(example)
    return found


def is_answered_as_shown(document, path, example, status, cause):
    answer = cause()
    same(answer.status, status, f"the status of {answer.json}")
    shown = example.get("x-opened", example["value"])
    if "referenceId" in answer.json and "referenceId" in shown:
        shown = {**shown, "referenceId": answer.json["referenceId"]}
    same(answer.json, shown)
    same(answer.sealed, "x-opened" in example, "whether it is sealed")
    conforms(document, path, "post", answer)


# What is sent


def members(**changed):
    """Of a Get Token."""
    usual = {
        "referenceId": str(uuid.uuid4()),
        "sdkPublicKey": partner.SdkKeyPair().public_key,
        "sdkApiKey": partner.SDK_API_KEY,
        "accountNumber": "123123123",
    }
    return {**usual, **changed}


def sealed(plaintext, token=None):
    return partner.seal(json.dumps(plaintext).encode(), token)


def path_of(operation):
    return next(path for path, (name, _) in contract.paths().items() if name == operation)


def new_session(sandbox):
    """What a Get Token gives."""
    answer = call(sandbox, path_of("Get Token"), sealed(members()))
    same(answer.status, 200, "the status of a first answer")
    return answer.json


def renewal(token, **members):
    """The body of a renewal."""
    return sealed({"token": token, **members}, token)


def renew(sandbox, path, token, body=None, **changed):
    headers = {"X-API-KEY": partner.SDK_API_KEY, "X-API-TOKEN": token, "X-ACCOUNT-NUMBER": "123123123"}
    return call(sandbox, path, renewal(token) if body is None else body, token=token, **{**headers, **changed})


def renewed(sandbox, token):
    """The next token."""
    return renew(sandbox, path_of("Renew"), token).json["token"]


def end(sandbox, session):
    body = sealed({"tokenReferenceId": session["referenceId"]})
    same(call(sandbox, path_of("Invalidate"), body).status, 200, "the status of an invalidation")


def introspect(sandbox, path, form, **changed):
    sent = {"Authorization": partner.basic(), "content_type": FORM, **changed}
    return call(sandbox, path, form if isinstance(form, str) else urllib.parse.urlencode(form), **sent)


# How each example of an error is brought about: [(its name, the status, what sends that request)]


def refused_unread(send):
    """What every operation with a sealed body refuses before it opens anything."""
    return [
        ("MethodUnknown", 405, send(method="PUT")),
        ("BodyTooLarge", 413, send("a" * 32769)),
        ("TypeUnknown", 415, send(content_type="text/html")),
        ("ApiKeyUnknown", 401, send(**{"X-API-KEY": "NOBODYS-KEY"})),
        ("NotEncrypted", 400, send("{}")),
    ]


def get_token_errors(sandbox, path):
    def send(body=None, path=path, **how):
        return lambda: call(sandbox, path, sealed(members()) if body is None else body, **how)

    def after_issue(change=None, **again):
        """The same request again, after its record was changed, or with other members."""

        def cause():
            request = members()
            same(call(sandbox, path, sealed(request)).status, 200, "the first answer's status")
            if change:
                change_record(sandbox, request["referenceId"], *change)
            return call(sandbox, path, sealed({**request, **again}))

        return cause

    # Example 5 of docs/examples.md.
    faulty = members(accountNumber="12-34", email="not an address", dob="19910230", data={"key1": 1})
    del faulty["sdkPublicKey"]
    return [
        ("PathUnknown", 404, send(path=path + "s")),
        *refused_unread(send),
        ("Unopenable", 400, send("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.cut.off")),
        ("NoJson", 400, send(partner.seal(b"no JSON"))),
        ("MembersFail", 400, send(sealed(faulty))),
        ("SdkApiKeyUnknown", 401, send(sealed(members(sdkApiKey="another's")))),
        ("Reused", 409, after_issue(accountNumber="321321321")),
        ("Expired", 409, after_issue(("expireAt", {"N": "1"}))),
        ("Revoked", 409, after_issue(("status", {"S": "REVOKED"}))),
        ("SealedFailure", 500, after_issue(("sealed", {"B": "AAAA"}))),
    ]


def renewal_errors(sandbox, path):
    def send(body=None, path=path, **how):
        return lambda: renew(sandbox, path, new_session(sandbox)["token"], body, **how)

    def after(*changes):
        """A renewal of a session's first token, after these changes."""

        def cause():
            session = new_session(sandbox)
            for change in changes:
                change(session)
            return renew(sandbox, path, session["token"])

        return cause

    def of_another():
        token, others = (new_session(sandbox)["token"] for _ in range(2))
        return renew(sandbox, path, token, sealed({"token": others}, token), **{"X-ACCOUNT-NUMBER": "321321321"})

    def renewed_once(session):
        session["next"] = renewed(sandbox, session["token"])

    def renewed_again(session):
        renewed(sandbox, session["next"])

    def changed(*change):
        return lambda session: change_record(sandbox, session["referenceId"], *change)

    return [
        ("PathUnknown", 404, send(path=path + "s")),
        *refused_unread(send),
        ("TokenUnknown", 401, send(**{"X-API-TOKEN": None})),
        ("RenewalUnopenable", 400, send(partner.seal(b"{}"))),
        ("RenewalMembersFail", 400, of_another),
        ("SessionExpired", 401, after(changed("ttl", {"N": "1"}))),
        ("SessionRevoked", 401, after(lambda session: end(sandbox, session))),
        ("TokenSuperseded", 401, after(renewed_once, renewed_again)),
        ("SealedFailure", 500, after(renewed_once, changed("token", {"B": "AAAA"}))),
    ]


def invalidation_errors(sandbox, path):
    def send(body=None, path=path, **how):
        return lambda: call(sandbox, path, sealed({"tokenReferenceId": str(uuid.uuid4())}) if body is None else body, **how)

    return [
        ("PathUnknown", 404, send(path=path + "s")),
        *refused_unread(send),
        ("Unopenable", 400, send(partner.seal(b"{}", new_session(sandbox)["token"]))),
        ("NoJson", 400, send(partner.seal(b"no JSON"))),
        ("InvalidationMembersFail", 400, send(sealed({"referenceId": "of another name"}))),
        ("SessionUnknown", 404, send()),
    ]


def introspection_errors(sandbox, path):
    def send(form="token=x", path=path, **how):
        return lambda: introspect(sandbox, path, form, **how)

    def of_a_strange_record():
        session = new_session(sandbox)
        change_record(sandbox, session["referenceId"], "status", {"S": "STRANGE"})
        return introspect(sandbox, path, {"token": session["token"]})

    wrong = {**partner.RESOURCE_SERVER, "secret": "another's"}
    return [
        ("PathUnknown", 404, send(path=path + "s")),
        ("InvalidRequest", 405, send(method="PUT")),
        ("InvalidRequest", 413, send("token=" + "a" * 32768)),
        ("InvalidRequest", 415, send(content_type="text/plain")),
        ("InvalidClient", 401, send(Authorization=None)),
        ("InvalidClient", 401, send(Authorization=partner.basic(wrong))),
        ("InvalidRequest", 400, send("token=x&token=x")),
        ("ServerError", 500, of_a_strange_record),
    ]


CAUSES = {
    "Get Token": get_token_errors,
    "Renew": renewal_errors,
    "Invalidate": invalidation_errors,
    "Introspect": introspection_errors,
}


def change_record(sandbox, reference_id, attribute, value):
    """Sets one attribute of a session's record, as an operator or time would. `value` is DynamoDB's JSON."""
    request = {
        "TableName": sandbox.environment["TOKENS_TABLE"],
        "Key": {"pk": {"S": f"{partner.CREDENTIALS['partnerId']}#{reference_id}"}},
        "UpdateExpression": "SET #attribute = :value",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#attribute": attribute},
        "ExpressionAttributeValues": {":value": value},
    }
    # The emulator looks at the form of a signature, not at the signature.
    signature = "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "DynamoDB_20120810.UpdateItem",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": signature,
    }
    call = urllib.request.Request(sandbox.environment["AWS_ENDPOINT_URL_DYNAMODB"], json.dumps(request).encode(), headers)
    urllib.request.urlopen(call, timeout=10).close()
