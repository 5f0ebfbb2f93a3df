"""schemathesis against the sandbox, and the faults that it must find.

Each run has a sandbox of its own: records of an earlier run would make conflicts, and those look like findings.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import partner
from document import Document
from proxy import OpeningProxy
from sandbox import sandbox

HERE = pathlib.Path(__file__).resolve().parent
SEED, EXAMPLES, AT_MOST_SECONDS = 1, 25, 300
TRIES = 3
"""With so many seeds a planted fault is looked for: any change of the document changes what one seed draws."""
OUTCOMES = (
    "renewed",
    "no token of a session",
    "refused token",
    "refused X-ACCOUNT-NUMBER",
    "invalidated",
    "unknown session",
    "refused tokenReferenceId",
    "active",
    "inactive",
    "refused form",
)
"""Of the operations besides Get Token."""
SEEN_AT_LEAST = 3
"""How often each member must have been accepted, and refused, and each outcome seen, for the run to have shown something."""

# What is planted, as a change of the text of docs/openapi.yaml: (what it is, what stands there, what is put there). It shows
# at getToken.
FAULTS = (
    (
        "a status that is not documented",
        '        "400": {$ref: "#/components/responses/BadRequest"}\n',
        "",
    ),
    # Each value that it lets pass is wrong: were only some of them, it would hang on the seed whether one is drawn.
    ("a pattern that lets too much pass", "'^[A-Za-z0-9._:-]{1,64}$'", "'^[A-Za-z0-9._:-]{0,63}[ /]$'"),
    ("a length that lets too little pass", "minLength: 1\n      maxLength: 100\n", "minLength: 1\n      maxLength: 1\n"),
    (
        "a member that is not required",
        "[referenceId, sdkPublicKey, sdkApiKey, accountNumber]",
        "[referenceId, sdkPublicKey, sdkApiKey]",
    ),
    ("a header of another value", "const: no-store", "const: no-cache"),
    ("a member of the answer of another type", "type: integer\n          format: int64", "type: string\n          format: int64"),
    (
        "a member of the answer that nobody names",
        ", token, expireAt]",
        ", expireAt]",
        '        token:\n          description: For the SDK. You cannot read it\n          $ref: "#/components/schemas/CompactJwe"\n',
        "",
    ),
    (
        "an answer that is said to be plain",
        '$ref: "#/components/schemas/SealedTOK400"',
        '$ref: "#/components/schemas/CompactJwe"',
    ),
)
# The same, by the operation where it shows. Most of them need a session that getToken began.
FAULTS_ELSEWHERE = {
    "renew": (
        "a member of another name",
        'required: [token]\n      properties:\n        token:\n          description: "Beyond',
        'required: [tokens]\n      properties:\n        tokens:\n          description: "Beyond',
    ),
    "invalidate": ("a member of another name", "required: [tokenReferenceId]", "required: [referenceId]"),
    "introspect": ("an inactive token that is said to be active", "active: {const: false}", "active: {const: true}"),
}


def check(document, binary, results):
    report, seen = run(document, binary, EXAMPLES)
    cases = report["test_cases"]
    failed = cases["unique_failures"] + len(report["errors"])
    if not report["complete"] or report["exit_code"] != 0:
        failed = max(failed, 1)
    results.add(cases["generated"] - cases["with_failures"] - cases["without_checks"], failed)
    for member in document.components["schemas"]["TokenRequest"]["properties"]:
        for verdict in ("accepted", "refused"):
            results.check(f"{member} was {verdict} often enough", often_enough, seen, f"{verdict} {member}")
    for outcome in OUTCOMES:
        results.check(f"{outcome} was seen often enough", often_enough, seen, outcome)


def often_enough(seen, what):
    assert seen.get(what, 0) >= SEEN_AT_LEAST, f"{seen.get(what, 0)} times of at least {SEEN_AT_LEAST}"


def check_faults(document, binary, results):
    for what, *changes in FAULTS:
        results.check(f"schemathesis finds {what}", is_found, document, binary, ["getToken"], changes)
    for operation, (what, *changes) in FAULTS_ELSEWHERE.items():
        results.check(f"schemathesis finds {what}", is_found, document, binary, ["getToken", operation], changes)


def is_found(document, binary, operations, changes):
    text = document.text
    for old, new in zip(changes[::2], changes[1::2]):
        assert old in text, f"docs/openapi.yaml has no {old!r}"
        text = text.replace(old, new, 1)
    for seed in range(SEED, SEED + TRIES):
        options = ("--max-failures", "1", "--no-shrink", *(f"--include-operation-id={name}" for name in operations))
        report, _ = run(Document(text), binary, EXAMPLES, *options, seed=seed, quiet=True)
        assert not report["errors"], f"schemathesis could not check: {report['errors']}"
        assert report["complete"] or report["failures"], "schemathesis did not finish"
        if report["failures"]:
            return
    raise AssertionError(
        f"it is not found with {TRIES} seeds of {EXAMPLES} examples: plant it so that most of what is drawn shows it"
    )


def run(document, binary, examples, *options, seed=SEED, quiet=False):
    """One run: its report, and what the hooks counted."""
    pattern = document.components["schemas"]["CompactJwe"]["pattern"]
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox(binary) as service,
        OpeningProxy(service.url, re.sub(r"^\^|\$$", "", pattern)) as proxy,
    ):
        folder = pathlib.Path(folder)
        (folder / "openapi.yaml").write_text(document.text)
        (folder / "opened.json").write_text(json.dumps(document.opened()))
        command = [pathlib.Path(sys.executable).with_name("st"), "--config-file", HERE.parent / "schemathesis.toml", "run"]
        command += [folder / "opened.json", "--url", proxy.url, "--header", f"X-API-KEY: {partner.API_KEY}"]
        command += ["--header", f"Authorization: {partner.basic()}"]
        command += ["--seed", str(seed), "--max-examples", str(examples), "--phases", "coverage,fuzzing"]
        command += ["--generation-database", "none", "--report", "json", "--report-json-path", folder / "report.json", *options]
        environment = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
            "SCHEMATHESIS_HOOKS": "hooks",
            "OPENAPI": str(folder / "openapi.yaml"),
            "SEEN": str(folder / "seen.json"),
        }
        ended = subprocess.run(
            command,
            env=environment,
            timeout=AT_MOST_SECONDS,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if not quiet and ended.returncode != 0:
            print(ended.stdout)
        assert (folder / "report.json").exists(), f"schemathesis ended with {ended.returncode}: {ended.stdout[-2000:]}"
        return json.loads((folder / "report.json").read_text()), json.loads((folder / "seen.json").read_text())
