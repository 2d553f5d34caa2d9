"""Parameters of Twilio's API that this server does not obey, and so refuses: 422, named (contract, section 2).

A parameter that changes what happens is obeyed or refused, never ignored: a message for next month must not leave
today. A value that asks for what happens here anyway is accepted. Parameters in `HARMLESS` change nothing that a client
or a handset could see here, and are ignored. docs/compatibility.md shows both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """`accepted`: values, in lower case, that ask for nothing else than what happens; an empty value always does.
    `because` ends the sentence "... is not supported: ..."."""

    name: str
    because: str
    accepted: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return f"{self.name} is not supported: {self.because}."

    def is_asked(self, value: object) -> bool:
        """Whether a value, of a form or of JSON, asks for it."""
        match value:
            case None:
                return False
            case list():
                return any(self.is_asked(each) for each in value)
            case bool():
                return str(value).lower() not in self.accepted
            case str():
                return value.strip().lower() not in ("", *self.accepted)
        return True


Refusing = tuple[Unsupported, ...]


def asked(rows: Refusing, values: Mapping[str, Any]) -> Iterator[Unsupported]:
    """Those of the rows that a request's values ask for."""
    for row in rows:
        if row.name in values and row.is_asked(values[row.name]):
            yield row


_NO_SCHEDULE = "messages are sent at once"
_NO_TEMPLATES = "there are no content templates; send Body or media"

SEND: Final[Refusing] = (
    Unsupported(name="SendAt", because=_NO_SCHEDULE),
    Unsupported(name="ScheduleType", because=_NO_SCHEDULE),
    Unsupported(name="ContentSid", because=_NO_TEMPLATES),
    Unsupported(name="ContentVariables", because=_NO_TEMPLATES, accepted=("{}",)),
    Unsupported(name="SmartEncoded", because="text is sent as it is given", accepted=("false",)),
    Unsupported(name="ShortenUrls", because="text is sent as it is given", accepted=("false",)),
    Unsupported(name="ContentRetention", because="a text is kept until it is redacted", accepted=("retain",)),
    Unsupported(name="AddressRetention", because="numbers are kept as they are", accepted=("retain",)),
    Unsupported(name="PersistentAction", because="a message is a text and media only"),
    Unsupported(name="FallbackFrom", because="a message has one sender"),
    Unsupported(name="RiskCheck", because="no message is checked for fraud", accepted=("disable",)),
    Unsupported(name="TrafficType", because="every message is charged alike"),
)

SEND_REST: Final[Refusing] = (
    Unsupported(name="send_at", because=_NO_SCHEDULE),
    Unsupported(name="schedule_type", because=_NO_SCHEDULE),
    Unsupported(name="validity_period", because="the cXML API has ValidityPeriod"),
    Unsupported(name="max_price", because="the cXML API has MaxPrice"),
    Unsupported(name="smart_encoded", because="text is sent as it is given", accepted=("false",)),
    Unsupported(name="shorten_urls", because="text is sent as it is given", accepted=("false",)),
    Unsupported(name="content_sid", because=_NO_TEMPLATES),
    Unsupported(name="content_variables", because=_NO_TEMPLATES),
)

UPDATE_MESSAGE: Final[Refusing] = (
    Unsupported(name="Status", because="messages are sent at once, so none can be canceled; an empty Body redacts one"),
)

NUMBER: Final[Refusing] = (
    Unsupported(name="ApiVersion", because="there is one version, 2010-04-01", accepted=("2010-04-01",)),
    Unsupported(name="EmergencyStatus", because="there are no emergency calls here", accepted=("inactive",)),
)

NUMBERS_LIST: Final[Refusing] = (Unsupported(name="Origin", because="numbers can't be listed by their origin"),)

_BY_PLACE = "numbers are found by AreaCode, Contains, InRegion and InLocality"
SEARCH: Final[Refusing] = tuple(
    Unsupported(name=name, because=_BY_PLACE)
    for name in ("NearNumber", "NearLatLong", "Distance", "InPostalCode", "InRateCenter", "InLata")
)

APPLICATION: Final[Refusing] = (NUMBER[0],)

ACCOUNT: Final[Refusing] = (
    Unsupported(
        name="Status",
        because="a project is always active; DELETE /api/projects/{id} deletes a subproject",
        accepted=("active",),
    ),
)

ACCOUNTS_LIST: Final[Refusing] = (Unsupported(name="Status", because="every project is active", accepted=("active",)),)

REFUSED: Final[Mapping[str, Refusing]] = {
    "create_message": SEND,
    "update_message": UPDATE_MESSAGE,
    "send_message": SEND_REST,
    "list_incoming_phone_numbers": NUMBERS_LIST,
    "create_incoming_phone_number": NUMBER,
    "update_incoming_phone_number": NUMBER,
    "search_local_phone_numbers": SEARCH,
    "search_toll_free_phone_numbers": SEARCH,
    "create_application": APPLICATION,
    "update_application": APPLICATION,
    "list_accounts": ACCOUNTS_LIST,
    "create_subproject_account": ACCOUNT,
    "update_account": ACCOUNT,
}
"""By operation."""

_OF_CALLS = "it is about calls"
_OF_RULES = "it attaches documents that a regulator asks Twilio for; numbers here need none"
HARMLESS: Final[Mapping[str, Mapping[str, str]]] = {
    "create_message": {
        "Attempt": "it is the client's own count of its tries",
        "ForceDelivery": "Twilio reserves it, and it does nothing there",
        "MessageIntent": "it describes the text to Twilio's own compliance tools",
        "ProvideFeedback": "it announces a later call, which answers 404",
    },
    "create_incoming_phone_number": {
        "AddressSid": _OF_RULES,
        "BundleSid": _OF_RULES,
        "IdentitySid": _OF_RULES,
        "TrunkSid": _OF_CALLS,
        "VoiceCallerIdLookup": _OF_CALLS,
    },
    "list_incoming_phone_numbers": {"Beta": "it lets new numbers be left out, and none is new here"},
    "create_application": {"PublicApplicationConnectEnabled": _OF_CALLS, "VoiceCallerIdLookup": _OF_CALLS},
}
"""By operation, the first of those that take the parameter: why ignoring it changes nothing."""
