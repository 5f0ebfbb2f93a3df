"""Makes docs/postman/: the collection with its scripts in it, and the environment for a sandbox."""

import http
import json

import partner
from document import PROJECT

SOURCE, FOLDER = PROJECT / "tests" / "openapi" / "postman", PROJECT / "docs" / "postman"
COLLECTION, ENVIRONMENT = FOLDER / "token-service.postman_collection.json", FOLDER / "sandbox.postman_environment.json"
V2, OLDER = "/token-service/client/server/new/v2/token", "/token-service/client/server/new/token"

USUAL = {
    "referenceId": "{{newReferenceId}}",
    "sdkPublicKey": "{{sdkPublicKey}}",
    "sdkApiKey": "{{sdkApiKey}}",
    "accountNumber": "123123123",
    "name": "David beckham",
    "email": "OperationalSupport@wibmo.com",
    "isdCode": "+91",
    "mobileNumber": "9642308308",
    "dob": "19910807",
    "data": {"key1": "value1"},
}
AGAIN = {**USUAL, "referenceId": "{{referenceId}}"}
KEEP_TOKEN = "pm.collectionVariables.set('token', answer.token)"
SAME_TOKEN = """pm.test('it is the same token, and says so', () => {
    pm.expect(answer.token).to.eql(pm.collectionVariables.get('token'))
    pm.expect(pm.response.headers.get('Idempotent-Replayed')).to.eql('true')
})"""
PLAINTEXT = "pm.request.body.update({ mode: 'raw', raw: pm.variables.get('plaintext') })"
TAMPERED = """const [header, , iv, ciphertext, tag] = pm.request.body.raw.split('.')
const changed = (ciphertext[0] === 'A' ? 'B' : 'A') + ciphertext.slice(1)
pm.request.body.update({ mode: 'raw', raw: [header, '', iv, changed, tag].join('.') })"""
UNKNOWN_KID = """const [, , ...rest] = pm.request.body.raw.split('.')
const header = btoa(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: 'nobodys' })).replace(/=+$/, '')
pm.request.body.update({ mode: 'raw', raw: [header, '', ...rest].join('.') })"""
TOO_LARGE = "pm.request.body.update({ mode: 'raw', raw: 'a'.repeat(32769) })"


def fault_of(*fields):
    return f"pm.test('each member at fault is named', () => {{\n    pm.expect(answer.errors.map(({{ field }}) => field)).to.have.members({json.dumps(list(fields))})\n}})"


def reason(text):
    return f"pm.test('reason {text}', () => pm.expect(answer.errors).to.eql([{{ field: 'referenceId', reason: '{text}' }}]))"


def request(name, description, status, code, *, body=USUAL, path=V2, method="POST", sealed=True, before=None, tests="", **more):
    """An item. `before` runs when the body is sealed already."""
    expected = f"""const answer = JSON.parse(pm.variables.get('answer'))
pm.test({json.dumps(f"{status} {code}, {'sealed' if sealed else 'in the clear'}")}, () => {{
    pm.response.to.have.status({status})
    pm.expect(answer.resCode).to.eql({json.dumps(code)})
    pm.expect(pm.variables.get('sealed')).to.eql({json.dumps(sealed)})
}})"""
    events = [script("prerequest", before)] if before else []
    headers = [{"key": "Content-Type", "value": more.get("content_type", "text/plain")}]
    item = {
        "name": name,
        "event": [*events, script("test", f"{expected}\n{tests}".strip())],
        "request": {
            "method": method,
            "header": headers,
            "body": {"mode": "raw", "raw": body if isinstance(body, str) else json.dumps(body, indent=2)},
            "url": {"raw": f"{{{{baseUrl}}}}{path}", "host": ["{{baseUrl}}"], "path": path.strip("/").split("/")},
            "description": description,
        },
    }
    if "auth" in more:
        item["request"]["auth"] = more["auth"]
    if method == "GET":
        item["protocolProfileBehavior"] = {"disableBodyPruning": True}
    return item


def script(listen, text):
    return {"listen": listen, "script": {"type": "text/javascript", "exec": text.splitlines()}}


def api_key(value):
    entries = {"key": "X-API-KEY", "value": value, "in": "header"}
    return {"type": "apikey", "apikey": [{"key": key, "value": entry, "type": "string"} for key, entry in entries.items()]}


def tokens():
    yield request("Get a token", "Edit the body and send. It is sealed on the way.", 200, "TOK200", tests=KEEP_TOKEN)
    yield request(
        "The same request again",
        "Gets the same token: repeat a call whose answer was lost.",
        200,
        "TOK200",
        body=AGAIN,
        tests=SAME_TOKEN,
    )
    yield request(
        "The same request on the older path", "Its resCode is an integer.", 200, 100, body=AGAIN, path=OLDER, tests=SAME_TOKEN
    )
    yield request("Get a token by GET", "Works, as the first guide had it. Use POST.", 200, "TOK200", method="GET")
    required = {name: USUAL[name] for name in ("referenceId", "sdkPublicKey", "sdkApiKey", "accountNumber")}
    yield request("Required members only", "All the others may be left out.", 200, "TOK200", body=required, tests=KEEP_TOKEN)
    yield request("Another request under a taken referenceId", "Is refused.", 409, "TOK409", body=AGAIN, tests=reason("reused"))


def errors():
    wrong = {**USUAL, "accountNumber": "12-34", "email": "not an address", "dob": "19910230"}
    sealed, plain = {"sealed": True}, {"sealed": False}
    yield request(
        "Members at fault",
        "Every one of them is named.",
        400,
        "TOK400",
        body=wrong,
        tests=fault_of("accountNumber", "email", "dob"),
        **sealed,
    )
    yield request("Not JSON", "What is inside must be a JSON object.", 400, "TOK400", body="not JSON", **sealed)
    yield request(
        "Unknown sdkApiKey",
        "All members are valid, and sdkApiKey is not yours.",
        401,
        "TOK004",
        body={**USUAL, "sdkApiKey": "another's"},
        **sealed,
    )
    yield request("No X-API-KEY", "", 401, "TOK002", auth={"type": "noauth"}, **plain)
    yield request("Unknown X-API-KEY", "", 401, "TOK002", auth=api_key("NOBODYS-KEY"), **plain)
    yield request("Not encrypted", "Its own script takes the seal off again.", 400, "TOK422", before=PLAINTEXT, **plain)
    yield request("Changed on its way", "One character of the ciphertext.", 400, "TOK422", before=TAMPERED, **plain)
    yield request("Unknown kid", "A payload key that is not yours.", 400, "TOK422", before=UNKNOWN_KID, **plain)
    yield request("Too large", "Over 32,768 bytes.", 413, "TOK413", before=TOO_LARGE, **plain)
    yield request("Wrong Content-Type", "", 415, "TOK415", content_type="text/html", **plain)
    allow = "pm.test('Allow says which', () => pm.expect(pm.response.headers.get('Allow')).to.eql('POST, GET'))"
    yield request("Wrong method", "", 405, "TOK405", method="PUT", tests=allow, **plain)
    yield request("Wrong path", "", 404, "TOK404", path=V2 + "s", **plain)
    yield request(
        "An error on the older path", "Its resCode is an integer.", 401, 2, path=OLDER, auth=api_key("NOBODYS-KEY"), **plain
    )


def collection_items():
    return [*tokens(), *errors()]


def saved_answers(document):
    """What the path of today can answer, as saved examples: also what no request here can bring about."""
    for status, response in document.root["paths"][V2]["post"]["responses"].items():
        for content_type, media in document.resolve(response)["content"].items():
            for example in map(document.resolve, media["examples"].values()):
                said = example.get("x-opened", example["value"])
                how = "sealed, shown opened" if "x-opened" in example else "in the clear"
                yield {
                    "name": f"{status} {said.get('resCode', 'of API Gateway')}, {how}: {example.get('summary', said.get('message'))}",
                    "status": http.HTTPStatus(int(status)).phrase,
                    "code": int(status),
                    "_postman_previewlanguage": "json",
                    "header": [{"key": "Content-Type", "value": content_type}],
                    "body": json.dumps(said, indent=2, ensure_ascii=False),
                }


def collection(document):
    first, *more = tokens()
    jose, before, after = ((SOURCE / name).read_text() for name in ("jose.js", "prerequest.js", "tests.js"))
    return {
        "info": {
            "name": "Token service",
            "description": "Calls Get Token: bodies are sealed before they are sent, and answers opened. Import the environment "
            "too, put your credentials into it, and send *Get a token*. Beside it stands, as saved examples, everything that it can "
            "be answered. The rules are in docs/protocol.md, the errors in docs/errors.md.",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": api_key("{{apiKey}}"),
        "event": [script("prerequest", f"{jose}\n{before}"), script("test", f"{jose}\n{after}")],
        "variable": [{"key": "referenceId", "value": ""}, {"key": "token", "value": ""}],
        "item": [
            {"name": "Tokens", "item": [{**first, "response": list(saved_answers(document))}, *more]},
            {"name": "Errors", "item": list(errors())},
        ],
    }


def environment():
    key = partner.CREDENTIALS["payloadKeys"]["keys"][0]
    sdk_key = json.loads((PROJECT / "events/secrets/sdk-key.json").read_text())
    values = {
        "baseUrl": "http://127.0.0.1:8080",
        "apiKey": partner.API_KEY,
        "sdkApiKey": partner.SDK_API_KEY,
        "payloadKeyId": key["kid"],
        "payloadKey": key["k"],
        "sdkPublicKey": partner.SdkKeyPair(sdk_key).public_key,
    }
    kinds = {name: "secret" if name in ("apiKey", "sdkApiKey", "payloadKey") else "default" for name in values}
    return {
        "name": "Token service: sandbox (public development keys)",
        "values": [{"key": name, "value": value, "type": kinds[name], "enabled": True} for name, value in values.items()],
        "_postman_variable_scope": "environment",
    }


def files(document):
    """{path: text} of what docs/postman/ holds."""
    made = {COLLECTION: collection(document), ENVIRONMENT: environment()}
    return {path: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for path, content in made.items()}


def write(document):
    for path, text in files(document).items():
        path.write_text(text)
