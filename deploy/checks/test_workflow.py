"""The pipeline: what a workflow must not do (zizmor), its form (GitHub's schema), the scripts it
runs (shellcheck), and what `deploy.yml` promises. Each check is shown to find a planted fault."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

from checks.template import ROOT

WORKFLOW = ROOT / ".github/workflows/deploy.yml"
SCRIPTS = [".ci/run", ".ci/smoke", "deploy/first-account"]
BIN = pathlib.Path(sys.executable).parent


def _finds(text: str, folder: pathlib.Path, *tool: str) -> str:
    """What a tool says of a workflow, or nothing if it is content."""
    (folder / ".github/workflows").mkdir(parents=True)
    file = folder / ".github/workflows/deploy.yml"
    file.write_text(text)
    done = subprocess.run([BIN / tool[0], *tool[1:], file], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""


ZIZMOR = ("zizmor", "--offline", "--no-progress")
SCHEMA = ("check-jsonschema", "--builtin-schema", "vendor.github-workflows")
# Tool, what is replaced in the workflow by what, and what the tool calls it.
FAULTS = [
    (ZIZMOR, r"        with:\n          persist-credentials: false\n", "", "artipacked"),
    (ZIZMOR, r"actions/checkout@\w+", "actions/checkout@v4", "unpinned-uses"),
    (ZIZMOR, r"run: \.ci/run", "run: echo ${{ github.head_ref }}", "template-injection"),
    (ZIZMOR, r"permissions:\n  contents: read\n", "permissions: write-all\n", "excessive-permissions"),
    (ZIZMOR, r"  push:\n    branches: \[main\]", "  pull_request_target:", "dangerous-triggers"),
    (SCHEMA, r"timeout-minutes", "timeout_minutes", "timeout_minutes"),
    (SCHEMA, r"needs: test", "need: test", "need"),
]


@pytest.mark.parametrize("workflow", sorted(WORKFLOW.parent.glob("*.yml")), ids=lambda file: file.stem)
@pytest.mark.parametrize("tool", [ZIZMOR, SCHEMA], ids=lambda tool: tool[0])
def test_the_workflow_is_sound(tmp_path: pathlib.Path, tool: tuple[str, ...], workflow: pathlib.Path) -> None:
    assert _finds(workflow.read_text(), tmp_path, *tool) == ""


@pytest.mark.parametrize(("tool", "old", "new", "name"), FAULTS, ids=[fault[3] for fault in FAULTS])
def test_a_planted_fault_is_found(tmp_path: pathlib.Path, tool: tuple[str, ...], old: str, new: str, name: str) -> None:
    text, count = re.subn(old, new, WORKFLOW.read_text(), count=1)
    assert count
    assert name in _finds(text, tmp_path, *tool)


def test_dev_and_prod_deploy_the_package_that_was_tested() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    packages = {step["with"]["name"] for step in jobs["test"]["steps"] if "upload-artifact" in step.get("uses", "")}
    for stage, before in (("dev", "test"), ("prod", "dev")):
        job = jobs[stage]
        assert (job["needs"], job["environment"]) == (before, stage)
        runs = [step.get("run", "") for step in job["steps"]]
        deploys = runs.index(f"make deploy STAGE={stage} BUILD=done")
        assert runs[deploys + 1] == ".ci/smoke"
        assert {step["with"]["name"] for step in job["steps"] if "download-artifact" in step.get("uses", "")} == packages


@pytest.mark.parametrize("workflow", sorted(WORKFLOW.parent.glob("*.yml")), ids=lambda file: file.stem)
def test_the_compiler_is_the_baselines(workflow: pathlib.Path) -> None:
    compiler = json.loads((ROOT / "tests/cost/baseline.json").read_text())["made_with"]["compiler"]
    assert compiler.startswith(f"rustc {yaml.safe_load(workflow.read_text())['env']['RUSTUP_TOOLCHAIN']} ")


def test_the_head_names_what_the_repository_must_have() -> None:
    head, _, rest = WORKFLOW.read_text().partition("\nname:")
    used = set(re.findall(r"(?:vars|secrets)\.(\w+)", rest))
    assert {"DEPLOY", "AWS_ROLE_ARN", "CANARY_CREDENTIALS"} <= used
    assert [name for name in used if name not in head] == []


def test_the_scripts_are_sound() -> None:
    # SC2015: `A && B || C` runs C too where B fails, which is meant.
    done = subprocess.run([BIN / "shellcheck", "--exclude=SC2015", *SCRIPTS], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == ""


def test_shellcheck_finds_a_planted_fault(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "script"
    script.write_text((ROOT / ".ci/smoke").read_text().replace('cd "$folder"', "cd $folder"))
    done = subprocess.run([BIN / "shellcheck", script], capture_output=True, text=True, timeout=60)
    assert "SC2086" in done.stdout


@pytest.mark.parametrize(("user", "expected"), [("0", "apt-get -qq update"), ("1000", "sudo apt-get -qq update")])
def test_packages_are_installed_by_root_and_others(tmp_path: pathlib.Path, user: str, expected: str) -> None:
    """`install` of .ci/run, with programs of ours in the place of the system's."""
    for name, body in {"id": f"echo {user}", "apt-get": 'echo "apt-get $*"', "sudo": 'echo -n "sudo "; "$@"'}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    function = re.search(r"^install\(\) \{.*?^\}", (ROOT / ".ci/run").read_text(), re.MULTILINE | re.DOTALL)[0]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euc", f"{function}\ninstall valgrind"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines()[0] == expected


def test_a_smoke_test_without_credentials_says_what_to_do(tmp_path: pathlib.Path) -> None:
    """In a copy, as the built tokenctl need not be there."""
    for folder in (".ci", "target/debug"):
        (tmp_path / folder).mkdir(parents=True)
    script, tokenctl = tmp_path / ".ci/smoke", tmp_path / "target/debug/tokenctl"
    script.write_text((ROOT / ".ci/smoke").read_text())
    tokenctl.write_text("#!/bin/sh\n[ \"$(cat canary.json)\" = secret ] && exit 6\n")
    for program in (script, tokenctl):
        program.chmod(0o755)

    def run(credentials: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "CANARY_CREDENTIALS": credentials}
        return subprocess.run([script], env=environment, capture_output=True, text=True)

    assert "tokenctl partner add canary" in run("").stderr
    # A refusal fails the job, and the credentials are not shown.
    refused = run("secret")
    assert refused.returncode == 6 and "secret" not in refused.stdout + refused.stderr


def test_the_first_hours_steps_are_described_and_run_dry(tmp_path: pathlib.Path) -> None:
    script = ROOT / "deploy/first-account"
    # With no program of AWS's, and none of the service's: a dry run calls nobody.
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    def run(*arguments: str) -> str:
        return subprocess.run(
            [script, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout

    steps = run("--list").split()
    assert len(steps) > 10
    assert run("--dry-run").count("Proves: ") == len(steps)
