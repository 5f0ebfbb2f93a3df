"""`deploy/adopt.py`: a template by CloudFormation's rules for imports, and an import by an emulator
that keeps to them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from checks import access
from checks.emulator import STACK, Emulator, running
from checks.rules import DATA
from checks.template import CORE, ROOT, Template, of_type, written

PYTHON = ROOT / ".venv/sam/bin/python"
ADOPT = ROOT / "deploy/adopt.py"


def _in_sams_python(expression: str) -> Any:
    """What an expression of adopt.py's is. It runs with SAM's tools, as `make adopt` does."""
    program = f"import json, adopt; core = adopt.written(adopt.CORE); able = adopt.adoptable(core); print(json.dumps({expression}))"
    return json.loads(access.run(PYTHON, "-c", program, PYTHONPATH=str(ROOT / "deploy")))


def test_the_identifiers_are_cloudformations() -> None:
    schemas = access.schemas(set(DATA))
    primary = {kind: [path.removeprefix("/properties/") for path in schema["primaryIdentifier"]] for kind, schema in schemas.items()}
    assert {kind: [name] for kind, name in _in_sams_python("adopt.IDENTIFIERS").items()} == primary


def test_the_template_is_of_what_is_imported_and_nothing_else() -> None:
    template = _in_sams_python("adopt.import_template(core, able)")
    assert template.keys() <= {"AWSTemplateFormatVersion", "Description", "Parameters", "Resources"}
    assert {"TokensTable", "ApiKeysSecret", "ServerKeysSecret", "Key", "FunctionLogs", "AccessLogs"} <= template["Resources"].keys()
    core = written()
    for name, resource in template["Resources"].items():
        # Another property would be changed, or the resource replaced, by the deployment that
        # follows.
        assert resource == core["Resources"][name]
        assert "Retain" in resource["DeletionPolicy"]
    # It is sent as a text.
    assert len(json.dumps(template)) < 51_200


def test_a_reference_out_of_what_is_adopted_is_refused() -> None:
    with pytest.raises(RuntimeError, match="What is adopted refers to Key, which must be adopted too"):
        _in_sams_python("adopt.import_template(core, ['TokensTable'])")


def _data(**more: dict[str, Any]) -> Template:
    """The core's data and their key's alias: what an emulator makes in a second."""
    core = written(CORE)
    kept = {name: resource for name, resource in of_type(core, *DATA, "AWS::KMS::Alias")}
    return {"Parameters": core["Parameters"], "Resources": kept | more}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("adopt")
    (folder / "samconfig.toml").write_text((ROOT / "samconfig.toml").read_text())
    with running(folder) as emulator:
        yield emulator


# What the deleted stack left, for the tests after it: the emulator forgets a deleted stack when
# there is a new one of its name.
LEFT: dict[str, str] = {}


def _stack(emulator: Emulator) -> dict[str, str]:
    resources = emulator.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}


def _adopt(emulator: Emulator, program: str = "", *arguments: str) -> str:
    """`adopt.py dev`, after a change of the core by `program`."""
    text = f"import sys, adopt; core = adopt.written(adopt.CORE)\n{program}\nadopt.written = lambda _: core\nadopt.main()"
    return emulator.run(PYTHON, "-c", text, "dev", *arguments, PYTHONPATH=str(ROOT / "deploy"))


def test_without_a_deleted_stack_it_says_what_to_give(emulator: Emulator) -> None:
    with pytest.raises(RuntimeError, match="CloudFormation knows no deleted stack token-service-dev"):
        _adopt(emulator)


@pytest.mark.parametrize(("word", "why"), [("Table=x", "Table cannot be adopted. These can: "), ("TokensTable", "Write NAME=ID")])
def test_what_is_no_resource_is_refused(emulator: Emulator, word: str, why: str) -> None:
    with pytest.raises(RuntimeError, match=why):
        _adopt(emulator, "", word)


def test_a_table_without_its_key_is_refused(emulator: Emulator) -> None:
    with pytest.raises(RuntimeError, match="Table, secrets and key belong together"):
        _adopt(emulator, "", "TokensTable=some-table")


def test_it_asks_for_every_data_resource_by_the_rules_of_imports(emulator: Emulator) -> None:
    """The emulator knows the rules, and all imports but a secret's."""
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(_data()))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    with pytest.raises(RuntimeError, match="There is a stack token-service-dev already"):
        _adopt(emulator)
    before = _stack(emulator)
    emulator.client("dynamodb").put_item(TableName=before["TokensTable"], Item={"pk": {"S": "acme#1"}})
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    with pytest.raises(RuntimeError) as refused:
        _adopt(emulator)
    for name in _in_sams_python("able"):
        assert f"{name}={before[name]}" in str(refused.value)
    change_set, = cloudformation.list_change_sets(StackName=STACK)["Summaries"]
    described = cloudformation.describe_change_set(StackName=STACK, ChangeSetName=change_set["ChangeSetName"])
    assert described["StatusReason"] == "Resource import is not supported by this emulator for AWS::SecretsManager::Secret"
    changes = [change["ResourceChange"] for change in described["Changes"]]
    assert {change["LogicalResourceId"] for change in changes} == set(_in_sams_python("able"))
    assert {change["Action"] for change in changes} == {"Import"}
    LEFT.update(before)


def _named() -> list[str]:
    return [f"{name}={LEFT[name]}" for name in ("TokensTable", "Key", "FunctionLogs", "AccessLogs")]


WITHOUT_SECRETS = "for name in ('ApiKeysSecret', 'ServerKeysSecret'): del core['Resources'][name]"


def test_a_resource_that_is_not_imported_is_refused(emulator: Emulator) -> None:
    """The planted fault: a template of more than what is imported."""
    more = "old = adopt.import_template\n" \
           "def planted(template, names):\n" \
           "    made = old(template, names)\n" \
           "    made['Resources']['KeyAlias'] = core['Resources']['KeyAlias']\n" \
           "    return made\n" \
           "adopt.import_template = planted"
    with pytest.raises(RuntimeError, match="KeyAlias.* is missing from ResourceToImport list"):
        _adopt(emulator, f"{WITHOUT_SECRETS}\n{more}", *_named())


def test_the_stack_has_its_data_again(emulator: Emulator) -> None:
    cloudformation = emulator.client("cloudformation")
    assert "make deploy STAGE=dev" in _adopt(emulator, WITHOUT_SECRETS, *_named())
    adopted = _stack(emulator)
    assert sorted(f"{name}={adopted[name]}" for name in adopted) == sorted(_named())
    # The deployment that follows keeps all that was adopted, and makes the rest.
    whole = _data()
    for secret in ("ApiKeysSecret", "ServerKeysSecret"):
        del whole["Resources"][secret]
    cloudformation.update_stack(StackName=STACK, TemplateBody=json.dumps(whole))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    after = _stack(emulator)
    assert {name: after[name] for name in adopted} == adopted
    assert after.keys() - adopted.keys() >= {"KeyAlias"}
    assert "Item" in emulator.client("dynamodb").get_item(TableName=after["TokensTable"], Key={"pk": {"S": "acme#1"}})
