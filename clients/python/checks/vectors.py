"""The client against docs/vectors."""

import email.message
import io
import json
from datetime import datetime, timezone
from unittest import mock

from resource_server import open_token
from token_client import (
    LEGACY_TOKEN_PATH,
    TOKEN_PATH,
    Answer,
    InputError,
    RefusedError,
    SdkKeyPair,
    TokenClient,
    UnreadableAnswerError,
    _code,
    _decode,
)


def check_all(tally, directory):
    formats = {
        "request": request,
        "answer": answer,
        "session-key": session_key,
        "invalidation": invalidation,
        "renewal": renewal,
        "token": token,
    }
    for name, body in formats.items():
        vectors = json.loads((directory / f"{name}.json").read_text("utf-8"))["vectors"]
        for vector in vectors:
            tally.check(f"{name} vector {vector['name']}", body, vector, vectors[0])


def request(vector, _):
    client = holder_of(vector.get("keys", [vector["key"]]))
    if not vector["valid"]:
        return refused(InputError, client.decrypt, vector["jwe"])
    plaintext = vector["plaintextUtf8"].encode()
    assert client.decrypt(vector["jwe"]) == plaintext
    send_kid = '"kid"' in vector["headerUtf8"]
    sender = holder_of([vector["key"]], send_kid=send_kid)
    # joserfc takes its IV from here.
    with mock.patch("secrets.token_bytes", lambda size: _decode(vector["ivBase64url"], "IV")):
        sealed = sender.encrypt(plaintext)
    usual = {"alg": "dir", "enc": "A256GCM", **({"kid": vector["key"]["kid"]} if send_kid else {})}
    # Another header is there to be read, not to be written.
    if vector["headerUtf8"] == json.dumps(usual, separators=(",", ":")):
        assert sealed == vector["jwe"], sealed


def answer(vector, _):
    client = holder_of(vector.get("keys", [vector["key"]]), attempts=1)
    with mock.patch.object(client._http, "open", lambda *_, **__: Response(vector)):
        try:
            given = client.send(vector["expectedReferenceId"], "a body")
        except (RefusedError, UnreadableAnswerError) as error:
            given = error
    if not vector["valid"]:
        # What is not encrypted may still be read as a hint, if it is no success.
        hint = isinstance(given, RefusedError) and not given.authenticated and vector["httpStatus"] != 200
        assert hint or isinstance(given, UnreadableAnswerError), given
        return
    said = json.loads(vector["plaintextUtf8"])
    if vector["httpStatus"] == 200:
        assert given.token == said["token"] and given.server_pub_key == said["serverPubKey"], given
        assert given.expire_at.timestamp() * 1000 == said["expireAt"], given
        return
    assert isinstance(given, RefusedError) and given.authenticated, given
    assert (given.status, given.code) == (vector["httpStatus"], _code(said["resCode"])), given
    assert [vars(error) for error in given.errors] == said.get("errors", []), given


def session_key(vector, _):
    pair = SdkKeyPair(vector["sdkPrivateKey"])
    if not vector["valid"]:
        return refused(InputError, pair.session_key, vector["serverPubKey"])
    assert pair.public_key == vector["sdkPublicKey"], pair.public_key
    assert pair.session_key(vector["serverPubKey"]).hex() == vector["keyHex"]


def invalidation(vector, _):
    request = vector["request"]
    client = holder_of([vector["key"]], attempts=1, path=path_of(vector), send_kid='"kid"' in request["headerUtf8"])
    members = json.loads(request["plaintextUtf8"])
    reference_id = members.get("tokenReferenceId") if isinstance(members, dict) else None
    given, _ = exchange(vector, client, {"tokenReferenceId": reference_id}, lambda: client.invalidate(reference_id))
    assert given is None, given  # a vector has no X-Request-Id


def renewal(vector, _):
    headers, answer = vector["headers"], vector["answer"]
    said = json.loads(answer.get("plaintextUtf8") or answer["bodyUtf8"])
    any_key = {"kty": "oct", "kid": "any", "k": "A" * 43}
    client = holder_of([any_key], attempts=1, path=path_of(vector), sdk_api_key=headers.get("X-API-KEY", "any"))
    now = datetime.now(timezone.utc)
    last = Answer(headers.get("X-API-TOKEN", "any"), "e30", now, said.get("referenceId", "any"), False, None)
    key, account = bytes.fromhex(vector["sessionKeyHex"]), headers.get("X-ACCOUNT-NUMBER", "1")
    given, sent = exchange(vector, client, {"token": last.token}, lambda: client.renew(last, key, account))
    if sent:
        expected = {name.lower(): value for name, value in headers.items()} | {"content-type": "text/plain"}
        assert {name.lower(): value for name, value in sent.header_items()} == expected, sent.header_items()
        assert (given.token, given.server_pub_key) == (said["token"], "e30"), given
        assert given.expire_at.timestamp() * 1000 == said["expireAt"], given


def exchange(vector, client, members, call):
    """A call that the vector answers: a positive one is sent as the vector's, a negative one raises what its answer says."""
    request, answer, sent = vector["request"], vector["answer"], []
    body = {"jwe": answer.get("jwe") or answer["bodyUtf8"], "httpStatus": answer["httpStatus"]}

    def opened(sent_request, **_):
        sent.append(sent_request)
        return Response(body)

    iv = _decode(request.get("ivBase64url", "A" * 16), "IV")
    with mock.patch.object(client._http, "open", opened), mock.patch("secrets.token_bytes", lambda size: iv):
        try:
            given = call()
        except RefusedError as error:
            given = error
    if not vector["valid"]:
        said = json.loads(answer.get("plaintextUtf8") or answer["bodyUtf8"])
        assert isinstance(given, RefusedError) and given.authenticated == ("jwe" in answer), given
        assert (given.status, given.code) == (answer["httpStatus"], said["resCode"]), given
        assert [vars(error) for error in given.errors] == said.get("errors", []), given
        return None, None
    assert not isinstance(given, RefusedError), given
    assert sent[0].full_url.endswith(vector["path"]), sent[0].full_url
    # Another header or another plaintext is there to be read, not to be written.
    usual_header = "sessionKeyHex" not in vector or "kid" not in request["headerUtf8"]
    if usual_header and json.loads(request["plaintextUtf8"]) == members:
        assert sent[0].data.decode() == request["jwe"], sent[0].data
    return given, sent[0]


def path_of(vector):
    return TOKEN_PATH if "/v2/" in vector["path"] else LEGACY_TOKEN_PATH


def token(vector, usual):
    now = vector.get("claims", usual["claims"])["iat"]
    arguments = (vector["jwe"], vector.get("keys", [vector["key"]]), vector["issuer"], vector["audience"], now)
    if not vector["valid"]:
        return refused(Exception, open_token, *arguments)
    claims = open_token(*arguments)
    assert claims == vector["claims"], claims
    assert _decode(claims["cnf"]["jwk"]["k"], "k").hex() == vector["sessionKeyHex"]


def refused(kind, call, *arguments):
    try:
        given = call(*arguments)
    except kind as error:
        assert str(error), "the error says nothing"
    else:
        raise AssertionError(f"was not refused: {given}")


def holder_of(keys, sdk_api_key="vectors", **options):
    credentials = {"partnerId": "vectors", "apiKey": "vectors", "sdkApiKey": sdk_api_key, "payloadKeys": {"keys": keys}}
    return TokenClient(credentials, url="http://127.0.0.1:9", **options)


class Response(io.BytesIO):
    """A vector as an HTTP answer."""

    def __init__(self, vector):
        super().__init__(vector["jwe"].encode())
        self.status = vector["httpStatus"]
        self.headers = email.message.Message()
