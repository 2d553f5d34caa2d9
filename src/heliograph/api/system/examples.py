"""Examples for the OpenAPI document and the reference, made from schemas: a field's own example, else a likely one."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

ID = "0190d5a2-7c3e-7b1f-8a44-5a1c8f1f2d10"
"""What stands for any id."""

_BY_FORMAT = {"uuid": ID, "uri": "https://example.com/", "date-time": "2026-11-23T09:30:00Z", "date": "2026-11-23"}
_BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 0.0083, "boolean": False, "null": None}
MAX_DEPTH = 6
"""A schema that refers to itself ends here."""


def answer(schema: Json, components: Mapping[str, Json]) -> Any:
    """Return a whole example of what a server answers."""
    return _of(schema, components, everything=True, depth=0)


def request(schema: Json, components: Mapping[str, Json]) -> Any:
    """Return an example of what a client sends: what is required, and fields that have an example of their own."""
    return _of(schema, components, everything=False, depth=0)


def resolve(schema: Json, components: Mapping[str, Json]) -> Json:
    """Return the component that a schema refers to, or the schema itself."""
    reference = schema.get("$ref")
    return components[reference.rpartition("/")[2]] if reference else schema


def _of(schema: Json, components: Mapping[str, Json], *, everything: bool, depth: int) -> Any:
    schema = resolve(schema, components)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    if depth > MAX_DEPTH:
        return None
    if "anyOf" in schema:
        return _of(schema["anyOf"][0], components, everything=everything, depth=depth + 1)
    return _by_type(schema, components, everything=everything, depth=depth)


def _by_type(schema: Json, components: Mapping[str, Json], *, everything: bool, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            return {
                name: _of(member, components, everything=everything, depth=depth + 1)
                for name, member in schema.get("properties", {}).items()
                if everything or name in schema.get("required", ()) or _has_own(member)
            }
        case "array":
            items = schema.get("items")
            return [_of(items, components, everything=everything, depth=depth + 1)] if items else []
        case list(kinds):
            return _BY_TYPE[kinds[0]]
        case str(kind):
            return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(kind))
        case _:
            return None


def _has_own(schema: Json) -> bool:
    return bool(schema.get("examples"))
