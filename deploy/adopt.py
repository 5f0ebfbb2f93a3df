"""Takes what a deleted stack left behind into a new stack of the same name: table, secrets, key
and logs.

    .venv/sam/bin/python deploy/adopt.py STAGE [NAME=ID ...]

CloudFormation's import takes a template of the imported resources alone, without outputs. The
stack is then like one in the middle of its first deployment: `make deploy` makes the rest. Nothing
is changed on what is adopted.

Without NAME=ID the deleted stack is asked what it left, which CloudFormation knows for 90 days.
"""

import argparse
import json
import time
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from checks.rules import DATA
from checks.template import CORE, Template, of_type, written
from stage import Stage, refuse

# By what CloudFormation finds a resource to import.
IDENTIFIERS = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::KMS::Key": "KeyId",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SecretsManager::Secret": "Id",
}


def adoptable(template: Template) -> list[str]:
    """What holds data, but for what is named after its stack: a new stack has another name for
    that."""
    return [
        name for name, resource in of_type(template, *DATA)
        if IDENTIFIERS[resource["Type"]] not in resource.get("Properties", {})
    ]


def references(value: Any) -> set[str]:
    """The names that a part of a template refers to, by `Ref`, `Fn::GetAtt`, `Fn::Sub` or `Fn::If`.
    """
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), _]}:
            return {name}
        case {"Fn::Sub": str(text)}:
            return {part.partition("}")[0].partition(".")[0] for part in text.split("${")[1:]}
        case {"Fn::If": [str(condition), yes, no]}:
            return {condition} | references(yes) | references(no)
        case dict():
            return set().union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
    return set()


def import_template(template: Template, names: list[str]) -> Template:
    """The template of these resources alone, as they will be in the stack, and of the parameters
    that they refer to."""
    resources = {name: template["Resources"][name] for name in names}
    referred = {name for name in references(list(resources.values())) if not name.startswith("AWS::")}
    parameters = {name: template["Parameters"][name] for name in template["Parameters"] if name in referred}
    missing = referred - resources.keys() - parameters.keys()
    if missing:
        refuse(f"What is adopted refers to {', '.join(sorted(missing))}, which must be adopted too.")
    return {
        "AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"],
        "Description": "Adopted; make deploy makes the rest",
        **({"Parameters": parameters} if parameters else {}),
        "Resources": resources,
    }


def resources_to_import(template: Template, left: dict[str, str]) -> list[dict[str, Any]]:
    kinds = {name: template["Resources"][name]["Type"] for name in left}
    return [
        {"ResourceType": kinds[name], "LogicalResourceId": name, "ResourceIdentifier": {IDENTIFIERS[kinds[name]]: identifier}}
        for name, identifier in left.items()
    ]


def left_by_deleted_stack(cloudformation: Any, service: str) -> dict[str, str]:
    """Name and id of what the stack of this name that was deleted last has retained."""
    pages = cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    deleted = [stack for page in pages for stack in page["StackSummaries"] if stack["StackName"] == service]
    if not deleted:
        refuse(
            f"CloudFormation knows no deleted stack {service} in this account and region. Name what it left, as make delete "
            "printed it:\n  make adopt STAGE=... RESOURCES=\"TokensTable=... ApiKeysSecret=... ServerKeysSecret=... Key=...\""
        )
    last = max(deleted, key=lambda stack: stack["CreationTime"])
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=last["StackId"])
    return {
        event["LogicalResourceId"]: event["PhysicalResourceId"]
        for page in pages for event in page["StackEvents"]
        if event["ResourceStatus"] == "DELETE_SKIPPED"
    }


def adopt(stage: Stage, given: dict[str, str]) -> None:
    cloudformation = boto3.client("cloudformation")
    if (stage.described(stage.service) or {}).get("StackStatus", "REVIEW_IN_PROGRESS") != "REVIEW_IN_PROGRESS":
        refuse(f"There is a stack {stage.service} already: what it has not made it cannot adopt any more.")
    core = written(CORE)
    able = adoptable(core)
    for name in given.keys() - set(able):
        refuse(f"{name} cannot be adopted. These can: {', '.join(able)}.")
    known = given or left_by_deleted_stack(cloudformation, stage.service)
    left = {name: known[name] for name in able if name in known}
    if not left:
        refuse(f"The deleted stack {stage.service} has left nothing that can be adopted.")
    # A stack that made a new key or secret beside an adopted table could not read a record.
    if data := [name for name, resource in of_type(core, *DATA) if resource["Type"] != "AWS::Logs::LogGroup" and name not in left]:
        refuse(f"Missing: {', '.join(data)}. Table, secrets and key belong together, and are adopted together.")
    template = import_template(core, list(left))
    settings = stage.parameters("deploy")
    more = {"RoleARN": stage.role_arn} if stage.role_arn else {}
    print(f"Adopts into {stage.service}:")
    for name, identifier in left.items():
        print(f"  {name}={identifier}")
    change_set = f"adopt-{int(time.time())}"
    cloudformation.create_change_set(
        StackName=stage.service,
        ChangeSetName=change_set,
        ChangeSetType="IMPORT",
        ResourcesToImport=resources_to_import(core, left),
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": name, "ParameterValue": settings[name]}
                    for name in template.get("Parameters", {}) if name in settings],
        **more,
    )
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            StackName=stage.service, ChangeSetName=change_set, WaiterConfig={"Delay": 5}
        )
    except WaiterError:
        why = cloudformation.describe_change_set(StackName=stage.service, ChangeSetName=change_set).get("StatusReason")
        cloudformation.delete_stack(StackName=stage.service)
        refuse(f"CloudFormation refuses the import, and nothing was changed: {why}")
    cloudformation.execute_change_set(StackName=stage.service, ChangeSetName=change_set)
    try:
        cloudformation.get_waiter("stack_import_complete").wait(StackName=stage.service, WaiterConfig={"Delay": 5})
    except WaiterError:
        refuse(f"The import failed; what was to be adopted is as it was. See: aws cloudformation describe-stack-events --stack-name {stage.service}")
    print(f"Adopted. Now deploy the rest, before anything else: make deploy STAGE={stage.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", metavar="STAGE", help="a section of samconfig.toml")
    parser.add_argument("resources", metavar="NAME=ID", nargs="*", help="what the deleted stack left, as make delete printed it")
    arguments = parser.parse_args()
    for word in arguments.resources:
        if not all(word.partition("=")):
            refuse(f"{word!r} names no resource. Write NAME=ID.")
    try:
        adopt(Stage(arguments.stage), dict(word.split("=", 1) for word in arguments.resources))
    except (BotoCoreError, ClientError) as error:
        refuse(f"AWS refuses: {error}")


if __name__ == "__main__":
    main()
