"""Draw specification.json from a checkout of SignalWire's public documentation (github.com/signalwire/docs).

    python tests/conformance/draw.py CHECKOUT

CHECKOUT is a clone, with or without its files; its HEAD is read. Facts only: operations, paths, field names, types and
allowed values; no sentence of the documents. What is drawn is what concerns messaging, by tag. Needs PyYAML.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = "github.com/signalwire/docs"
SPECIFICATION = Path(__file__).with_name("specification.json")
SWML = Path("specs/swml/messaging/tsp-output/@typespec/json-schema/SWMLObject.json")

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One published document: where it is, the path that it leaves out, and its tags and webhooks on messaging."""

    name: str
    file: Path
    root: str
    tags: tuple[str, ...]
    webhooks: tuple[str, ...]


CXML = Family(
    name="cxml",
    file=Path("fern/apis/compatibility/openapi.yaml"),
    root="/api/laml/2010-04-01",
    tags=(
        "Messages",
        "Message Media",
        "Incoming Phone Numbers",
        "Available Phone Numbers",
        "Imported Phone Numbers",
        "Applications",
        "CXML Scripts",
        "Accounts",
        "Tokens",
    ),
    webhooks=("smsStatusCallback",),
)
REST = Family(
    name="rest",
    file=Path("fern/apis/signalwire-rest/openapi.yaml"),
    root="",
    tags=(
        "Messages",
        "Message Logs",
        "Phone Numbers",
        "Imported Phone Numbers",
        "Phone Number Lookup",
        "Short Codes",
        "Number Groups",
        "Number Group Membership",
        "Multi-Factor Authentication",
        "Projects",
        "Project Tokens",
        "WhatsApp Businesses",
        "WhatsApp Numbers",
        "WhatsApp Templates",
        "Campaign Registry: Brands",
        "Campaign Registry: Campaigns",
        "Campaign Registry: Phone Number Assignments",
    ),
    webhooks=("inboundMessageWebhook", "messageStatusCallback", "tenDlcStatusCallback"),
)


def main(checkout: Path) -> None:
    """Write the facts beside this file."""
    facts = _Facts()
    for family in (CXML, REST):
        _Drawing(family, yaml.load(_git(checkout, "show", f"HEAD:{family.file}"), yaml.CSafeLoader), facts).draw()
    _swml(json.loads(_git(checkout, "show", f"HEAD:{SWML}")), facts)
    source = {"repository": REPOSITORY, "commit": _git(checkout, "rev-parse", "HEAD").strip()}
    SPECIFICATION.write_text(_written(source, facts), "utf-8")


def _git(checkout: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", checkout, *arguments], check=True, capture_output=True, text=True).stdout


@dataclass(slots=True)
class _Facts:
    operations: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, dict[str, Schema]] = field(default_factory=dict)


class _Drawing:
    """One document's operations and the objects that they answer with."""

    def __init__(self, family: Family, document: Schema, facts: _Facts) -> None:
        self._family = family
        self._document = document
        self._facts = facts
        self._schemas: dict[str, Schema] = document["components"]["schemas"]

    def draw(self) -> None:
        """Add them to the facts."""
        for path, operations in self._document["paths"].items():
            for method, operation in operations.items():
                if set(operation["tags"]) & set(self._family.tags):
                    self._operation(method.upper(), path, operation)
        for name in self._family.webhooks:
            self._object(f"webhook.{name}", _content(self._document["webhooks"][name]["post"]["requestBody"]))

    def _operation(self, method: str, path: str, operation: Schema) -> None:
        asked = dict(map(self._parameter, operation.get("parameters", ())))
        answers = {int(status): self._answer(answer) for status, answer in operation["responses"].items()}
        self._facts.operations[f"{self._family.name}.{operation['operationId']}"] = {
            "resource": f"{self._family.name} {operation['tags'][0]}",
            "method": method,
            "path": self._family.root + path,
            "request": {
                **asked,
                # A name that the path has too is told apart.
                **{
                    f"{name} (body)" if name in asked else name: {"in": "body", **value}
                    for name, value in self._body(operation).items()
                },
            },
            "answers": answers,
        }

    def _parameter(self, parameter: Schema) -> tuple[str, Schema]:
        if "$ref" in parameter:
            parameter = self._document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        name = parameter["name"]
        flat = dict(self._flat(name, parameter["schema"], not parameter.get("required")))
        return name, {"in": parameter["in"], **flat[name]}

    def _body(self, operation: Schema) -> dict[str, Schema]:
        if "requestBody" not in operation:
            return {}
        return dict(self._flat("", _content(operation["requestBody"])))

    def _answer(self, answer: Schema) -> str | None:
        return self._object(None, _content(answer)) if "content" in answer else None

    def _object(self, name: str | None, schema: Schema) -> str:
        """Keep an object under its name (its schema's unless told), or find the one that has the same fields."""
        bare = schema.get("$ref", "").rpartition("/")[2].rpartition(".")[2]
        name = name or f"{self._family.name}.{_NAMES.get(bare) or bare.removesuffix('Response')}"
        fields = dict(self._flat("", schema))
        for known, same in self._facts.objects.items():
            if same == fields and known.partition(".")[0] == name.partition(".")[0]:
                return known
        if name in self._facts.objects:
            raise SystemExit(f"two objects are called {name}")
        self._facts.objects[name] = fields
        return name

    def _flat(self, path: str, schema: Schema, optional: bool = False) -> Iterator[tuple[str, Schema]]:
        """Every field below a schema, with its path: ``errors[].code``, ``capabilities.sms``."""
        variants = list(self._variants(schema))
        plain = [each for each in variants if "properties" not in each and each.get("type") != "null"]
        if path:
            yield path, _fact(variants, optional)
        for each in plain:
            if each.get("type") == "array" and (item := self._item(path, each)) is not None:
                yield path, _fact(variants, optional) | {"items": item}
                if item == "object":
                    yield from self._below(f"{path}[]", each["items"])
        for each in variants:
            if "properties" in each:
                yield from self._properties(path, each)

    def _properties(self, path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
        for name, value in schema["properties"].items():
            below = f"{path}.{name}" if path else name
            yield from self._flat(below, value, name not in schema.get("required", ()))

    def _below(self, path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
        for each in self._variants(schema):
            yield from self._properties(path, each)

    def _item(self, path: str, array: Schema) -> str | None:
        """What a list has: an object of its own (the items of a page), ``object`` with fields below, or a type."""
        (item, *_) = [*self._variants(array["items"])] or [{}]
        if "properties" not in item:
            return str(item.get("type", "any"))
        if "." not in path and "[]" not in path and self._is_page(path):
            return self._object(None, array["items"])
        return "object"

    def _is_page(self, path: str) -> bool:
        return path in _LISTS

    def _variants(self, schema: Schema) -> Iterator[Schema]:
        """What a schema may be, references followed: several for a choice, one for most."""
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        choices = schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf")
        if choices:
            for each in choices:
                yield from self._variants(each)
        else:
            yield schema


_NAMES = {
    "CompatibilityErrorResponse": "Error",
    "CompatibilityImportedPhoneNumberError": "ImportError",
    "CompatibilityTokenValidationError": "TokenError",
    "MessageLogsListStatusCode422": "ValidationErrors",
    "ValidationError": "RelayValidationErrors",
}
"""Objects that are called after the first operation that has them, by a name of their own."""

_LISTS = (
    "data",
    "messages",
    "media_list",
    "incoming_phone_numbers",
    "available_phone_numbers",
    "applications",
    "laml_bins",
    "accounts",
    "countries",
)


def _content(carrier: Schema) -> Schema:
    schema: Schema = next(iter(carrier["content"].values()))["schema"]
    return schema


def _fact(variants: list[Schema], optional: bool) -> Schema:
    types = list(dict.fromkeys("object" if "properties" in each else each.get("type", "any") for each in variants))
    values = [value for each in variants for value in _values(each)]
    formats = list(dict.fromkeys(each["format"] for each in variants if each.get("format") in _FORMATS))
    fact: Schema = {"type": "|".join(types)}
    if values and all(each.get("type") == "null" or list(_values(each)) for each in variants):
        fact["values"] = values
    if formats:
        fact["format"] = formats[0]
    if optional:
        fact["optional"] = True
    return fact


_FORMATS = ("uuid", "uri", "date-time")


def _values(schema: Schema) -> Iterator[Any]:
    yield from schema.get("enum", ())
    if "const" in schema:
        yield schema["const"]


def _swml(document: Schema, facts: _Facts) -> None:
    """Each method of a messaging document is an object ``swml.reply``, with its parameters as fields."""
    drawing = _Drawing(Family(name="swml", file=SWML, root="", tags=(), webhooks=()), _as_components(document), facts)
    drawing._object("swml.document", {k: v for k, v in document.items() if k != "$defs"})
    for choice in document["$defs"]["SWMLMethod"]["anyOf"]:
        ((name, schema),) = document["$defs"][choice["$ref"].rpartition("/")[2]]["properties"].items()
        facts.objects[f"swml.{name}"] = dict(drawing._flat("", schema))


def _as_components(document: Schema) -> Schema:
    # A case's and a section's methods are methods again: named here, so as not to be followed for ever.
    schemas = {**document["$defs"], "SWMLMethod": {"type": "method"}, "Section": {"type": "object"}}
    return {"components": {"schemas": schemas}}


def _written(source: Schema, facts: _Facts) -> str:
    """JSON with one field a line, so that a change of the specification is a readable difference."""
    operations = ",\n".join(_operation_lines(name, each) for name, each in facts.operations.items())
    objects = ",\n".join(
        f"  {json.dumps(name)}: {{\n{_lines(fields, '    ')}\n  }}" for name, fields in facts.objects.items()
    )
    return (
        f'{{\n"source": {json.dumps(source)},\n"operations": {{\n{operations}\n}},\n"objects": {{\n{objects}\n}}\n}}\n'
    )


def _operation_lines(name: str, operation: Schema) -> str:
    head = "".join(f'    "{key}": {json.dumps(operation[key])},\n' for key in ("resource", "method", "path"))
    request = f'    "request": {{\n{_lines(operation["request"], "      ")}\n    }},\n' if operation["request"] else ""
    return f'  {json.dumps(name)}: {{\n{head}{request}    "answers": {json.dumps(operation["answers"])}\n  }}'


def _lines(fields: dict[str, Schema], indent: str) -> str:
    return ",\n".join(f"{indent}{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
