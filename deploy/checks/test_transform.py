"""What CloudFormation gets: linted for both values of the conditions, measured, and compared across changes of the core."""

import copy
import itertools
import json
import pathlib
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from checks.template import BESIDE, CORE, REGION, ROOT, Template, expanded, resolved, written

CFN_LINT = ROOT / ".venv/sam/bin/cfn-lint"
# Parameters that a resolved condition no longer asks for, and defaults that a true condition
# excludes.
OF_RESOLVED = ("W2001", "W1030")


def lint(folder: pathlib.Path, templates: dict[str, Template]) -> list[str]:
    """What cfn-lint finds, by the templates' names."""
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template))
    command = [CFN_LINT, "--regions", REGION, "--ignore-checks", *OF_RESOLVED, "--format", "parseable", "--", *folder.glob("*.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert not done.stderr, done.stderr
    return [line.removeprefix(f"{folder}/") for line in done.stdout.splitlines()]


def each_value_of_the_conditions(template: Template) -> dict[str, Template]:
    """As SAM leaves it, with every condition true, and with every condition false."""
    conditions = template.get("Conditions", {})
    cases = {str(value): resolved(template, dict.fromkeys(conditions, value)) for value in (True, False) if conditions}
    return {"as-transformed": template} | cases


def test_cfn_lint_finds_nothing(tmp_path: pathlib.Path) -> None:
    templates = {CORE: expanded(written())} | {file: written(file) for file in (*BESIDE, "deploy/deployer.yaml")}
    cases = {f"{pathlib.Path(file).stem}-{case}": resolved_template
             for file, template in templates.items()
             for case, resolved_template in each_value_of_the_conditions(template).items()}
    assert lint(tmp_path, cases) == []


def _conditional_depends_on(template: Template) -> None:
    """`sam validate --lint` is silent on this one, as the name begins with `Api`, a resource of SAM's."""
    template["Resources"]["ApiGatewayAccount"] = {
        "Type": "AWS::ApiGateway::Account", "Condition": "HasDomain", "Properties": {"CloudWatchRoleArn": "arn:aws:iam::1:role/x"}
    }
    template["Resources"]["Api"]["DependsOn"] = "ApiGatewayAccount"


def _wrong_branch(template: Template) -> None:
    target = template["Outputs"]["DomainTarget"]
    del target["Condition"]
    target["Value"] = {"Fn::If": ["HasDomain", "none", target["Value"]]}


@pytest.mark.parametrize(("plant", "case"), [(_conditional_depends_on, "as-transformed"), (_wrong_branch, "False")])
def test_cfn_lint_finds_a_planted_fault(tmp_path: pathlib.Path, plant: Callable[[Template], None], case: str) -> None:
    template = written()
    plant(template)
    found = lint(tmp_path, {case: each_value_of_the_conditions(expanded(template))[case]})
    assert found


def test_the_core_is_below_the_size_that_cloudformation_takes_inline() -> None:
    assert len((ROOT / CORE).read_bytes()) <= 51_200
    # As a request has it, without indentation.
    assert len(json.dumps(expanded(written()))) <= 51_200


Change = Callable[[dict[str, Any]], None]


def _id(template: Template, kind: str, **parameters: str) -> str:
    """The name of the one resource of this type, which SAM ends with a hash: another name is a new resource."""
    name, = (name for name, resource in expanded(template, **parameters)["Resources"].items() if resource["Type"] == kind)
    return name


@pytest.fixture
def passing_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transform a second after the one before it: SAM's AlwaysDeploy takes the time, in seconds."""
    seconds = itertools.count(1_800_000_000)
    monkeypatch.setattr("samtranslator.model.apigateway.time.time", lambda: next(seconds))


DEPLOYED = [
    {"AllowedCidrs": "203.0.113.0/24"},
    {"DomainName": "token.example.com", "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/x"},
    {"TruststoreUri": "s3://bucket/trust.pem"},
]


@pytest.mark.parametrize("parameters", DEPLOYED, ids=lambda parameters: next(iter(parameters)))
def test_a_changed_parameter_reaches_the_stage(passing_time: None, parameters: dict[str, str]) -> None:
    template = written()
    assert _id(template, "AWS::ApiGateway::Deployment", **parameters) != _id(template, "AWS::ApiGateway::Deployment")
    # The planted fault: SAM alone does not see the change.
    del template["Resources"]["Api"]["Properties"]["AlwaysDeploy"]
    assert _id(template, "AWS::ApiGateway::Deployment", **parameters) == _id(template, "AWS::ApiGateway::Deployment")


def _seconds(value: Any) -> Change:
    return lambda function: function["Environment"]["Variables"].update(TOKEN_TTL_SECONDS=value)


RELEASED: dict[str, Change] = {
    "a variable": _seconds("900"),
    "memory": lambda function: function.update(MemorySize=512),
    "log level": lambda function: function["LoggingConfig"].update(SystemLogLevel="WARN"),
    "by stage": _seconds({"Fn::If": ["IsProd", "900", "1800"]}),
    "description": lambda function: function.update(Description="Issues tokens. Deployed 2026-11-25T09:00:00Z"),
}


@pytest.mark.parametrize("change", RELEASED.values(), ids=RELEASED.keys())
def test_a_changed_setting_publishes_a_version(change: Change) -> None:
    template = written()
    before = _id(template, "AWS::Lambda::Version")
    assert _id(template, "AWS::Lambda::Version") == before
    change(template["Resources"]["Function"]["Properties"])
    assert _id(template, "AWS::Lambda::Version") != before


def test_each_value_by_stage_publishes_a_version() -> None:
    template = written()
    function = template["Resources"]["Function"]["Properties"]
    _seconds({"Fn::If": ["IsProd", "900", "1800"]})(function)
    before = _id(template, "AWS::Lambda::Version")
    _seconds({"Fn::If": ["IsProd", "900", "1801"]})(function)
    assert _id(template, "AWS::Lambda::Version") != before


def test_a_value_of_a_parameter_or_a_mapping_publishes_none() -> None:
    """So the settings are literals, and the rule `a_changed_setting_is_a_release` keeps them so."""
    template = written()
    function = template["Resources"]["Function"]["Properties"]
    _seconds({"Ref": "LogRetentionDays"})(function)
    same = {_id(template, "AWS::Lambda::Version", LogRetentionDays=days) for days in ("30", "60")}
    assert len(same) == 1
    _seconds({"Fn::FindInMap": ["Settings", {"Ref": "Stage"}, "Ttl"]})(function)
    other = copy.deepcopy(template)
    template["Mappings"] = {"Settings": {"dev": {"Ttl": 1800}}}
    other["Mappings"] = {"Settings": {"dev": {"Ttl": 900}}}
    assert _id(template, "AWS::Lambda::Version") == _id(other, "AWS::Lambda::Version")
