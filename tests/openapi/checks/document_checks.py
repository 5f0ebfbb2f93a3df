"""What docs/openapi.yaml can be held against without a service: itself, docs/protocol.md, the test vectors and the code."""

import json
import re

import contract
import partner
from document import PROJECT, Document
from request_schema import failing
from results import Results, same

# What is planted in the document's text: (what it is, what stands there, what is put there).
FAULTS = (
    ("an example that opens to something else", '"resCode": "TOK004"', '"resCode": "TOK040"'),
    (
        "an error that is not described",
        'schema: {$ref: "#/components/schemas/TOK002"}',
        'schema: {$ref: "#/components/schemas/TOK415"}',
    ),
    ("a member of another name", "        mobileNumber:", "        mobile:"),
    ("a member that need not be there", "serverPubKey, token, expireAt]", "serverPubKey, token]"),
    ("a path of another version", "/new/v2/token:", "/new/v3/token:"),
    ("words that the service does not say", "There is nothing at this path", "There is nothing here"),
    ("a rule that is too strict", "'^[0-9]{1,19}$'", "'^[0-9]{1,18}$'"),
    ("a rule that is too lax", "maximum: 9999999999999999999", "maximum: 99999999999999999999"),
)
# What schema or JSON text cannot say; the service's own tests hold it against these vectors.
BEYOND_THE_SCHEMA = {"not-json", "repeated-member", "too-deep", "lone-surrogate"}


def check(document, results):
    for name, example in document.components["examples"].items():
        results.check(f"example {name}", example_is_what_it_opens_to, document, example)
    for where, _, media, part in document.media_types():
        results.check(f"examples of {where}", examples_have_their_schema, document, media, part)
    results.check("the table of errors", same_errors, document)
    results.check("the table of members", same_members, document)
    results.check("the members of a success", same_success, document)
    results.check("the paths", same_paths, document)
    results.check("the words of errors", words_are_the_codes, document)
    validator = document.validator("TokenRequest")
    for vector in json.loads((PROJECT / "docs/vectors/members.json").read_text())["vectors"]:
        results.check(f"vector {vector['name']}", vector_agrees, validator, vector)


def check_faults(document, results):
    for what, old, new in FAULTS:
        results.check(f"the checks find {what}", is_found, document, old, new)


def is_found(document, old, new):
    assert old in document.text, f"docs/openapi.yaml has no {old!r}"
    found = Results("planted", quiet=True)
    check(Document(document.text.replace(old, new)), found)
    assert found.failed, "it is not found"


def example_is_what_it_opens_to(document, example):
    if "x-opened" in example:
        plaintext = partner.opened(example["value"])
        assert plaintext, "the development key does not open it; tests/openapi/run seal seals it anew"
        same(json.loads(plaintext), example["x-opened"], "what it opens to")


def examples_have_their_schema(document, media, part):
    inside = document.content_schema(media)
    examples = [document.resolve(example) for example in media["examples"].values()]
    assert examples, "there is none"
    for example in examples:
        document.validator(media["schema"]).validate(example["value"])
        assert (inside is not None) == ("x-opened" in example), "x-opened goes with what is sealed"
        shown = example["x-opened"] if inside else example["value"]
        document.validator(inside or media["schema"]).validate(shown)
        if part != "request":
            named_members_only(document, shown)


def named_members_only(document, answer):
    """Schemas of answers let unknown members pass, as clients should; the service adds none."""
    for name in ("Token", "Error", "MemberFault", "GatewayMessage"):
        named = set(document.components["schemas"][name]["properties"])
        if set(answer) <= named:
            break
    else:
        raise AssertionError(f"members that no schema names: {sorted(answer)}")
    for fault in answer.get("errors", []):
        named_members_only(document, fault)


def same_errors(document):
    stated = {(code, status, form) for code, rows in contract.errors().items() for status, forms in rows.items() for form in forms}
    assert len(stated) > 10, f"the table has only {stated}"
    for path, method, operation in document.operations():
        described = set()
        for status, response in operation["responses"].items():
            for media in document.resolve(response)["content"].values():
                inside = document.content_schema(media)
                schema = document.resolve(inside or media["schema"])
                code = schema["properties"].get("resCode", {}).get("const")
                if code is not None and status != "200":
                    described.add((spelt(code), status, "sealed" if inside else "plain"))
        same(described, stated, f"what {method} {path} describes")


def spelt(code):
    """A code as /v2 spells it."""
    return code if isinstance(code, str) else f"TOK{code:03}"


def same_members(document):
    stated = contract.members()
    schema = document.components["schemas"]["TokenRequest"]
    same(list(schema["properties"]), list(stated), "the list of members")
    same(schema["required"], [name for name, required in stated.items() if required], "the list of required members")
    same(sorted(document.components["schemas"]["MemberFault"]["properties"]["field"]["enum"]), sorted(stated), "field")


def same_success(document):
    page = (PROJECT / "docs/protocol.md").read_text()
    shown = next(line for line in page.splitlines() if line.strip().startswith('{"resCode":"TOK200","resDesc":"SUCCESS"'))
    schema = document.components["schemas"]["Token"]
    same(list(schema["properties"]), re.findall(r'"(\w+)":', shown), "the list of members")
    same(schema["required"], list(schema["properties"]), "the list of required members")


def same_paths(document):
    same(list(document.root["paths"]), contract.paths())
    for path, methods in document.root["paths"].items():
        same(list(methods), ["post", "get"], path)


def words_are_the_codes(document):
    code = re.sub(r"\\\n\s*", "", (PROJECT / "src/problem.rs").read_text())
    for name, example in document.components["examples"].items():
        shown = example.get("x-opened", example["value"])
        if "resDesc" in shown and shown["resDesc"] != "SUCCESS":
            assert f'"{shown["resDesc"]}"' in code, f"src/problem.rs does not say the resDesc of {name}"


def vector_agrees(validator, vector):
    if vector.get("fault") in BEYOND_THE_SCHEMA:
        return
    # -0 is an integer to JSON Schema, and a float to Python if it is told so.
    request = json.loads(vector["plaintextUtf8"], parse_int=lambda digits: float(digits) if digits == "-0" else int(digits))
    if vector["valid"]:
        same(failing(validator, request), set(), "what fails")
    elif vector["fault"] == "not-an-object":
        assert not validator.is_valid(request), "the schema lets it pass"
    else:
        # What is beyond the schema is not found by it; nothing else may be found.
        found, stated = failing(validator, request), set(vector["fields"])
        assert found <= stated, f"the schema refuses {found}, the vector {stated}"
        beyond = {name for name in stated - found if name in ("dob", "sdkPublicKey", "data")}
        same(found | beyond, stated, "what fails")
