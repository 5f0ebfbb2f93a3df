"""Deploys a stage's stacks in their order, renews its instances, prints its outputs, and deletes it.

    .venv/sam/bin/python deploy/stage.py check|deploy|refresh|env|delete STAGE

Reads samconfig.toml, .aws-sam/build and deploy/*.yaml in the current directory. `sam` does the deploying.
"""

import argparse
import datetime
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
from typing import Any, NoReturn

import boto3
import tomlkit
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse

from checks.rules import DATA, RULES, data_outlives_stack_and_update
from checks.template import CORE, Template, all_written, of_type, together

SAM = pathlib.Path(sys.executable).parent / "sam"
CONFIG = pathlib.Path("samconfig.toml")
BUILT = pathlib.Path(".aws-sam/build/template.yaml")
# One stack for all stages of an account and region.
ACCOUNT = "api-gateway-account"
# Names in place of the outputs' own: what tokenctl reads, and no STAGE, which `make` would take for the stage to deploy.
VARIABLES = {
    "Stage": "API_STAGE",
    "ApiKeysSecretArn": "API_KEYS_SECRET_ID",
    "ServerKeysSecretArn": "SERVER_KEYS_SECRET_ID",
    "TokensTableName": "TOKENS_TABLE",
    "Url": "TOKENCTL_URL",
}


def refuse(why: str) -> NoReturn:
    sys.exit(f"\n{why}")


class Stage:
    """A stage by samconfig.toml, and its stacks in the account."""

    def __init__(self, name: str) -> None:
        try:
            config = tomlkit.parse(CONFIG.read_text()).unwrap()
        except (OSError, tomlkit.exceptions.ParseError) as error:
            refuse(f"{CONFIG} cannot be read: {error}. Run this in the project's folder.")
        stages = [name for name, section in config.items() if isinstance(section, dict) and "deploy" in section]
        if name not in stages:
            there = f"There are: {', '.join(stages)}."
            refuse(f"{CONFIG} has no stage {name}. {there}" if name else f"Say which stage, as in: STAGE=dev. {there}")
        self.name = name
        self._section = config[name]
        self.service: str = self._section["deploy"].get("parameters", {}).get("stack_name") or refuse(
            f"[{name}.deploy.parameters] of {CONFIG} has no stack_name."
        )
        self.role_arn: str = self._section["deploy"]["parameters"].get("role_arn", "")
        self._cloudformation = boto3.client("cloudformation")

    def has(self, stack: str) -> bool:
        return stack in self._section

    def parameters(self, command: str) -> dict[str, str]:
        """A section's parameter_overrides: of `deploy` for the service itself, or of `watch` or `firewall`."""
        overrides = self._section.get(command, {}).get("parameters", {}).get("parameter_overrides", "")
        return _parameters(overrides if isinstance(overrides, list) else shlex.split(overrides))

    def described(self, stack: str) -> dict[str, Any] | None:
        try:
            return self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def outputs(self, stack: str) -> dict[str, str]:
        described = self.described(stack) or refuse(f"There is no stack {stack} in this account and region.")
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def template(self, stack: str, stage: str) -> Template:
        body = self._cloudformation.get_template(StackName=stack, TemplateStage=stage)["TemplateBody"]
        return yaml_parse(body) if isinstance(body, str) else body

    def resources(self, stack: str) -> list[dict[str, str]]:
        return self._cloudformation.describe_stack_resources(StackName=stack)["StackResources"]

    def sam(self, stack: str, template: pathlib.Path, parameters: dict[str, str]) -> None:
        """`sam deploy`, with the stage's settings. Parameters that are not given keep the stack's values."""
        print(f"\n== {stack}", flush=True)
        overrides = [f'{name}="{value}"' for name, value in parameters.items()]
        _run(
            SAM, "deploy", "--config-file", CONFIG.resolve(), "--config-env", self.name,
            "--stack-name", stack, "--template-file", template, "--no-progressbar",
            *(["--parameter-overrides", *overrides] if overrides else []),
        )


def _parameters(words: list[str]) -> dict[str, str]:
    for word in words:
        if not re.match(r"[A-Za-z0-9]+=", word):
            refuse(f"{word!r} is no parameter. Write NAME=VALUE.")
    return dict(word.split("=", 1) for word in words)


def _run(*command: str | pathlib.Path) -> None:
    done = subprocess.run([str(word) for word in command])
    if done.returncode:
        refuse(f"`{pathlib.Path(command[0]).name} {command[1]}` failed, as it says above (docs/operations.md, When a deployment fails).")


def _with_defaults(template: Template, parameters: dict[str, str]) -> dict[str, str]:
    """A value for each parameter: what samconfig.toml does not name has its default again, and not what was deployed before."""
    known = template.get("Parameters", {})
    for name in parameters.keys() - known.keys():
        refuse(f"There is no parameter {name}. There are: {', '.join(known)}.")
    defaults = {name: str(parameter["Default"]) for name, parameter in known.items() if "Default" in parameter}
    return defaults | parameters


def _stamped(template: Template, what: str) -> Template:
    """The template with the time in the function's description, so that SAM publishes a version."""
    function = template["Resources"]["Function"]["Properties"]
    now = datetime.datetime.now(datetime.timezone.utc)
    function["Description"] = f"{function['Description'].partition('. ')[0]}. {what} {now:%Y-%m-%dT%H:%M:%SZ}"
    return template


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return f"Commit {done.stdout.strip()}, deployed" if done.returncode == 0 else "Deployed"


def check_templates(stage: Stage, given: dict[str, str]) -> None:
    """Refuses templates and parameters that would fail, before anything is built or changed."""
    templates = all_written()
    faults = [fault for rule in RULES for fault in rule(together(templates))]
    if faults:
        refuse("The templates break rules of deploy/checks:\n  " + "\n  ".join(faults))
    _with_defaults(templates[CORE], stage.parameters("deploy") | given)
    for name in ("watch", "firewall"):
        _with_defaults(templates[f"deploy/{name}.yaml"], stage.parameters(name))


def check_stacks(stage: Stage) -> None:
    """Refuses stacks that cannot be updated."""
    for stack in (ACCOUNT, stage.service, f"{stage.service}-watch", f"{stage.service}-firewall"):
        status = (stage.described(stack) or {}).get("StackStatus", "")
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
            refuse(
                f"{stack} is in {status}: its first deployment, or its deletion, failed. Delete it first:\n"
                f"  aws cloudformation delete-stack --stack-name {stack}\n"
                "What holds data stays (docs/operations.md, When a deployment fails)."
            )
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            refuse(f"{stack} is in {status}: wait until that is done.")
    if (stage.described(stage.service) or {}).get("StackStatus", "REVIEW_IN_PROGRESS") != "REVIEW_IN_PROGRESS":
        _check_alias(stage)


def _check_alias(stage: Stage) -> None:
    """CodeDeploy refuses to move an alias that is not where CloudFormation left it."""
    resources = stage.resources(stage.service)
    versions = [one["PhysicalResourceId"] for one in resources
                if one["ResourceType"] == "AWS::Lambda::Version" and not one["ResourceStatus"].startswith("DELETE")]
    if not versions:  # A stack that has just adopted its data.
        return
    *_, function, version = versions[0].split(":")
    alias = boto3.client("lambda").get_alias(FunctionName=function, Name="live")
    if alias["FunctionVersion"] != version or (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
        refuse(
            f"The alias live is on version {alias['FunctionVersion']}, and the stack on {version}: somebody moved it by hand, and "
            "the next deployment would fail.\nPut it back, and deploy what you want at once after that:\n"
            f"  aws lambda update-alias --function-name {function} --name live --function-version {version} "
            "--routing-config AdditionalVersionWeights={}"
        )


def deploy(stage: Stage, given: dict[str, str]) -> None:
    if not BUILT.exists():
        refuse(f"There is no {BUILT}. Build it with: make build")
    core = yaml_parse(BUILT.read_text())
    parameters = _with_defaults(core, stage.parameters("deploy") | given)
    release = BUILT.with_name("release.json")
    release.write_text(json.dumps(_stamped(core, _commit()), indent=1))

    role = boto3.client("apigateway").get_account().get("cloudwatchRoleArn")
    if role:
        print(f"API Gateway has a role for its logs in this account and region, which stays: {role}")
    else:
        file = pathlib.Path("deploy/account.yaml")
        own = yaml_parse(file.read_text())["Parameters"]
        stage.sam(ACCOUNT, file, {name: value for name, value in parameters.items() if name in own})
    stage.sam(stage.service, release, parameters)
    outputs = stage.outputs(stage.service)
    for name in ("watch", "firewall"):
        stack = f"{stage.service}-{name}"
        if name == "watch" or stage.has(name):
            file = pathlib.Path(f"deploy/{name}.yaml")
            template = yaml_parse(file.read_text())
            linked = {key: value for key, value in outputs.items() if key in template["Parameters"]}
            stage.sam(stack, file, _with_defaults(template, stage.parameters(name)) | linked)
        elif stage.described(stack):
            print(f"\n{stack} is still there, and {CONFIG} has no [{stage.name}.{name}.parameters]. Delete it, if you mean that:")
            print(f"  aws cloudformation delete-stack --stack-name {stack}")
    print(f"\nDeployed: {outputs['Url']}\nIts outputs, to paste: make env STAGE={stage.name}")


def refresh(stage: Stage) -> None:
    """A release of what is deployed already, at once and whatever the alarms say: its instances read the secrets anew."""
    if not stage.described(stage.service):
        refuse(f"There is no stack {stage.service} in this account and region.")
    template = _stamped(stage.template(stage.service, "Original"), "Refreshed")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "refresh.json")
        file.write_text(json.dumps(template))
        stage.sam(stage.service, file, {"DeploymentType": "AllAtOnce", "RollbackOnAlarm": "false"})


def env(stage: Stage) -> None:
    outputs = stage.outputs(stage.service)
    if stage.described(f"{stage.service}-watch"):
        outputs |= stage.outputs(f"{stage.service}-watch")
    for name, value in outputs.items():
        variable = VARIABLES.get(name, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper())
        print(f"export {variable}={shlex.quote(value)}")


def delete(stage: Stage, confirm: str) -> None:
    """Asks the deployed templates, not the files here, whether data would go."""
    if confirm != stage.service:
        refuse(f"This deletes {stage.service}, and its URL is gone for good. If you mean it, say: make delete STAGE={stage.name} CONFIRM={stage.service}")
    stacks = [stack for stack in (f"{stage.service}-firewall", f"{stage.service}-watch", stage.service) if stage.described(stack)]
    if stage.service not in stacks:
        refuse(f"There is no stack {stage.service} in this account and region.")
    kept = []
    for stack in stacks:
        template = stage.template(stack, "Processed")
        faults = list(data_outlives_stack_and_update(template))
        if faults:
            refuse(f"{stack} would take data with it. Deploy this template first, which keeps it:\n  " + "\n  ".join(faults))
        names = {name for name, _ in of_type(template, *DATA)}
        kept += [one for one in stage.resources(stack) if one["LogicalResourceId"] in names]
    print("These stay, and cost, until you delete them yourself (docs/operations.md, Delete):")
    for one in kept:
        print(f"  {one['LogicalResourceId']}={one['PhysicalResourceId']}")
    for stack in stacks:
        print(f"\n== {stack}", flush=True)
        _run(SAM, "delete", "--stack-name", stack, "--region", boto3.session.Session().region_name, "--no-prompts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "deploy", "refresh", "env", "delete"])
    parser.add_argument("stage", metavar="STAGE", help="a section of samconfig.toml")
    parser.add_argument("parameters", metavar="NAME=VALUE", nargs="*", help="deploy: parameters for this once")
    parser.add_argument("--confirm", default="", help="delete: the name of the service's stack")
    arguments = parser.parse_args()
    stage = Stage(arguments.stage)
    try:
        who = boto3.client("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError):
        refuse("AWS takes no credentials from here. Set AWS_PROFILE after: aws sso login (or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)")
    print(f"account and role: {who}", file=sys.stderr)
    given = _parameters(arguments.parameters)
    try:
        if arguments.command in ("check", "deploy"):
            check_templates(stage, given)
        if arguments.command in ("check", "deploy", "refresh"):
            check_stacks(stage)
        match arguments.command:
            case "deploy":
                deploy(stage, given)
            case "refresh":
                refresh(stage)
            case "env":
                env(stage)
            case "delete":
                delete(stage, arguments.confirm)
    except (BotoCoreError, ClientError) as error:
        refuse(f"AWS refuses: {error}")


if __name__ == "__main__":
    main()
