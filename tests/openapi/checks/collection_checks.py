"""docs/postman/: that it is what is made of tests/openapi/postman/ and the document, and that it runs."""

import json
import pathlib
import subprocess
import tempfile

import collection
import contract
from document import PROJECT
from results import same
from service_checks import UNPROVOKED_CODES

RUNNER = PROJECT / "tests" / "openapi" / "checks" / "postman.mjs"
SECONDS = 180
# What is planted in the collection's text, as it stands in JSON: (what it is, what stands there, what is put there).
FAULTS = (
    ("a code that is not the service's", 'to.eql(\\"TOK409\\")', 'to.eql(\\"TOK408\\")'),
    ("a tag by another polynomial", "BigInt('0xe1')", "BigInt('0xe2')"),
    ("a body that is not sealed", "raw: seal(plaintext)", "raw: plaintext"),
    ("an answer that is not opened", "sealed ? open(pm.response.text())", "sealed ? (pm.response.text())"),
    ("a path that there is not", '"v2"', '"v3"'),
    ("a session key for another algorithm", "fromText('A256GCM')", "fromText('A128GCM')"),
    ("a point that is doubled by another slope", "THREE * a.x * a.x", "TWO * a.x * a.x"),
    ("a token that a renewal does not keep", "set('token', answer.token)", "set('tokens', answer.token)"),
)


def check(document, results):
    for path, text in collection.files(document).items():
        results.check(path.name, is_as_made, path, text)
    results.check("each code that can be provoked is asked for", all_codes)


def is_as_made(path, text):
    assert path.exists() and path.read_text() == text, "it is not what tests/openapi/run write makes: run that, and look at the change"


def all_codes():
    """Each code of the table of errors but those that only an outage brings about."""
    scripts = json.dumps(collection.collection_items())
    asked = {code for code in contract.errors() if f'to.eql(\\"{code}\\")' in scripts}
    same(asked, set(contract.errors()) - UNPROVOKED_CODES, "the set of codes that requests are answered with")


def check_runs(sandbox, results):
    for runtime in ("newman", "app"):
        counted = run(runtime, collection.COLLECTION, sandbox)
        results.add(counted["passed"], counted["failed"])
        results.check(f"every request of it was sent by {runtime}", same, counted["requests"], len(collection.collection_items()))


def check_faults(sandbox, results):
    text = collection.COLLECTION.read_text()
    for what, old, new in FAULTS:
        results.check(f"newman finds {what}", is_found, sandbox, text, old, new)


def is_found(sandbox, text, old, new):
    assert old in text, f"the collection has no {old!r}"
    with tempfile.TemporaryDirectory() as folder:
        planted = pathlib.Path(folder, "planted.json")
        planted.write_text(text.replace(old, new))
        assert run("newman", planted, sandbox, quiet=True)["failed"] > 0, "it is not found"


def run(runtime, file, sandbox, quiet=False):
    command = ["node", RUNNER, runtime, file, collection.ENVIRONMENT, sandbox.url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    *said, last = ended.stdout.splitlines() or [""]
    assert ended.returncode == 0 and last.startswith("{"), (
        f"{runtime} ended with {ended.returncode}: {ended.stdout}{ended.stderr}"
    )
    if not quiet:
        print(*said, sep="\n", end="\n" if said else "", flush=True)
    return json.loads(last)
