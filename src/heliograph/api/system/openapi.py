"""The OpenAPI 3.1 document, made from the route rows: what the server does is what the document says.

Schemas come from the routes' msgspec Structs; what every operation of a family shares (credentials, error
bodies, headers, limits) is added here from `faults`. Building takes some tens of milliseconds, so it is done
on the first request and kept.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import msgspec

from heliograph.api.route import Family, Parameter, Route
from heliograph.api.system import examples, faults

Json = dict[str, Any]

SCHEMAS = "#/components/schemas/{name}"
TAGS: dict[Family, tuple[str, str]] = {
    Family.CXML: ("cXML", "The Twilio-shaped API under `/api/laml/2010-04-01`: forms in, JSON out."),
    Family.MESSAGING: ("Messaging", "Messages and logs as JSON under `/api/messaging`."),
    Family.RELAY_REST: ("Phone numbers", "Phone numbers as JSON under `/api/relay/rest`."),
    Family.PROJECT: ("Projects", "Projects under `/api/projects`, and their API tokens under `/api/project/tokens`."),
    Family.HELIOGRAPH: ("Heliograph", "What only this server has: the simulated carrier and what helps people."),
    Family.SYSTEM: ("System", "Health and this document."),
}
IDEMPOTENT = frozenset({"create_message", "send_message"})
"""Operations that take an Idempotency-Key."""
BYTES = frozenset({"retrieve_media"})
"""Operations that answer with a file's bytes, of any content type, beside their JSON."""

_PATH_NAMES = re.compile(r"{(\w+)}")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Document:
    """The document of one server, built when first asked for."""

    def __init__(self, routes: Sequence[Route], version: str) -> None:
        self._routes = tuple(route for route in routes if _described(route))
        self._version = version

    @cached_property
    def value(self) -> Json:
        """The whole document as plain JSON values."""
        schemas = _schemas(self._routes)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Heliograph",
                "version": self._version,
                "summary": "A self-hosted messaging platform that speaks SignalWire's messaging APIs.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/", "description": "This server"}],
            "tags": _tags(self._routes),
            "security": [{"basic": []}],
            "paths": _paths(self._routes, schemas),
            "components": {
                "schemas": schemas,
                "headers": faults.HEADERS,
                "securitySchemes": {
                    "basic": {
                        "type": "http",
                        "scheme": "basic",
                        "description": "User: the project id. Password: an API token of that project.",
                    },
                    "operator": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "The operator's token; the setting `operator_token_sha256` has its hash.",
                    },
                },
            },
        }

    @cached_property
    def bytes(self) -> bytes:
        """The document as it is served."""
        return msgspec.json.encode(self.value)


def _described(route: Route) -> bool:
    """Pages for people and Prometheus' text are not part of the API."""
    return route.family is not Family.SYSTEM or any(answer is not None for answer in route.answers.values())


def _schemas(routes: Iterable[Route]) -> Json:
    types: dict[type[msgspec.Struct], None] = dict.fromkeys(faults.structs())
    for route in routes:
        for struct in (route.body, *route.answers.values()):
            if struct is not None:
                types[struct] = None
    _, components = msgspec.json.schema_components(list(types), ref_template=SCHEMAS)
    return dict(sorted(components.items()))


def _tags(routes: Iterable[Route]) -> list[Json]:
    families = {route.family for route in routes}
    return [{"name": name, "description": about} for family, (name, about) in TAGS.items() if family in families]


def _paths(routes: Iterable[Route], schemas: Json) -> Json:
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return paths


def _operation(route: Route, schemas: Json) -> Json:
    operation: Json = {
        "operationId": route.operation,
        "tags": [TAGS[route.family][0]],
        "summary": route.summary,
        "description": _description(route),
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
    }
    if route.public:
        operation["security"] = []
    elif route.operator:
        operation["security"] = [{"operator": []}]
    if route.body is not None:
        operation["requestBody"] = _request_body(route, route.body, schemas)
    return operation


def _description(route: Route) -> str:
    parts = [route.about] if route.about else []
    if route.scopes:
        parts.append(f"The token needs the scope {' or '.join(f'`{scope}`' for scope in route.scopes)}.")
    return "\n\n".join(parts) or route.summary


def _parameters(route: Route) -> list[Json]:
    parameters = [_path_parameter(name) for name in _PATH_NAMES.findall(route.path)]
    parameters += [_query_parameter(parameter) for parameter in route.query]
    if route.operation in IDEMPOTENT:
        parameters.append(faults.IDEMPOTENCY_KEY)
    return parameters


def _path_parameter(name: str) -> Json:
    about = _PATH_ABOUT.get(name, "The id of the resource.")
    return {"name": name, "in": "path", "required": True, "schema": path_schema(name), "description": about}


def path_schema(name: str) -> Json:
    """Return the schema of a name in a path, with an example: an id unless it is one of the few others."""
    return _PATH_SCHEMAS.get(name, {"type": "string", "format": "uuid", "examples": [examples.ID]})


_PATH_ABOUT = {
    "AccountSid": "The project: your own or one of its subprojects.",
    "MessageSid": "The id of the message.",
    "message_id": "The id of the message.",
    "token_id": "The id of the token.",
    "IsoCountry": "The country, by its ISO 3166 letters.",
    "e164_number": "The number, E.164.",
}

_PATH_SCHEMAS: dict[str, Json] = {
    "IsoCountry": {"type": "string", "pattern": "^[A-Z]{2}$", "examples": ["US"]},
    "e164_number": {"type": "string", "pattern": r"^\+[0-9]{5,17}$", "examples": ["+12145550101"]},
}
"""Of names in a path that are no ids."""


def _query_parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "description": parameter.about,
        "schema": parameter.schema,
    }


def _request_body(route: Route, struct: type[msgspec.Struct], schemas: Json) -> Json:
    content: Json = {"schema": reference(struct)}
    example = examples.request(content["schema"], schemas)
    if example:
        content["example"] = example
    types = ["application/json"]
    if route.family is Family.CXML:
        types.insert(0, "application/x-www-form-urlencoded")
    return {"required": True, "content": dict.fromkeys(types, content)}


def reference(struct: type[msgspec.Struct]) -> Json:
    """Return the schema that stands for a Struct: a reference to its component."""
    (schema,), _ = msgspec.json.schema_components([struct], ref_template=SCHEMAS)
    return dict(schema)


def _responses(route: Route, schemas: Json) -> Json:
    write = route.method in _WRITES
    headers = faults.header_names(write=write and not route.public)
    responses: Json = {}
    for status, struct in route.answers.items():
        responses[str(status)] = _answer(status, struct, headers, schemas)
        if route.operation in BYTES and struct is not None:
            responses[str(status)]["content"]["*/*"] = {"schema": {}}
    for status in faults.statuses(route, idempotent=route.operation in IDEMPOTENT):
        responses.setdefault(str(status), faults.response(route.family, status, headers))
    return dict(sorted(responses.items()))


def _answer(status: int, struct: type[msgspec.Struct] | None, headers: Json, schemas: Json) -> Json:
    answer: Json = {"description": faults.DESCRIPTIONS.get(status, "Success."), "headers": headers}
    if struct is not None:
        schema = reference(struct)
        answer["content"] = {"application/json": {"schema": schema, "example": examples.answer(schema, schemas)}}
    return answer
