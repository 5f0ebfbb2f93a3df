"""get-token.sh against docs/vectors. It is no resource server: token.json is not for it."""

import base64
import concurrent.futures
import http.server
import json
import threading

from shell import call, holder_of

# Faults of a request's header that only its reader, the service, has to find: jq takes the last of two members.
FOR_THE_SERVICE = ("repeated-header-member",)


def check_all(tally, directory):
    # Each check starts a dozen programs: side by side it takes half the time.
    with Answering() as answering, concurrent.futures.ThreadPoolExecutor(4) as pool:
        formats = {"request": request, "answer": answering.answer, "session-key": session_key}
        checks = []
        for name, body in formats.items():
            for vector in json.loads((directory / f"{name}.json").read_text("utf-8"))["vectors"]:
                if name != "request" or vector.get("fault") not in FOR_THE_SERVICE:
                    checks.append((f"{name} vector {vector['name']}", pool.submit(body, vector)))
        for name, running in checks:
            tally.check(name, running.result)


def request(vector):
    with holder_of(vector) as credentials:
        opened = call("decrypt", credentials, stdin=vector["jwe"])
        if not vector["valid"]:
            return assert_refused(opened)
    plaintext = vector["plaintextUtf8"].encode()
    assert opened.ok and opened.output == plaintext, opened.message
    # jose chooses the IV itself: what it makes has the vector's header, and opens again.
    with holder_of({"key": vector["key"]}) as credentials:
        options = [] if '"kid"' in vector["headerUtf8"] else ["--no-kid"]
        sealed = call("encrypt", *options, credentials, stdin=plaintext)
        assert sealed.ok, sealed.message
        kid = {} if options else {"kid": vector["key"]["kid"]}
        usual = json.dumps({"alg": "dir", "enc": "A256GCM", **kid}, separators=(",", ":")).encode()
        assert decoded(sealed.output.split(b".")[0]) == usual, sealed.output
        again = call("decrypt", credentials, stdin=sealed.output)
        assert again.ok and again.output == plaintext, again.message


def session_key(vector):
    key = json.dumps(vector["sdkPrivateKey"])
    derived = call("session-key", vector["serverPubKey"], stdin=key)
    if not vector["valid"]:
        return assert_refused(derived)
    assert derived.ok and derived.output.decode().strip() == vector["keyBase64url"], derived.message
    public = call("sdk-public-key", stdin=key)
    # jq writes kty, crv, x, y in this order, as the vector does.
    assert public.output.decode().strip() == vector["sdkPublicKey"], public.output


class Answering:
    """An HTTP server that answers with vectors, each at a URL of its own."""

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Call)
        self.server.vectors = {}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, vector):
        self.server.vectors[vector["name"]] = vector
        url = f"http://127.0.0.1:{self.server.server_port}/{vector['name']}"
        with holder_of(vector) as credentials:
            reference_id = vector["expectedReferenceId"]
            given = call("send", "--url", url, "--attempts", "1", credentials, reference_id, stdin="a body").object()
        if not vector["valid"]:
            # What is not encrypted may still be read as a hint, if it is no success.
            hint = given.get("error") == "refused" and not given["authenticated"] and vector["httpStatus"] != 200
            assert hint or given.get("error") == "unreadable-answer", given
            return
        said = json.loads(vector["plaintextUtf8"])
        if vector["httpStatus"] == 200:
            assert all(given.get(name) == said[name] for name in ("token", "serverPubKey", "expireAt")), given
            return
        code = f"TOK{said['resCode']:03}" if isinstance(said["resCode"], int) else said["resCode"]
        assert given["error"] == "refused" and given["authenticated"], given
        assert (given["status"], given["code"], given["errors"]) == (vector["httpStatus"], code, said.get("errors", [])), given


class Call(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        vector = self.server.vectors[self.path.split("/")[1]]
        body = vector["jwe"].encode()
        self.send_response_only(vector["httpStatus"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


def assert_refused(ended):
    assert ended.status == 2, f"was not refused: exit status {ended.status}"
    assert ended.message.strip(), "the error says nothing"


def decoded(segment):
    return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
