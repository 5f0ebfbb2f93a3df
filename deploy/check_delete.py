"""Refuses to delete a stack that was not named, or that would take data with it: what is deployed is asked, not the file here.

    python deploy/check_delete.py STAGE CONFIRM
"""

import re
import sys

import boto3
from botocore.exceptions import ClientError

from checks.rules import DATA, data_outlives_stack_and_update
from checks.template import ROOT, as_template, of_type


def main(stage: str, confirm: str) -> str | None:
    """What is wrong, if anything."""
    settings = (ROOT / "samconfig.toml").read_text().partition(f"[{stage}.deploy.parameters]")[2]
    stack = re.search(r'^stack_name = "(.+)"$', settings, re.MULTILINE)[1]
    if confirm != stack:
        return f"This deletes {stack}, and its URL is gone for good. If you mean it, say: make delete STAGE={stage} CONFIRM={stack}"
    cloudformation = boto3.client("cloudformation")
    try:
        deployed = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    except ClientError as error:
        return f"{stack} cannot be read in this account and region: {error.response['Error']['Code']}"
    faults = list(data_outlives_stack_and_update(as_template(deployed)))
    if faults:
        return f"{stack} would take data with it. Deploy this template first, which keeps it:\n  " + "\n  ".join(faults)
    names = {name for name, _ in of_type(as_template(deployed), *DATA)}
    print("These stay, and cost, until you delete them yourself (docs/operations.md, Delete):")
    for resource in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
        if resource["LogicalResourceId"] in names:
            print(f"  {resource['ResourceType']} {resource['PhysicalResourceId']}")
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
