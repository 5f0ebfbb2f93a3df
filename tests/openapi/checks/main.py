"""Runs all checks of docs/openapi.yaml and docs/postman/, and says what passed and failed."""

import argparse
import os
import pathlib
import signal
import sys
import time

import collection
import collection_checks
import document_checks
import errors_page
import lint
import properties
import seal_examples
import service_checks
from document import PROJECT, Document
from results import Results
from sandbox import sandbox

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))


def main():
    arguments = argparse.ArgumentParser(prog="tests/openapi/run", description=__doc__)
    arguments.add_argument("what", nargs="?", choices=["check", "write"], default="check")
    arguments.add_argument("--sandbox", type=pathlib.Path, default=TARGET / "debug" / "sandbox", metavar="BINARY")
    options = arguments.parse_args()
    # As Ctrl-C does: what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.what == "write":
        sealed, of = seal_examples.seal()
        collection.write(Document())
        print(f"docs/openapi.yaml: {sealed} of {of} sealed examples made anew; docs/postman/ written")
        return
    document, all_results = Document(), []

    def topic(name, check, *arguments):
        results, started = Results(name), time.monotonic()
        check(*arguments, results)
        all_results.append(results)
        print(f"{name:44} {results.passed:6} passed {results.failed:4} failed {time.monotonic() - started:6.1f} s", flush=True)

    topic("the document: lint", lint.check, document)
    topic("the document, with the contract and the code", document_checks.check, document)
    topic("planted in the document", document_checks.check_faults, document)
    topic("docs/errors.md, with the contract and the code", errors_page.check)
    topic("the collection, with the document", collection_checks.check, document)
    with sandbox(options.sandbox) as service:
        topic("the document's examples, on the service", service_checks.check, document, service)
        topic("the collection, on the service", collection_checks.check_runs, service)
        topic("planted in the collection", collection_checks.check_faults, service)
    topic("schemathesis, on the service", properties.check, document, options.sandbox)
    topic("planted in the document, for schemathesis", properties.check_faults, document, options.sandbox)
    passed, failed = (sum(getattr(results, which) for results in all_results) for which in ("passed", "failed"))
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
