"""A filter with an operator that its list does not have is refused; any other unknown parameter is ignored."""

from urllib.parse import quote

import pytest
from api_world import ACCOUNT, World, a_message, message_id

MESSAGES = f"{ACCOUNT}/Messages"
MEDIA = f"{MESSAGES}/{message_id(1)}/Media"
LOGS = "/api/messaging/logs"

SLIPS = [
    (MESSAGES, "DateSent>="),
    (MESSAGES, "DateSent<="),
    (MESSAGES, "DateSent="),
    (MESSAGES, "DateSent>>"),
    (MESSAGES, "DateSent<>"),
    (MESSAGES, "DateSent >"),
    (MESSAGES, "DateSent!"),
    (MESSAGES, "DateSent[gte]"),
    (MESSAGES, "DateSent.gt"),
    (MESSAGES, "DateSent__gt"),
    (MESSAGES, "datesent>"),
    (MESSAGES, ">DateSent"),
    (MESSAGES, "DateSent\u2265"),
    (MESSAGES, "DateCreated>"),
    (MESSAGES, "DateCreated<="),
    (MESSAGES, "To~"),
    (MESSAGES, "From[]"),
    (MESSAGES, "Status!="),
    (MESSAGES, "PageSize>"),
    (MEDIA, "DateCreated>="),
    (MEDIA, "DateSent>"),
    (LOGS, "created_after>"),
    (LOGS, "created_on[gte]"),
    (LOGS, "created_at>="),
]


@pytest.mark.parametrize(("path", "name"), SLIPS)
def test_operator_that_a_list_does_not_have_is_refused(path: str, name: str) -> None:
    world = World()
    world.store.messages = [a_message(num_media=1)]
    answer = world.ask("GET", path, query_string=f"{quote(name)}=2099-01-01")
    assert answer.status_code == 422
    told = answer.json if path != LOGS else answer.json["errors"][0]
    assert told["code"] in (10000, "invalid_parameter")
    assert "is no filter of this list" in told["message"]


def test_refusal_names_the_filters_that_there_are() -> None:
    answer = World().ask("GET", MESSAGES, query_string="DateSent%3E%3D=2099-01-01")
    assert answer.json["message"] == "'DateSent>=' is no filter of this list: use DateSent, DateSent<, DateSent>."


@pytest.mark.parametrize("name", ["DateSent>", "DateSent<", "DateSent", "Unknown", "unknown[x]", "DateSentAfter", "_"])
def test_other_parameters_are_as_before(name: str) -> None:
    assert World().ask("GET", MESSAGES, query_string=f"{quote(name)}=2026-01-01").status_code == 200


def test_long_name_is_shown_in_part() -> None:
    answer = World().ask("GET", MESSAGES, query_string=f"DateSent%3E{'%1b' * 1000}=1")
    assert answer.status_code == 422
    assert len(answer.json["message"]) < 400
    assert answer.json["message"].isprintable()
