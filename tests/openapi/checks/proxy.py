"""Opens the service: JSON goes in and comes out, sealed and opened on the way.

A request of one of the opened document's types is sealed and sent as the real type; any other passes as it is. A renewal is the
SDK's: it is sealed under its token's session key, and has the SDK's key for X-API-KEY in the place of the partner's. A sealed
answer is opened, and its type is OPENED; one that is not a JWE of the documented form, or does not open, passes as it is,
for the checks to find.
"""

import http.client
import http.server
import re
import threading
import urllib.parse

import contract
import partner
from document import OPENED, sealed_type

HOP = {"connection", "content-length", "transfer-encoding", "date", "server", "keep-alive"}


class OpeningProxy(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, service, jwe_pattern):
        super().__init__(("127.0.0.1", 0), Call)
        self.service = urllib.parse.urlsplit(service).netloc
        self.jwe = re.compile(jwe_pattern)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def session_token(text):
    """A token that has a session key; None if the text is none."""
    try:
        partner.session(text or "")
    except partner.InputError:
        return None
    return text


class Call(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP | {"host", "accept-encoding"}}
        token = None
        if contract.paths().get(self.path, [None])[0] == "Renew":
            token = session_token(self.headers.get("X-API-TOKEN"))
            headers = {name: partner.SDK_API_KEY if value == partner.API_KEY else value for name, value in headers.items()}
        if real := sealed_type(self.headers.get("Content-Type")):
            sealed = partner.seal(body, token)
            body = (f'"{sealed}"' if real == "application/json" else sealed).encode() if body else body
            headers["Content-Type"] = real
        service = http.client.HTTPConnection(self.server.service, timeout=60)
        try:
            service.request(self.command, self.path, body, headers)
            response = service.getresponse()
            answer = response.read()
        finally:
            service.close()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP]
        if response.headers["Content-Type"] == "text/plain" and self.server.jwe.fullmatch(answer.decode(errors="replace")):
            if (plaintext := partner.opened(answer.decode(), token)) is not None:
                answer = plaintext
                kept = [(name, OPENED if name.lower() == "content-type" else value) for name, value in kept]
        self.send_response_only(response.status)
        for name, value in kept:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def __getattr__(self, name):
        # Whatever the method: what is not allowed is the service's to say.
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def log_message(self, *_):
        pass
