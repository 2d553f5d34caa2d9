"""The reference as a page: the OpenAPI document written out in Markdown, with an example for each operation."""

from collections.abc import Iterator
from typing import Any

import msgspec

from heliograph.api.system import examples, openapi, snippets

Json = dict[str, Any]

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_PROJECT_ID = "3f1c2b9e-5d2a-4c55-9a4e-0d6f5c1b7a10"
"""The project id in sample paths."""


def page(document: Json) -> str:
    """Return the whole reference."""
    lines = [
        "# API reference",
        "",
        "Every operation of this server, with its parameters, answers and an example. "
        "The same as an [OpenAPI 3.1 document](/openapi.json), for tools.",
        "",
    ]
    for tag in document["tags"]:
        lines += [f"## {tag['name']}", "", tag["description"], ""]
        for method, path, operation in _operations(document, tag["name"]):
            lines += _operation(method, path, operation, document["components"]["schemas"])
    return "\n".join(lines)


def _operations(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _operation(method: str, path: str, operation: Json, schemas: Json) -> list[str]:
    lines = [f"### {operation['summary']}", "", f"`{method}` `{path}`", "", operation["description"], ""]
    lines += _parameters(operation.get("parameters", []))
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        sent = "A form or JSON" if _FORM in content else "JSON"
        lines += _fields(f"Body: {sent}", content[_JSON]["schema"], schemas)
    lines += _samples(method, path, operation)
    lines += _answers(operation["responses"])
    return lines


def _parameters(parameters: list[Json]) -> list[str]:
    if not parameters:
        return []
    rows = [
        f"| `{one['name']}` | {one['in']} | {_type(one['schema'])}{_required(one['required'])} "
        f"| {_cell(one['description'])} |"
        for one in parameters
    ]
    return ["| Parameter | In | Type | |", "|---|---|---|---|", *rows, ""]


def _fields(title: str, schema: Json, schemas: Json) -> list[str]:
    schema = examples.resolve(schema, schemas)
    required = schema.get("required", ())
    rows = [
        f"| `{name}` | {_type(member)}{_required(name in required)} | {_cell(_about(member))} |"
        for name, member in schema.get("properties", {}).items()
    ]
    return [f"| {title} | Type | |", "|---|---|---|", *rows, ""] if rows else []


def _samples(method: str, path: str, operation: Json) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {})
    call = snippets.Call(
        method=method,
        path=_filled(path),
        body=content.get(_JSON, {}).get("example"),
        form=_FORM in content,
        public=operation.get("security") == [],
        operator=operation.get("security") == [{"operator": []}],
    )
    lines: list[str] = []
    for language, title, text in (
        ("bash", "curl", snippets.curl(call)),
        ("python", "Python", snippets.python(call)),
        ("js", "Node", snippets.node(call)),
    ):
        lines += [f"```{language} {title}", text, "```"]
    return [*lines, ""]


def _answers(responses: Json) -> list[str]:
    lines: list[str] = []
    for status, response in responses.items():
        content = response.get("content", {}).get(_JSON)
        if status.startswith("2"):
            lines += [f"Answers **{status}**. {response['description']}", ""]
            if content:
                example = msgspec.json.format(msgspec.json.encode(content["example"]), indent=2).decode()
                lines += ["```json", example, "```", ""]
    refused = [f"**{status}** {response['description']}" for status, response in responses.items() if status >= "4"]
    if refused:
        lines += ["<details><summary>When it does not work</summary>", "", *(f"- {line}" for line in refused)]
        lines += ["", "The bodies are explained under [errors](/docs/errors).", "", "</details>", ""]
    return lines


def _filled(path: str) -> str:
    filled = path.replace("{AccountSid}", _PROJECT_ID)
    while "{" in filled:
        before, _, rest = filled.partition("{")
        name, _, rest = rest.partition("}")
        filled = before + openapi.path_schema(name)["examples"][0] + rest
    return filled


def _type(schema: Json) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "$ref" in schema:
        return "object"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kinds = schema.get("type", "any")
    name = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return f"{name} ({schema['format']})" if "format" in schema else name


def _required(required: bool) -> str:
    return ", **required**" if required else ""


def _about(schema: Json) -> str:
    if "description" in schema:
        return str(schema["description"])
    return next((str(one["description"]) for one in schema.get("anyOf", ()) if "description" in one), "")


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "\\<")
