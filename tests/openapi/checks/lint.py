"""Redocly's rules (redocly.yaml)."""

import os
import subprocess
import tempfile

from document import PROJECT

HERE = PROJECT / "tests" / "openapi"
FAULTS = (
    ("a reference to nothing", "#/components/schemas/PublicJwk", "#/components/schemas/PrivateJwk"),
    ("two operations of one name", "operationId: getTokenByGet", "operationId: getToken"),
    ("an example that breaks its schema", '"resDesc": "Use POST"', '"resDesc": 1'),
)


def check(document, results):
    results.check("rules", is_clean, document.text)
    for what, old, new in FAULTS:
        results.check(f"finds {what}", is_faulty, document.text, old, new)


def is_clean(text):
    ended = lint(text)
    assert ended.returncode == 0, f"\n{ended.stdout}{ended.stderr}"


def is_faulty(text, old, new):
    assert old in text, f"docs/openapi.yaml has no {old!r}"
    assert lint(text.replace(old, new)).returncode == 1, "it is not found"


def lint(text):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        command = [PROJECT / "node_modules" / ".bin" / "redocly", "lint", file.name, "--config", HERE / "redocly.yaml"]
        environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
