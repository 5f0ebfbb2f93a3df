"""What stands between the clients and the sandbox while they are checked: it misbehaves on request.

A call of /front/{steps}/{id}/{path} is the service's /{path}, except that the first calls of an id go wrong as the steps
say, one step a call. GET /front/{steps}/{id} tells how many calls there were. All other paths pass. cases.json says what
each step does. For tests only: it has no limits and no TLS.
"""

import http.client
import http.server
import json
import re
import socket
import struct
import threading
import urllib.parse

ROUTE = re.compile(r"/front/(?P<steps>[a-z0-9.-]+)/(?P<id>[A-Za-z0-9]+)(?P<path>/.*)?$")
STATUS = re.compile(r"(?P<status>429|500|502|503|504)(-(?P<after>\d+))?$")
STEPS = re.compile(r"drop|lose|cut|tamper|stale|html|plain")
PASSED_ON = ("X-API-KEY", "X-API-TOKEN", "X-ACCOUNT-NUMBER", "Authorization", "Content-Type")
PASSED_BACK = ("Content-Type", "Cache-Control", "X-Request-Id", "Idempotent-Replayed", "Retry-After", "Allow", "WWW-Authenticate")
# As API Gateway says them; the others are the service's.
GATEWAYS = {429: "Too Many Requests", 502: "Internal server error", 504: "Endpoint request timed out"}


class Front(http.server.ThreadingHTTPServer):
    """Listens on a free port of this machine; `url` is where."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, service):
        super().__init__(("127.0.0.1", 0), Call)
        self.service = urllib.parse.urlsplit(service).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.calls = {}
        self.newest_success = None
        self.lock = threading.Lock()

    def start(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, id):
        """How many calls of this id there have been, this one not counted."""
        with self.lock:
            before = self.calls.get(id, 0)
            self.calls[id] = before + 1
        return before


class Call(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def do_GET(self):
        route = ROUTE.match(self.path)
        if route and not route["path"]:
            self.answer(200, json.dumps({"calls": self.server.calls.get(route["id"], 0)}).encode())
        else:
            self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        route = ROUTE.match(self.path)
        if not route:
            return self.answer(*self.forward(self.path, body))
        steps, path = route["steps"].split("."), route["path"] or "/"
        if wrong := [step for step in steps if not STATUS.match(step) and not STEPS.fullmatch(step)]:
            return self.answer(404, f"There is no step {wrong[0]}; see clients/cases.json\n".encode())
        before = self.server.count(route["id"])
        self.misbehave(steps[before] if before < len(steps) else "", path, body)

    def misbehave(self, step, path, body):
        if step == "drop":
            return self.reset()
        if status := STATUS.match(step):
            return self.refuse(int(status["status"]), status["after"], path)
        if step == "html":
            return self.answer(200, b"<!doctype html><title>Welcome</title>\n", {"Content-Type": "text/html"})
        if step == "plain":
            success = {"resCode": "TOK200", "resDesc": "SUCCESS", "token": "a.b.c.d.e", "serverPubKey": "e30", "expireAt": 1}
            return self.answer(200, json.dumps(success).encode())
        if step == "stale":
            return self.answer(200, self.server.newest_success or b"", {"Content-Type": "text/plain"})
        status, answer, headers = self.forward(path, body)
        if step == "lose":
            return self.reset()
        if step == "cut":
            self.answer(status, answer, headers, sent=len(answer) // 2)
            return self.reset()
        if step == "tamper":
            middle = len(answer) // 2
            answer = answer[:middle] + (b"B" if answer[middle : middle + 1] == b"A" else b"A") + answer[middle + 1 :]
        self.answer(status, answer, headers)

    def forward(self, path, body):
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        service = http.client.HTTPConnection(self.server.service, timeout=60)
        try:
            service.request(self.command, path, body, headers)
            response = service.getresponse()
            answer = response.read()
        except OSError as error:
            return 502, json.dumps({"message": f"the sandbox does not answer: {error}"}).encode(), {}
        finally:
            service.close()
        if response.status == 200:
            self.server.newest_success = answer
        return response.status, answer, {name: response.headers[name] for name in PASSED_BACK if name in response.headers}

    def refuse(self, status, after, path):
        if status in GATEWAYS:
            said = {"message": GATEWAYS[status]}
        else:
            code = {500: "TOK003", 503: "TOK503"}[status]
            said = {"resCode": code if "/v2/" in path else int(code[3:]), "resDesc": "The front was told to say so"}
        self.answer(status, json.dumps(said).encode(), {"Retry-After": after} if after else {})

    def answer(self, status, body, headers=None, sent=None):
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])
        self.wfile.flush()

    def reset(self):
        """Ends the connection at once, as a process that died does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_):
        """Says nothing: the check programs say what came of each call."""
