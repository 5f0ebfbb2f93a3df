"""A sandbox for the length of a run, for the checks here and in tests/openapi/."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

START_SECONDS, STOP_SECONDS = 60, 10


@contextlib.contextmanager
def sandbox(binary):
    # A file, not a pipe: nobody has to keep reading it for the sandbox to go on.
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen([binary, "local"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        except FileNotFoundError:
            sys.exit(f"{binary} is missing; build it with: cargo build --workspace")
        try:
            yield _started(process, log)
            if process.poll() is not None:
                sys.exit(f"the sandbox died. It said last:\n{_said(log)[-4000:]}")
        finally:
            # As Ctrl-C does, so that it takes the function with it.
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                sys.exit(f"the sandbox was still running {STOP_SECONDS} s after it was asked to end")


class Sandbox:
    """Its URL, and the variables of the file that it tells an operator to source."""

    def __init__(self, said):
        self.url = re.search(r"http://127\.0\.0\.1:\d+", said).group()
        (file,) = shlex.split(re.search(r"^source (.*)$", said, re.MULTILINE)[1])
        with open(file, encoding="utf-8") as lines:
            exports = re.findall(r"^export (\w+)=(.*)$", lines.read(), re.MULTILINE)
        self.environment = {name: "".join(shlex.split(value)) for name, value in exports}


def _started(process, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        # The last line of its introduction.
        if "The function's log follows" in _said(log):
            return Sandbox(_said(log))
        if process.poll() is not None:
            sys.exit(f"{_said(log)}\nthe sandbox ended with {process.returncode}; above is what it said")
        time.sleep(0.05)
    sys.exit(f"{_said(log)}\nno URL from the sandbox within {START_SECONDS} s; above is what it said")


def _said(log):
    # Not read(): the sandbox writes at the offset that it would move.
    return os.pread(log.fileno(), 1 << 24, 0).decode(errors="replace")
