"""The templates: as they are written, and as CloudFormation gets them after the SAM transform. No call of AWS."""

import copy
import json
import logging
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGION = "eu-west-1"

Template = dict[str, Any]

# The transform asks for it, and calls nobody.
os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
logging.getLogger("samtranslator").setLevel(logging.ERROR)


class _NoManagedPolicies:
    """The template names managed policies by their ARN, so SAM has none to look up."""

    def load(self) -> dict[str, str]:
        return {}


NOTHING = {"Ref": "AWS::NoValue"}
CORE = "template.yaml"
# The stacks beside the core. Their parameters without a default are outputs of the core.
BESIDE = ("deploy/watch.yaml", "deploy/firewall.yaml", "deploy/account.yaml")


def written(file: str = CORE) -> Template:
    """One template, its short tags in the long form (`{"Ref": ...}`)."""
    return yaml_parse((ROOT / file).read_text())


def all_written() -> dict[str, Template]:
    return {file: written(file) for file in (CORE, *BESIDE)}


def together(templates: dict[str, Template]) -> Template:
    """All templates as if they were one stack: a parameter that is an output of the core is replaced by that output's value."""
    whole = expanded(templates[CORE])
    outputs = {name: output["Value"] for name, output in whole["Outputs"].items() if "Condition" not in output}
    for file in BESIDE:
        template = templates[file]
        linked = {name: outputs[name] for name, parameter in template.get("Parameters", {}).items()
                  if "Default" not in parameter and name in outputs}
        for section in ("Parameters", "Conditions", "Resources"):
            for name, value in template.get(section, {}).items():
                if section == "Parameters" and name in linked:
                    continue
                # The same parameter in both, as the roles' boundary, is one.
                if name in whole[section] and templates[CORE][section].get(name) != value:
                    raise ValueError(f"{file}: {name} is in another template too")
                whole[section][name] = _link(value, linked)
    return whole


def _link(value: Any, linked: dict[str, Any]) -> Any:
    match value:
        case {"Ref": name} if name in linked:
            return linked[name]
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": re.sub(r"\$\{(\w+)\}", lambda m: _in_text(linked[m[1]]) if m[1] in linked else m[0], text)}
        case dict():
            return {key: _link(member, linked) for key, member in value.items()}
        case list():
            return [_link(member, linked) for member in value]
    return value


def _in_text(value: Any) -> str:
    """An output's value as a part of a text in `Fn::Sub`."""
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"${{{resource}.{attribute}}}"
        case {"Fn::Sub": str(text)}:
            return text
    raise ValueError(f"{value} cannot stand in a text")


def as_template(body: str | Template) -> Template:
    """A template as CloudFormation hands it out: text, or what boto3 has made of JSON."""
    return yaml_parse(body) if isinstance(body, str) else body


def expanded(template: Template, **values: str) -> Template:
    """What the SAM transform makes of the core as written, with the parameters' values or else defaults."""
    template = copy.deepcopy(template)
    # `sam package` puts the place of the upload here.
    template["Resources"]["Function"]["Properties"]["CodeUri"] = {"Bucket": "code", "Key": "function.zip"}
    parameters = {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()} | values
    return transform(template, {**parameters, "AWS::Region": os.environ["AWS_DEFAULT_REGION"]}, _NoManagedPolicies())


def resolved(template: Template, conditions: dict[str, bool]) -> Template:
    """A template as it is where these conditions have these values."""

    def value_of(value: Any) -> Any:
        match value:
            case {"Fn::If": [condition, yes, no]} if condition in conditions:
                return value_of(yes if conditions[condition] else no)
            case {"Fn::If": [condition, yes, no]}:
                return {"Fn::If": [condition, value_of(yes), value_of(no)]}
            # A resource or an output; the conditions of a policy are no text.
            case {"Condition": str(condition), **rest} if condition in conditions:
                return value_of(rest) if conditions[condition] else NOTHING
            case dict():
                return {name: member for name, old in value.items() if (member := value_of(old)) != NOTHING}
            case list():
                return [member for old in value if (member := value_of(old)) != NOTHING]
        return value

    others = {name: condition for name, condition in template["Conditions"].items() if name not in conditions}
    return value_of({name: section for name, section in template.items() if name != "Conditions"}) | {"Conditions": others}


def of_type(template: Template, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and whole resource, of every resource of these types."""
    for name, resource in template["Resources"].items():
        if resource["Type"] in types:
            yield name, resource


def properties(template: Template, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in of_type(template, *types):
        yield name, resource.get("Properties", {})


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def refers_to(value: Any, resource: str) -> bool:
    """Whether a property is `!Ref resource` or an attribute of it."""
    return value in ({"Ref": resource}, {"Fn::GetAtt": [resource, "Arn"]}, {"Fn::GetAtt": [resource, "Id"]})


def dashboard(template: Template) -> dict[str, Any]:
    """The dashboard's body, its `${...}` left in."""
    (_, board), = properties(template, "AWS::CloudWatch::Dashboard")
    return json.loads(board["DashboardBody"]["Fn::Sub"])
