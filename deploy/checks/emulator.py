"""AWS on this machine: MiniStack, with IAM enforced, and the commands that an operator uses, pointed at it."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3

from checks.template import BESIDE, CORE, ROOT, Template, of_type, properties, written

STACK = "token-service-dev"
SECRETS_TTL = 2
# Resources that MiniStack does not know, and why that is bearable. `test_e2e` sees that it knows all others, and none of these.
UNKNOWN = {
    "AWS::CodeDeploy::Application": "a release is not shifted step by step here",
    "AWS::CodeDeploy::DeploymentGroup": "the same",
    "AWS::Logs::QueryDefinition": "queries for people",
    "AWS::SecretsManager::ResourcePolicy": "the secrets' second lock; the first, IAM, is enforced",
    "AWS::WAFv2::LoggingConfiguration": "nothing asks the firewall here",
    "AWS::WAFv2::WebACLAssociation": "the same",
}
# MiniStack imports these from an OpenAPI document, and not API Gateway's own for any method.
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


def for_emulator(file: str, code: str = "Function") -> Template:
    """A template with what MiniStack does not know left out or spelt out, the code's place put in, and quick refreshes."""
    template = written(file)
    # MiniStack takes none in a template: test_alarms evaluates them.
    by_metric_math = [name for name, alarm in properties(template, "AWS::CloudWatch::Alarm") if "Metrics" in alarm]
    for name in [*by_metric_math, *(name for name, _ in of_type(template, *UNKNOWN))]:
        del template["Resources"][name]
    if file == CORE:
        function = template["Resources"]["Function"]["Properties"]
        function["CodeUri"] = code
        function["Environment"]["Variables"] |= {"SECRETS_TTL_SECONDS": str(SECRETS_TTL), "SECRETS_MIN_REFRESH_SECONDS": "1"}
        # SAM makes the two CodeDeploy resources of this.
        del function["DeploymentPreference"]
        for item in template["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"].values():
            item |= dict.fromkeys(METHODS, item.pop("x-amazon-apigateway-any-method"))
    return template


class Emulator:
    """A running MiniStack. Everything that it or a command writes is in `folder`."""

    def __init__(self, folder: pathlib.Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "SAM_CLI_TELEMETRY": "0",
        }
        # The credentials above are the account's root; the function gets its role's, which IAM holds to their policies.
        settings = {"AUTH": "true", "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
        self.log = folder / "ministack.log"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=self.environment | settings,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()

    def _wait(self) -> None:
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1).close()
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"MiniStack did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        """Ends it and the functions that it started, which are of its process group."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def run(self, *command: str | pathlib.Path, **more: str) -> str:
        """What a command prints, with its errors; it must succeed. `more` is environment."""
        done = subprocess.run(
            [str(word) for word in command],
            env=self.environment | more,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{self.log.read_text()[-3000:]}")
        return done.stdout


@contextlib.contextmanager
def running(folder: pathlib.Path) -> Iterator[Emulator]:
    emulator = Emulator(folder)
    try:
        yield emulator
    finally:
        emulator.stop()


def binary(name: str, variable: str) -> pathlib.Path:
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = pathlib.Path(os.environ.get(variable, target / "debug" / name))
    if not path.exists():
        raise RuntimeError(f"{path} is missing. Build it with: cargo build --workspace --bin {name}")
    return path


def lay_out(folder: pathlib.Path) -> None:
    """The project's folder as `make build` leaves it, with this machine's bootstrap, and a firewall for dev."""
    built = folder / ".aws-sam/build"
    (built / "Function").mkdir(parents=True)
    (folder / "deploy").mkdir()
    shutil.copy(binary("token-service", "TOKEN_SERVICE_BIN"), built / "Function/bootstrap")
    (built / "template.yaml").write_text(json.dumps(for_emulator(CORE)))
    for file in BESIDE:
        (folder / file).write_text(json.dumps(for_emulator(file)))
    config = (ROOT / "samconfig.toml").read_text()
    (folder / "samconfig.toml").write_text(f"{config}\n[dev.firewall.parameters]\nparameter_overrides = []\n")
