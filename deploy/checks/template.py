"""template.yaml: as it is written, and as CloudFormation gets it after the SAM transform. No call of AWS."""

import copy
import json
import logging
import os
import pathlib
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


def written() -> Template:
    """The file, its short tags in the long form (`{"Ref": ...}`)."""
    return yaml_parse((ROOT / "template.yaml").read_text())


def as_template(body: str | Template) -> Template:
    """A template as CloudFormation hands it out: text, or what boto3 has made of JSON."""
    return yaml_parse(body) if isinstance(body, str) else body


def expanded(template: Template) -> Template:
    """What the SAM transform makes of a written template, with the parameters' defaults."""
    template = copy.deepcopy(template)
    # `sam package` puts the place of the upload here.
    template["Resources"]["Function"]["Properties"]["CodeUri"] = {"Bucket": "code", "Key": "function.zip"}
    parameters = {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()}
    return transform(template, {**parameters, "AWS::Region": os.environ["AWS_DEFAULT_REGION"]}, _NoManagedPolicies())


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
