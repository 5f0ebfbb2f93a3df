"""The examples of docs/openapi.yaml against the running service: requests are accepted, errors are answered as shown."""

import json
import urllib.error
import urllib.request
import uuid

import partner
from document_checks import named_members_only
from results import same

# What nobody can bring about from outside of a healthy sandbox; their words are held against the code.
NOT_CAUSED = {"Failure", "SealedUnavailable", "Unavailable"}
UNPROVOKED_CODES = {"TOK003", "TOK503"}
"""Codes that no request alone brings about."""


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read().decode()
        self.type = self.headers["Content-Type"]
        plaintext = partner.opened(self.body) if self.type == "text/plain" else None
        self.sealed = plaintext is not None
        self.json = json.loads(plaintext if self.sealed else self.body)


def call(sandbox, path, body, method="POST", key=partner.API_KEY, content_type="text/plain"):
    headers = {"X-API-KEY": key, "Content-Type": content_type}
    headers = {name: value for name, value in headers.items() if value is not None}
    request = urllib.request.Request(sandbox.url + path, body.encode(), headers, method=method)
    try:
        return Answer(urllib.request.urlopen(request, timeout=30))
    except urllib.error.HTTPError as answer:
        return Answer(answer)


def check(document, sandbox, results):
    requests = document.components["requestBodies"]["TokenRequest"]["content"]
    accepted = {name: media for kind in requests.values() for name, media in kind["examples"].items()}
    for path, method, _ in document.operations():
        for content_type in requests:
            for name, example in accepted.items():
                what = f"{name} by {method.upper()} {path} as {content_type}"
                value = document.resolve(example)["value"]
                results.check(what, is_accepted, document, sandbox, path, method, content_type, value)
    for path in document.root["paths"]:
        legacy = "/v2/" not in path
        caused = errors(sandbox, path, legacy)
        for name, cause in caused.items():
            name = f"Legacy{name}" if legacy and name != "PathUnknown" else name
            results.check(f"error {name}", is_answered_as_shown, document, path, name, cause)
        shown = {name.removeprefix("Legacy") for name, example in document.components["examples"].items() if is_error(example)}
        results.check(f"no error of {path} without a cause", same, set(caused) | NOT_CAUSED, shown)


def is_error(example):
    return "resDesc" in (shown := example.get("x-opened", example["value"])) and shown["resDesc"] != "SUCCESS"


def is_accepted(document, sandbox, path, method, content_type, value):
    body = f'"{value}"' if content_type == "application/json" else value
    answer = call(sandbox, path, body, method.upper(), content_type=content_type)
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
    named_members_only(document, answer.json)
    for name, header in response["headers"].items():
        header = document.resolve(header)
        value = answer.headers[name]
        assert value is not None or not header.get("required"), f"there is no {name}"
        if value is not None:
            typed = int(value) if header["schema"]["type"] == "integer" else value
            document.validator(header["schema"]).validate(typed)


def is_answered_as_shown(document, path, name, cause):
    answer = cause()
    example = document.components["examples"][name]
    shown = example.get("x-opened", example["value"])
    if "referenceId" in answer.json and "referenceId" in shown:
        shown = {**shown, "referenceId": answer.json["referenceId"]}
    same(answer.json, shown)
    same(answer.sealed, "x-opened" in example, "whether it is sealed")
    conforms(document, path, "post", answer)


def errors(sandbox, path, legacy):
    """How each example of an error is brought about: {its name: what sends that request}."""

    def members(**changed):
        usual = {
            "referenceId": str(uuid.uuid4()),
            "sdkPublicKey": partner.SdkKeyPair().public_key,
            "sdkApiKey": partner.SDK_API_KEY,
            "accountNumber": "123123123",
        }
        return {**usual, **changed}

    def sealed(request):
        return partner.seal(json.dumps(request).encode())

    def send(body=None, path=path, **how):
        return lambda: call(sandbox, path, sealed(members()) if body is None else body, **how)

    def after_issue(change=None, **again):
        """The same request again, after its record was changed, or with other members."""

        def cause():
            request = members()
            same(call(sandbox, path, sealed(request)).status, 200, "the first answer's status")
            if change:
                change_record(sandbox, f"{partner.CREDENTIALS['partnerId']}#{request['referenceId']}", *change)
            return call(sandbox, path, sealed({**request, **again}))

        return cause

    # Example 5 of docs/examples.md.
    faulty = members(accountNumber="12-34", email="not an address", dob="19910230", data={"key1": 1})
    del faulty["sdkPublicKey"]
    return {
        "PathUnknown": send(path=path + "s"),
        "MethodUnknown": send(method="PUT"),
        "BodyTooLarge": send("a" * 32769),
        "TypeUnknown": send(content_type="text/html"),
        "ApiKeyUnknown": send(key="NOBODYS-KEY"),
        "Unopenable": send("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.cut.off"),
        "NotEncrypted": send("{}"),
        "NoJson": send(partner.seal(b"no JSON")),
        "MembersFail": send(sealed(faulty)),
        "SdkApiKeyUnknown": send(sealed(members(sdkApiKey="another's"))),
        "Reused": after_issue(accountNumber="321321321"),
        "Expired": after_issue(("expireAt", {"N": "1"})),
        "Revoked": after_issue(("status", {"S": "REVOKED"})),
        "SealedFailure": after_issue(("sealed", {"B": "AAAA"})),
    }


def change_record(sandbox, key, attribute, value):
    """Sets one attribute of a record, as an operator or time would. `value` is DynamoDB's JSON."""
    request = {
        "TableName": sandbox.environment["TOKENS_TABLE"],
        "Key": {"pk": {"S": key}},
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
