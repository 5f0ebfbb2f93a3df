"""get-token.sh as a program is called."""

import json
import pathlib
import subprocess
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "get-token.sh"
# What each exit status says; the JSON object says the same.
ERRORS = {2: "input", 3: "refused", 4: "no-answer", 5: "unreadable-answer"}


class Ended:
    """What came of a call: exit status, output, and the message for people."""

    def __init__(self, done):
        self.status, self.output, self.message = done.returncode, done.stdout, done.stderr.decode(errors="replace")
        self.ok = self.status == 0

    def object(self):
        """The JSON object that token and send print."""
        value = json.loads(self.output)
        assert value.get("error") == ERRORS.get(self.status), f"exit status {self.status} with {value}"
        return value


def call(*arguments, stdin=b""):
    stdin = stdin if isinstance(stdin, bytes) else stdin.encode()
    return Ended(subprocess.run([SCRIPT, *arguments], input=stdin, capture_output=True, timeout=120, check=False))


class CredentialsFile:
    """Credentials in a file that is gone afterwards."""

    def __init__(self, credentials):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8")
        self.file.write(credentials if isinstance(credentials, str) else json.dumps(credentials))
        self.file.flush()

    def __enter__(self):
        return self.file.name

    def __exit__(self, *_):
        self.file.close()


def holder_of(vector):
    """A credentials file with a vector's keys."""
    keys = vector.get("keys", [vector["key"]])
    return CredentialsFile(
        {"partnerId": "vectors", "apiKey": "vectors", "sdkApiKey": "vectors", "payloadKeys": {"keys": keys}}
    )
