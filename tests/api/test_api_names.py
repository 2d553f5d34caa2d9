"""Names that clients choose are visible and have no control characters, in any API."""

from typing import Any

import pytest
import small_world
from small_world import NUMBERS, PROJECT

from heliograph.core.texts import has_controls

CONTROLS = ["\x1b[2J", "\n", "\r", "\t", "\x07", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066"]


@pytest.mark.parametrize("control", CONTROLS)
def test_control_character_is_found(control: str) -> None:
    assert has_controls(f"a{control}b")


@pytest.mark.parametrize(
    "name", ["Warehouse", "caf\u00e9", "\U0001f468\u200d\U0001f469", "a\u00a0b", "\u4ed3\u5e93", ""]
)
def test_other_characters_are_not(name: str) -> None:
    assert not has_controls(name)


CXML = f"/api/laml/2010-04-01/Accounts/{PROJECT}"
DOORS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", CXML, {"FriendlyName": "x"}),
    ("POST", "/api/laml/2010-04-01/Accounts", {"FriendlyName": "x"}),
    ("POST", f"{CXML}/Applications", {"FriendlyName": "x"}),
    ("POST", f"{CXML}/IncomingPhoneNumbers/{NUMBERS[0]}", {"FriendlyName": "x"}),
    ("POST", f"{CXML}/LamlBins", {"Name": "x", "Contents": "<Response/>"}),
    ("POST", f"{CXML}/tokens", {"name": "x", "permissions": ["messaging"]}),
    ("POST", "/api/project/tokens", {"name": "x", "permissions": ["messaging"]}),
    ("POST", "/api/projects", {"name": "x"}),
    ("PATCH", f"/api/projects/{PROJECT}", {"name": "x"}),
    ("POST", "/api/relay/rest/number_groups", {"name": "x"}),
    ("PUT", f"/api/relay/rest/phone_numbers/{NUMBERS[0]}", {"name": "x"}),
]


@pytest.mark.parametrize(("method", "path", "values"), DOORS)
async def test_name_with_a_control_character_is_refused(method: str, path: str, values: dict[str, Any]) -> None:
    world = await small_world.make()
    named = {name: "A\x1b[2J" if value == "x" else value for name, value in values.items()}
    answer = await world.ask(method, path, json=named)
    assert (answer.status_code, "control characters" in answer.text) == (422, True), answer.text
    assert (await world.ask(method, path, json=values)).status_code in (200, 201)


INVISIBLE = ["\ufeff", "\u200b\u2060", " \u00a0 ", "\u3164", "\u2800", "\u00ad\ufe0f"]


@pytest.mark.parametrize("invisible", INVISIBLE)
@pytest.mark.parametrize(("method", "path", "values"), DOORS[:-1])  # a number's name may be empty in relay/rest
async def test_invisible_name_is_refused_as_an_empty_one(
    method: str, path: str, values: dict[str, Any], invisible: str
) -> None:
    world = await small_world.make()
    named = {name: invisible if value == "x" else value for name, value in values.items()}
    assert (await world.ask(method, path, json=named)).status_code == 422
