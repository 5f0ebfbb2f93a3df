"""Makes docs/postman/: the collection with its scripts in it, and the environment for a sandbox."""

import http
import json

import contract
import partner
from document import PROJECT

SOURCE, FOLDER = PROJECT / "tests" / "openapi" / "postman", PROJECT / "docs" / "postman"
COLLECTION, ENVIRONMENT = FOLDER / "token-service.postman_collection.json", FOLDER / "sandbox.postman_environment.json"
# Each operation's path, and the older one.
V2, OLDER, RENEW, OLDER_RENEW, INVALIDATE, OLDER_INVALIDATE, INTROSPECT = contract.paths()

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
REQUIRED = {name: USUAL[name] for name in ("referenceId", "sdkPublicKey", "sdkApiKey", "accountNumber")}
KEEP_TOKEN = """pm.collectionVariables.set('token', answer.token)
pm.collectionVariables.set('serverPubKey', answer.serverPubKey)"""
KEEP_RENEWED = """pm.test('it is another token', () => pm.expect(answer.token).not.to.eql(pm.collectionVariables.get('token')))
pm.collectionVariables.set('previousToken', pm.collectionVariables.get('token'))
pm.collectionVariables.set('token', answer.token)"""
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


FIRST = {"Get a token": V2, "Renew": RENEW, "Invalidate": INVALIDATE, "Introspect": INTROSPECT}
"""The requests that have saved answers."""


def fault_of(*fields):
    return f"pm.test('each member at fault is named', () => {{\n    pm.expect(answer.errors.map(({{ field }}) => field)).to.have.members({json.dumps(list(fields))})\n}})"


def reason(text, field="referenceId"):
    return f"pm.test('reason {text}', () => pm.expect(answer.errors).to.eql([{{ field: '{field}', reason: '{text}' }}]))"


def request(name, description, status, code, *, body=USUAL, path=V2, method="POST", sealed=True, before=None, tests="", **more):
    """An item. `before` runs when the body is sealed already. A form is a body that is not sealed, whose answer has no resCode."""
    form = more.get("form")
    member = "resCode" if form is None else "active" if status == 200 else "error"
    expected = f"""const answer = JSON.parse(pm.variables.get('answer'))
pm.test({json.dumps(f"{status} {code}, {'sealed' if sealed else 'in the clear'}")}, () => {{
    pm.response.to.have.status({status})
    pm.expect(answer.{member}).to.eql({json.dumps(code)})
    pm.expect(pm.variables.get('sealed')).to.eql({json.dumps(sealed)})
}})"""
    events = [script("prerequest", before)] if before else []
    headers = {**({} if form is not None else {"Content-Type": more.get("content_type", "text/plain")}), **more.get("headers", {})}
    sent = {"mode": "raw", "raw": body if isinstance(body, str) else json.dumps(body, indent=2)}
    if form is not None:
        sent = {"mode": "urlencoded", "urlencoded": pairs(form)}
    item = {
        "name": name,
        "event": [*events, script("test", f"{expected}\n{tests}".strip())],
        "request": {
            "method": method,
            "header": pairs(headers),
            "body": sent,
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


def pairs(members):
    return [{"key": key, "value": value} for key, value in members.items()]


def auth(kind, **entries):
    return {"type": kind, kind: [{"key": key, "value": entry, "type": "string"} for key, entry in entries.items()]}


def api_key(value):
    return auth("apikey", **{"key": "X-API-KEY", "value": value, "in": "header"})


def renewal(name, description, status, code, *, token="{{token}}", account="123123123", path=RENEW, **more):
    headers = {"X-API-TOKEN": token, "X-ACCOUNT-NUMBER": account}
    more = {"body": {"token": token}, "auth": api_key("{{sdkApiKey}}"), **more}
    return request(name, description, status, code, path=path, headers=headers, **more)


def invalidation(name, description, status, code, *, reference="{{referenceId}}", path=INVALIDATE, **more):
    return request(name, description, status, code, body={"tokenReferenceId": reference}, path=path, **more)


def introspection(name, description, status, said, *, form=None, secret="{{resourceServerSecret}}", **more):
    basic = auth("basic", username="{{resourceServerId}}", password=secret)
    form = {"token": "{{token}}"} if form is None else form
    return request(name, description, status, said, path=INTROSPECT, auth=basic, form=form, sealed=False, **more)


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
    yield request("Required members only", "All the others may be left out.", 200, "TOK200", body=REQUIRED, tests=KEEP_TOKEN)
    yield request("Another request under a taken referenceId", "Is refused.", 409, "TOK409", body=AGAIN, tests=reason("reused"))


def sessions():
    """What becomes of the session that the last token began."""
    claims = "pm.test('it is of this session', () => pm.expect(answer.ref).to.eql(pm.collectionVariables.get('referenceId')))"
    yield renewal("Renew", "As the SDK does. It is sealed under the session key.", 200, "TOK200", tests=KEEP_RENEWED)
    yield introspection("Introspect", "As a resource server does. Nothing is sealed.", 200, True, tests=claims)
    yield renewal(
        "The same renewal again",
        "Gets the same token: repeat a call whose answer was lost.",
        200,
        "TOK200",
        token="{{previousToken}}",
        tests=SAME_TOKEN,
    )
    yield renewal("Renew on the older path", "Its resCode is an integer.", 200, 100, path=OLDER_RENEW, tests=KEEP_RENEWED)
    keep = "pm.collectionVariables.set('oldToken', pm.collectionVariables.get('previousToken'))\n"
    yield renewal("Renew once more", "Now the token of before has two successors.", 200, "TOK200", tests=keep + KEEP_RENEWED)
    superseded = reason("superseded", "token")
    yield renewal("Renew a token of before", "Is refused.", 401, "TOK401", token="{{oldToken}}", tests=superseded)
    yield renewal("Renew another customer's token", "", 400, "TOK400", account="1", tests=fault_of("X-ACCOUNT-NUMBER"))
    yield invalidation("Invalidate", "As your server does when the customer logs out.", 200, "TOK200")
    yield invalidation("Invalidate again, on the older path", "Changes nothing.", 200, 100, path=OLDER_INVALIDATE)
    yield introspection("Introspect after the end", "", 200, False)
    yield renewal("Renew after the end", "Is refused.", 401, "TOK401", tests=reason("revoked", "token"))
    again = {**REQUIRED, "referenceId": "{{referenceId}}"}
    yield request("Get Token again after the end", "Is refused.", 409, "TOK409", body=again, tests=reason("revoked"))


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
    yield renewal("Renew what is no token", "", 401, "TOK401", token="nobodys", **plain)
    yield renewal("Renew with your server's API key", "An app has an sdkApiKey.", 401, "TOK002", auth=api_key("{{apiKey}}"), **plain)
    unknown = reason("unknown", "tokenReferenceId")
    yield invalidation("Invalidate what is no session", "", 404, "TOK404", reference="nobodys", tests=unknown, **sealed)
    yield introspection("Introspect without a token", "", 400, "invalid_request", form={"token": ""})
    yield introspection("Unknown resource server", "", 401, "invalid_client", secret="another's")


def collection_items():
    return [*tokens(), *sessions(), *errors()]


def saved_answers(document, path):
    """What a path can answer, as saved examples: also what no request here can bring about."""
    for status, response in document.root["paths"][path]["post"]["responses"].items():
        for content_type, media in document.resolve(response)["content"].items():
            for example in map(document.resolve, media["examples"].values()):
                said = example.get("x-opened", example["value"])
                how = "sealed, shown opened" if "x-opened" in example else "in the clear"
                code = said.get("resCode", said.get("error", "of API Gateway" if "message" in said else "answer"))
                yield {
                    "name": f"{status} {code}, {how}: {example.get('summary', said.get('message'))}",
                    "status": http.HTTPStatus(int(status)).phrase,
                    "code": int(status),
                    "_postman_previewlanguage": "json",
                    "header": [{"key": "Content-Type", "value": content_type}],
                    "body": json.dumps(said, indent=2, ensure_ascii=False),
                }


def collection(document):
    def items(folder):
        for item in folder:
            path = FIRST.get(item["name"])
            yield {**item, "response": list(saved_answers(document, path))} if path else item

    jose, before, after = ((SOURCE / name).read_text() for name in ("jose.js", "prerequest.js", "tests.js"))
    return {
        "info": {
            "name": "Token service",
            "description": "Calls Get Token, and then Renew, Introspect and Invalidate: bodies are sealed before they are sent, and "
            "answers opened. Import the environment too, put your credentials into it, and send *Get a token*; *Renew* and the others "
            "are about the session that it began. Beside each stands, as saved examples, everything that it can be answered. The "
            "rules are in docs/protocol.md, the errors in docs/errors.md.",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": api_key("{{apiKey}}"),
        "event": [script("prerequest", f"{jose}\n{before}"), script("test", f"{jose}\n{after}")],
        "variable": [{"key": name, "value": ""} for name in ("referenceId", "token", "previousToken", "oldToken", "serverPubKey")],
        "item": [
            {"name": "Tokens", "item": list(items(tokens()))},
            {"name": "The session", "item": list(items(sessions()))},
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
        "sdkPrivateKey": sdk_key["d"],
        "resourceServerId": partner.RESOURCE_SERVER["resourceServerId"],
        "resourceServerSecret": partner.RESOURCE_SERVER["secret"],
    }
    secret = ("apiKey", "sdkApiKey", "payloadKey", "sdkPrivateKey", "resourceServerSecret")
    kinds = {name: "secret" if name in secret else "default" for name in values}
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
