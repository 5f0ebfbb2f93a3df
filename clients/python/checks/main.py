"""Runs token_client.py against the published vectors and the common table of cases (clients/cases.json).

It prints a line a check, and exits with 1 if one failed.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402
import inputs  # noqa: E402
import vectors  # noqa: E402
import wire  # noqa: E402


class Tally:
    """Counts checks and prints a line for each."""

    passed = failed = 0

    def check(self, name, body, *arguments):
        """Runs one check: it holds unless it raises."""
        try:
            body(*arguments)
        except Exception as error:  # whatever it is, it is this check's fault
            self.failed += 1
            print(f"FAILED {name}\n       {type(error).__name__}: {error}", flush=True)
        else:
            self.passed += 1
            print(f"ok     {name}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", required=True, help="the service's")
    for name in ("credentials", "vectors", "cases"):
        arguments.add_argument(f"--{name}", required=True, type=pathlib.Path)
    arguments.add_argument("--server-keys", type=pathlib.Path, help="the service's keys, to open tokens with")
    given = arguments.parse_args()
    table = json.loads(given.cases.read_text("utf-8"))
    tally = Tally()
    vectors.check_all(tally, given.vectors)
    inputs.check_all(tally, given.credentials, table)
    cases.check_all(tally, given.url, given.credentials, given.server_keys, table)
    wire.check_all(tally, given.url, given.credentials, table)
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(tally.failed > 0 or tally.passed == 0)


if __name__ == "__main__":
    main()
