"""The calls that the tests make on a Python client of Twilio's shape.

One set for two SDKs: ``twilio`` itself (in the tests' environment) and ``signalwire`` 2.1.1 (in its own),
whose client is a Twilio client of 2021 under another name. Arguments and results are plain JSON values;
a message is given with the keys of `MESSAGE_FIELDS`, its times in ISO 8601.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

MESSAGE_FIELDS = (
    "sid",
    "account_sid",
    "to",
    "from_",
    "body",
    "status",
    "direction",
    "num_segments",
    "num_media",
    "error_code",
    "error_message",
    "price",
    "price_unit",
    "uri",
    "api_version",
    "messaging_service_sid",
    "subresource_uris",
    "date_created",
    "date_updated",
    "date_sent",
)
NUMBER_FIELDS = ("sid", "account_sid", "phone_number", "friendly_name", "sms_url", "sms_method", "capabilities")
DATES = ("date_sent", "date_sent_before", "date_sent_after")


def perform(client: Any, call: str, arguments: dict[str, Any]) -> Any:
    """Make one call by its name; the SDK's exceptions pass."""
    return CALLS[call](client, **arguments)


def _create(client: Any, **arguments: Any) -> dict[str, Any]:
    return _message(client.messages.create(**arguments))


def _fetch(client: Any, sid: str) -> dict[str, Any]:
    return _message(client.messages(sid).fetch())


def _redact(client: Any, sid: str) -> dict[str, Any]:
    return _message(client.messages(sid).update(body=""))


def _delete(client: Any, sid: str) -> bool:
    return bool(client.messages(sid).delete())


def _list(client: Any, **filters: Any) -> list[str]:
    """The ids of all messages that pass the filters; the SDK follows the pages."""
    return [message.sid for message in client.messages.list(**_with_dates(filters))]


def _pages(client: Any, **filters: Any) -> dict[str, Any]:
    """The ids page by page to the end (`forward`), then from the last page back to the first (`back`)."""
    page = client.messages.page(**_with_dates(filters))
    forward = []
    while page is not None:
        forward.append(_sids(page))
        page, last = page.next_page(), page
    return {"forward": forward, "back": list(_backwards(last))}


def _backwards(page: Any) -> Iterator[list[str]]:
    while (page := page.previous_page()) is not None:
        yield _sids(page)


def _media(client: Any, sid: str) -> list[str]:
    """The content types of a message's media."""
    return [media.content_type for media in client.messages(sid).media.list()]


def _configure_number(client: Any, number: str, sms_url: str, sms_method: str) -> dict[str, Any]:
    found = client.incoming_phone_numbers.list(phone_number=number)
    changed = client.incoming_phone_numbers(found[0].sid).update(sms_url=sms_url, sms_method=sms_method)
    return {"sid": changed.sid, "sms_url": changed.sms_url, "sms_method": changed.sms_method}


def _resource(client: Any, at: list[str], verb: str, fields: list[str], **values: Any) -> Any:
    """One call on any resource. `at` is the way to it, ids in brackets: ``["applications", "(0a05...)"]``.

    Comes back as these fields of the instance, of each of a list, or as the truth value of a deletion.
    """
    for part in at:
        client = client(part[1:-1]) if part.startswith("(") else getattr(client, part)
    answer = getattr(client, verb)(**values)
    if isinstance(answer, bool):
        return answer
    if isinstance(answer, list):
        return [{name: getattr(each, name) for name in fields} for each in answer]
    return {name: getattr(answer, name) for name in fields}


def _countries(client: Any) -> list[str]:
    """The countries that have free numbers."""
    return [country.country_code for country in client.available_phone_numbers.list()]


def _search(client: Any, country: str, kind: str, **filters: Any) -> list[dict[str, Any]]:
    """Free numbers; `kind` is local or toll_free."""
    found = getattr(client.available_phone_numbers(country), kind).list(**filters)
    return [{"phone_number": each.phone_number, "region": each.region} for each in found]


def _buy(client: Any, **arguments: Any) -> dict[str, Any]:
    return _number(client.incoming_phone_numbers.create(**arguments))


def _move(client: Any, sid: str, account: str) -> dict[str, Any]:
    """Give the project's number to another account."""
    return _number(client.incoming_phone_numbers(sid).update(account_sid=account))


def _fetch_number(client: Any, sid: str, account: str | None = None) -> dict[str, Any]:
    return _number(_numbers(client, account)(sid).fetch())


def _release(client: Any, sid: str, account: str | None = None) -> bool:
    return bool(_numbers(client, account)(sid).delete())


def _numbers(client: Any, account: str | None) -> Any:
    """The numbers of an account, of the session's own unless told."""
    return client.api.accounts(account).incoming_phone_numbers if account else client.incoming_phone_numbers


CALLS: dict[str, Callable[..., Any]] = {
    "resource": _resource,
    "create": _create,
    "fetch": _fetch,
    "redact": _redact,
    "delete": _delete,
    "list": _list,
    "pages": _pages,
    "media": _media,
    "configure_number": _configure_number,
    "countries": _countries,
    "search": _search,
    "buy": _buy,
    "move": _move,
    "fetch_number": _fetch_number,
    "release": _release,
}


def _with_dates(filters: dict[str, Any]) -> dict[str, Any]:
    """The filters with days as the SDKs want them: dates, which they send as that day's first moment."""
    return {name: date.fromisoformat(value) if name in DATES else value for name, value in filters.items()}


def _sids(page: Any) -> list[str]:
    return [message.sid for message in page]


def _number(number: Any) -> dict[str, Any]:
    return {name: getattr(number, name) for name in NUMBER_FIELDS}


def _message(message: Any) -> dict[str, Any]:
    given = {name: getattr(message, name) for name in MESSAGE_FIELDS}
    moments = {name: value.isoformat() for name, value in given.items() if name.startswith("date_") and value}
    return given | moments
