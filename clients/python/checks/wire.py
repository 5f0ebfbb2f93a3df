"""What goes over the wire, as somebody else's library sees it: here joserfc does everything, and token_client.py nothing."""

import base64
import http.client
import json
import os
import urllib.parse
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey, OctKey

from token_client import LEGACY_TOKEN_PATH, TOKEN_PATH, SdkKeyPair

DIRECT = JWERegistry(algorithms=["dir", "A256GCM"])
AGREED = JWERegistry(algorithms=["ECDH-ES", "A256GCM"])


def check_all(tally, url, credentials_file, table):
    wire = Wire(url, json.loads(credentials_file.read_text("utf-8")), table["request"])
    tally.check("wire: an answer, its headers, its JWE header and its members", wire.an_answer)
    tally.check("wire: a GET with a body, the older key and no kid", wire.a_get)
    tally.check("wire: the legacy path says 100", wire.the_legacy_path)
    tally.check("wire: a refusal has no token", wire.a_refusal)
    tally.check("wire: a body under a stranger's key is refused in the clear", wire.a_strangers_key)
    tally.check("wire: joserfc's own ECDH-ES agrees with the session key", wire.the_session_key)


class Wire:
    """The first check's token is what the later ones look at."""

    def __init__(self, url, credentials, request):
        self.host, self.api_key = urllib.parse.urlsplit(url).netloc, credentials["apiKey"]
        self.key, self.older = map(OctKey.import_key, credentials["payloadKeys"]["keys"])
        self.sdk_key = ECKey.generate_key("P-256")
        public_key = b64url(json.dumps(self.sdk_key.as_dict(private=False)).encode())
        secrets = {"sdkApiKey": credentials["sdkApiKey"], "sdkPublicKey": public_key}
        self.members = {**request, **secrets, "referenceId": str(uuid.uuid4())}
        self.first = None

    def an_answer(self):
        answer, body = self.send("POST", TOKEN_PATH, seal(self.members, self.key, self.key.kid))
        assert answer.status == 200, answer.status
        assert answer.headers["Content-Type"] == "text/plain", answer.headers
        assert answer.headers["Cache-Control"] == "no-store", answer.headers
        assert answer.headers["X-Request-Id"]
        header, self.first = unseal(body, self.key)
        assert header == {"alg": "dir", "enc": "A256GCM", "kid": self.key.kid}, header
        assert list(self.first) == ["resCode", "resDesc", "referenceId", "serverPubKey", "token", "expireAt"]
        assert self.first["resCode"] == "TOK200" and self.first["resDesc"] == "SUCCESS", self.first
        assert self.first["referenceId"] == self.members["referenceId"], self.first

    def a_get(self):
        _, body = self.send("GET", TOKEN_PATH, seal(self.members, self.older))
        header, message = unseal(body, self.older)
        assert header == {"alg": "dir", "enc": "A256GCM"}, header
        assert message == self.first

    def the_legacy_path(self):
        _, body = self.send("POST", LEGACY_TOKEN_PATH, seal(self.members, self.key))
        assert unseal(body, self.key)[1] == {**self.first, "resCode": 100}

    def a_refusal(self):
        _, body = self.send("POST", TOKEN_PATH, seal({**self.members, "accountNumber": "1"}, self.key))
        assert list(unseal(body, self.key)[1]) == ["resCode", "resDesc", "referenceId", "errors"]

    def a_strangers_key(self):
        answer, body = self.send("POST", TOKEN_PATH, seal(self.members, OctKey.generate_key(256)))
        assert answer.headers["Content-Type"] == "application/json", answer.headers
        assert json.loads(body)["resCode"] == "TOK422", body

    def the_session_key(self):
        # Sealed with our session key, and with serverPubKey as epk, this is an ordinary ECDH-ES message to the SDK.
        # joserfc agrees and derives by itself; were its key another one, the tag would not verify.
        epk = json.loads(unb64url(self.first["serverPubKey"]))
        assert list(epk) == ["kty", "crv", "x", "y"], epk
        session_key = SdkKeyPair(self.sdk_key.as_dict(private=True)).session_key(self.first["serverPubKey"])
        header = b64url(json.dumps({"alg": "ECDH-ES", "enc": "A256GCM", "epk": epk}).encode())
        iv = os.urandom(12)
        sealed = AESGCM(session_key).encrypt(iv, b"for the SDK alone", header.encode())
        message = ".".join([header, "", b64url(iv), b64url(sealed[:-16]), b64url(sealed[-16:])])
        assert jwe.decrypt_compact(message, self.sdk_key, registry=AGREED).plaintext == b"for the SDK alone"

    def send(self, method, path, body):
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, body, {"X-API-KEY": self.api_key, "Content-Type": "text/plain"})
            answer = connection.getresponse()
            return answer, answer.read().decode()
        finally:
            connection.close()


def seal(message, key, kid=None):
    header = {"alg": "dir", "enc": "A256GCM", **({"kid": kid} if kid else {})}
    return jwe.encrypt_compact(header, json.dumps(message).encode(), key, registry=DIRECT)


def unseal(text, key):
    opened = jwe.decrypt_compact(text, key, registry=DIRECT)
    return opened.protected, json.loads(opened.plaintext)


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
