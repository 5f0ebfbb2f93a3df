"""The client against docs/vectors."""

import email.message
import io
import json
from unittest import mock

from resource_server import open_token
from token_client import InputError, RefusedError, SdkKeyPair, TokenClient, UnreadableAnswerError, _code, _decode


def check_all(tally, directory):
    formats = {"request": request, "answer": answer, "session-key": session_key, "token": token}
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


def holder_of(keys, **options):
    credentials = {"partnerId": "vectors", "apiKey": "vectors", "sdkApiKey": "vectors", "payloadKeys": {"keys": keys}}
    return TokenClient(credentials, url="http://127.0.0.1:9", **options)


class Response(io.BytesIO):
    """A vector as an HTTP answer."""

    def __init__(self, vector):
        super().__init__(vector["jwe"].encode())
        self.status = vector["httpStatus"]
        self.headers = email.message.Message()
