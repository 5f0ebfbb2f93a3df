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
    ("a method that there is not", "  /token-service/introspect:\n    post:", "  /token-service/introspect:\n    put:"),
    ("an example under another key", "      x-key: session key\n", ""),
    ("an error of another operation", "responses/ApiKeyUnknown", "responses/Unauthorized"),
    (
        "an introspection's error of another status",
        '"413": {$ref: "#/components/responses/InvalidRequest"}',
        '"413": {$ref: "#/components/responses/ServerError"}',
    ),
    ("a claim that is not described", "        program_id: {type: integer}\n", ""),
    ("a challenge of another scheme", "Basic realm=", "ApiKey realm="),
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
    for number, schema in enumerate(("Token", "Renewed", "Invalidated")):
        results.check(f"the members of a success, {schema}", same_success, document, number, schema)
    results.check("the claims of an active token", same_claims, document)
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
        plaintext = partner.opened_example(document, example)
        assert plaintext, "its key does not open it; tests/openapi/run write seals it anew"
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
            named_members_only(document, shown, [inside or media["schema"]])


def named_members_only(document, answer, schemas):
    """Schemas of answers let unknown members pass, as clients should; the service adds none."""
    named = {}
    for schema in document.parts(schemas):
        for name, member in {**schema.get("properties", {}), "": schema.get("items")}.items():
            named.setdefault(name, []).append(member)
    for name, member in answer.items() if isinstance(answer, dict) else [("", item) for item in answer]:
        assert name in named, f"a member that no schema names: {name}"
        if isinstance(member, (dict, list)):
            named_members_only(document, member, named[name])


def same_errors(document):
    for path, method, operation in document.operations():
        name, _ = contract.paths()[path]
        described = {error for error in described_errors(document, operation) if error[1] != "200"}
        if name in contract.SEALED:
            errors = contract.errors(name).items()
            stated = {(code, status, form) for code, rows in errors for status, forms in rows.items() for form in forms}
            challenge = "ApiKey"
        else:
            # An introspection's path is the caller's as any: what is beside it is none.
            stated = {("TOK404", "404", "plain")}
            for status, response in operation["responses"].items():
                described |= {(error, status, "plain") for error in oauth_errors(document, response)}
            stated |= {(error, status, "plain") for status, error in contract.introspection_errors().items()}
            challenge = "Basic"
        assert len(stated) > 5, f"the tables have only {stated}"
        same(described, stated, f"what {method} {path} describes")
        header = document.resolve(document.resolve(operation["responses"]["401"])["headers"]["x-amzn-Remapped-WWW-Authenticate"])
        same(header["schema"]["const"], f'{challenge} realm="token-service"', f"the challenge of {path}")


def described_errors(document, operation):
    """(code, status, form) of each answer that has a code."""
    for status, response in operation["responses"].items():
        for media in document.resolve(response)["content"].values():
            inside = document.content_schema(media)
            for schema in document.parts([inside or media["schema"]]):
                code = schema.get("properties", {}).get("resCode", {}).get("const")
                if code is not None:
                    yield spelt(code), status, "sealed" if inside else "plain"


def oauth_errors(document, response):
    """What `error` says in the examples of an introspection's answer; a schema has all of them."""
    for media in document.resolve(response)["content"].values():
        for example in map(document.resolve, media["examples"].values()):
            if "error" in example["value"]:
                yield example["value"]["error"]


def spelt(code):
    """A code as /v2 spells it."""
    return code if isinstance(code, str) else f"TOK{code:03}"


def same_members(document):
    stated = contract.members()
    schema = document.components["schemas"]["TokenRequest"]
    same(list(schema["properties"]), list(stated), "the list of members")
    same(schema["required"], [name for name, required in stated.items() if required], "the list of required members")
    same(sorted(document.components["schemas"]["MemberFault"]["properties"]["field"]["enum"]), sorted(stated), "field")


def same_success(document, number, name):
    """The page shows the successes in the order of its chapters."""
    page = (PROJECT / "docs/protocol.md").read_text()
    shown = [line for line in page.splitlines() if line.strip().startswith('{"resCode":"TOK200","resDesc":"SUCCESS"')]
    same(len(shown), 3, "the number of successes that docs/protocol.md shows")
    schema = document.components["schemas"][name]
    same(list(schema["properties"]), re.findall(r'"(\w+)":', shown[number]), "the list of members")
    same(schema["required"], list(schema["properties"]), "the list of required members")


def same_claims(document):
    rows = contract.table("protocol.md", "| claim | is | defined in |")
    stated = ["active", *(name.split(".")[0] for names, *_ in rows for name in contract.quoted(names))]
    schema = document.components["schemas"]["Active"]
    same(sorted(schema["properties"]), sorted(stated), "the list of claims")
    same(schema["required"], list(schema["properties"]), "the list of required claims")


def same_paths(document):
    same(list(document.root["paths"]), list(contract.paths()))
    for path, methods in document.root["paths"].items():
        operation, stated = contract.paths()[path]
        same([method.upper() for method in methods], stated, path)
        for method in methods.values():
            allow = document.resolve(document.resolve(method["responses"]["405"])["headers"]["Allow"])
            same(allow["schema"]["const"], ", ".join(stated), f"Allow of {path}")


def words_are_the_codes(document):
    code = re.sub(r"\\\n\s*", "", (PROJECT / "src/problem.rs").read_text())
    for name, example in document.components["examples"].items():
        shown = example.get("x-opened", example["value"])
        for said in ("resDesc", "error"):
            if shown and said in shown and shown[said] != "SUCCESS":
                assert f'"{shown[said]}"' in code, f"src/problem.rs does not say the {said} of {name}"


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
