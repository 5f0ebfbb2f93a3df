"""What passed and what failed."""

import traceback


class Results:
    def __init__(self, topic, quiet=False):
        self.topic, self.quiet, self.passed, self.failed = topic, quiet, 0, 0

    def check(self, name, check, *arguments):
        """Passed if `check` raises nothing. An AssertionError's text is the fault."""
        try:
            check(*arguments)
        except Exception as fault:  # noqa: BLE001: whatever it is, it is a failed check
            if not isinstance(fault, AssertionError) and not self.quiet:
                traceback.print_exc()
            self.fail(name, fault)
        else:
            self.passed += 1

    def fail(self, name, fault):
        self.failed += 1
        if not self.quiet:
            print(f"FAILED {self.topic}: {name}: {fault}", flush=True)

    def add(self, passed, failed):
        self.passed, self.failed = self.passed + passed, self.failed + failed


def same(actual, expected, what="it"):
    assert actual == expected, f"{what} is {actual!r}, not {expected!r}"
