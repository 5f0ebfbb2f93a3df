"""docs/openapi.yaml: the document, its schemas, and the document as it is once everything sealed is opened."""

import copy
import functools
import os
import pathlib

import jsonschema_rs
import yaml

PROJECT = pathlib.Path(__file__).resolve().parents[3]
PATH = PROJECT / "docs" / "openapi.yaml"
SEALED = "application/jose"
OPENED = "application/opened+json"
"""The type of an answer that was sealed, in the opened document and behind the opening proxy."""


class Document:
    def __init__(self, text=None):
        self.text = PATH.read_text() if text is None else text
        self.root = yaml.safe_load(self.text)
        self.components = self.root["components"]

    @classmethod
    def of_environment(cls):
        """The document that schemathesis is run with: docs/openapi.yaml, or a planted fault of it."""
        return cls(pathlib.Path(os.environ.get("OPENAPI", PATH)).read_text())

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = functools.reduce(lambda at, name: at[name], node["$ref"].removeprefix("#/").split("/"), self.root)
        return node

    def validator(self, schema):
        """Validates against a schema object of this document, or against the component schema of that name."""
        if isinstance(schema, str):
            schema = {"$ref": f"#/components/schemas/{schema}"}
        return jsonschema_rs.Draft202012Validator({**schema, "components": self.components})

    def operations(self):
        """(path, method, operation) for each."""
        for path, methods in self.root["paths"].items():
            for method, operation in methods.items():
                yield path, method, operation

    def media_types(self):
        """(where, content type, its object, "request" or the status) for each body, once for each operation."""
        for path, method, operation in self.operations():
            bodies = {"request": operation["requestBody"], **operation["responses"]}
            for part, body in bodies.items():
                for content_type, media in self.resolve(body)["content"].items():
                    yield f"{method.upper()} {path} {part} {content_type}", content_type, media, part

    def content_schema(self, media):
        """The schema of what a sealed body opens to; None if it is not sealed."""
        schema = self.resolve(media["schema"])
        return schema["contentSchema"] if schema.get("contentMediaType") == SEALED else None

    def parts(self, schemas):
        """These schemas, and those that they are composed of."""
        for schema in map(self.resolve, schemas):
            if isinstance(schema, dict):
                yield schema
                for how in ("allOf", "anyOf", "oneOf"):
                    yield from self.parts(schema.get(how, []))

    def opened(self):
        """The same document with JSON in place of what is sealed. A request's media types keep apart by their names.

        Without examples: generators take those before they think of something else, and service_checks sends them all.
        """
        opened = Document.__new__(Document)
        opened.root = copy.deepcopy(self.root)
        opened.components = opened.root["components"]
        for kind, name in (("requestBodies", opened_type), ("responses", lambda _: OPENED)):
            for body in opened.components[kind].values():
                for content_type, media in list(body["content"].items()):
                    del body["content"][content_type], media["examples"]
                    if inside := opened.content_schema(media):
                        content_type, media = name(content_type), {"schema": inside}
                    body["content"][content_type] = media
        return opened.root


def opened_type(content_type):
    """`text/plain` of a request is `application/text-plain+json` where it is open."""
    return f"application/{content_type.replace('/', '-')}+json"


def sealed_type(content_type):
    """opened_type of a request, undone; None if it is none."""
    for known in ("text/plain", "application/jose", "application/json"):
        if content_type == opened_type(known):
            return known
    return None
