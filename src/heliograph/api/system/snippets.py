"""The same request as a curl command, in Python and in Node, for the reference."""

from dataclasses import dataclass
from typing import Any

import msgspec

BASE = "http://localhost:8080"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: `form` says whether `body` goes as a form or as JSON. It needs a project's credentials, unless it is
    `public`, or the `operator`'s."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    form: bool = False
    public: bool = False
    operator: bool = False


def curl(call: Call) -> str:
    """Return a shell command; the credentials come from environment variables."""
    parts = ["curl" if call.method == "GET" else f"curl -X {call.method}", f'"{BASE}{call.path}"']
    if call.operator:
        parts.append('-H "Authorization: Bearer $OPERATOR_TOKEN"')
    elif not call.public:
        parts.append('-u "$PROJECT_ID:$API_TOKEN"')
    if call.body is not None and call.form:
        parts += [f"--data-urlencode {_shell(f'{name}={value}')}" for name, value in _pairs(call.body)]
    elif call.body is not None:
        parts.append(f"--json {_shell(_json(call.body))}")
    return " \\\n  ".join(parts)


def python(call: Call) -> str:
    """Return a script for the requests library."""
    arguments = [f'"{BASE}{call.path}"']
    if call.operator:
        arguments.append('headers={"Authorization": f"Bearer {operator_token}"}')
    elif not call.public:
        arguments.append("auth=(project_id, api_token)")
    if call.body is not None:
        arguments.append(f"{'data' if call.form else 'json'}={_python(call.body)}")
    lines = ",\n    ".join(arguments)
    closing = "print(answer.status_code)" if call.method == "DELETE" else "print(answer.json())"
    return f"import requests\n\nanswer = requests.{call.method.lower()}(\n    {lines},\n)\n{closing}"


def node(call: Call) -> str:
    """Return a script for Node 18 and later, which has fetch."""
    options = [] if call.method == "GET" else [f'method: "{call.method}"']
    credentials = "`Bearer ${operatorToken}`" if call.operator else '"Basic " + btoa(`${projectId}:${apiToken}`)'
    headers = [] if call.public else [f"Authorization: {credentials}"]
    if call.body is not None and call.form:
        options.append(f"body: new URLSearchParams({_indented(call.body)})")
    elif call.body is not None:
        headers.append('"Content-Type": "application/json"')
        options.append(f"body: JSON.stringify({_indented(call.body)})")
    if headers:
        options.insert(0, f"headers: {{ {', '.join(headers)} }}")
    lines = "".join(f"  {option},\n" for option in options)
    closing = "answer.status" if call.method == "DELETE" else "await answer.json()"
    return f'const answer = await fetch("{BASE}{call.path}", {{\n{lines}}});\nconsole.log({closing});'


def _pairs(body: dict[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in body.items():
        for one in value if isinstance(value, list) else [value]:
            pairs.append((name, _form_text(one)))
    return pairs


def _form_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _indented(value: object) -> str:
    return _json(value).replace("\n", "\n  ")


def _python(value: object, indent: str = "    ") -> str:
    """The value as Python is written by hand: double quotes, a member to a line."""
    match value:
        case dict():
            lines = "".join(
                f"{indent}    {_json(name)}: {_python(one, indent + '    ')},\n" for name, one in value.items()
            )
            return f"{{\n{lines}{indent}}}"
        case list():
            return f"[{', '.join(_python(one, indent) for one in value)}]"
        case str():
            return _json(value)
        case _:
            return repr(value)


def _shell(text: str) -> str:
    quoted = text.replace("'", "'\\''")
    return f"'{quoted}'"
