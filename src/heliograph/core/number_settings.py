"""What a client may set on a phone number or an application, and where a number's inbound messages go.

Two API families set the same things in different words: the cXML API says `SmsUrl`, the relay/rest API
`message_request_url`. Both write one dict under one neutral name (here `sms_url`), so a number looks the same
from either side. This module holds the names, the checks, and the one rule that picks the handler:

- `message_handler` in the dict decides; None there means "no handler".
- Where the key is absent (a number made on the command line, say), an application wins over a URL.
- The cXML API has no word for the handler: setting `SmsApplicationSid` or `SmsUrl` there picks it, and while
  an application is set its URLs are the ones that count, as on Twilio.

Calls are not routed by this product; their fields are kept and returned.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal

from heliograph.core.directory import Application, Number
from heliograph.core.errors import Fault, Refusal, Refused
from heliograph.core.message import Callback

Settings = dict[str, str | None]

METHODS: Final = ("GET", "POST")
DEFAULT_METHOD: Final = "POST"

MAX_TEXT_LENGTH: Final = 1024
"""Characters of a setting that is neither URL, method nor id: a topic's or a resource's name."""

MESSAGE_HANDLERS: Final = (
    "laml_webhooks",
    "laml_application",
    "relay_topic",
    "relay_context",
    "relay_application",
    "relay_script",
    "smpp_bind",
)
CALL_HANDLERS: Final = (
    "relay_context",
    "relay_topic",
    "relay_script",
    "relay_application",
    "relay_connector",
    "relay_sip_endpoint",
    "relay_verto_endpoint",
    "laml_webhooks",
    "laml_application",
    "dialogflow",
    "video_room",
    "call_flow",
    "ai_agent",
    "fabric_subscriber",
    "sip_gateway",
    "call_queue",
)
RECEIVE_MODES: Final = ("voice", "fax")


ORIGIN: Final = "origin"
HOSTED: Final = "hosted"
"""A setting that no API lets a client write: HOSTED for a number that a project brought along."""


class Kind(Enum):
    """What a value must be. METHOD and CHOICE are cleared by null only, the others by an empty value too."""

    URL = "url"
    METHOD = "method"
    APPLICATION = "application"
    SYSTEM_ID = "system_id"
    CHOICE = "choice"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter of a family: where its value is kept, and what it must be."""

    key: str
    kind: Kind
    choices: tuple[str, ...] = ()


def _url(key: str) -> Field:
    return Field(key=key, kind=Kind.URL)


def _method(key: str) -> Field:
    return Field(key=key, kind=Kind.METHOD)


def _text(key: str) -> Field:
    return Field(key=key, kind=Kind.TEXT)


CXML_NUMBER: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "SmsUrl": _url("sms_url"),
        "SmsMethod": _method("sms_method"),
        "SmsFallbackUrl": _url("sms_fallback_url"),
        "SmsFallbackMethod": _method("sms_fallback_method"),
        "SmsApplicationSid": Field(key="sms_application_id", kind=Kind.APPLICATION),
        "VoiceUrl": _url("voice_url"),
        "VoiceMethod": _method("voice_method"),
        "VoiceFallbackUrl": _url("voice_fallback_url"),
        "VoiceFallbackMethod": _method("voice_fallback_method"),
        "VoiceApplicationSid": Field(key="voice_application_id", kind=Kind.APPLICATION),
        "VoiceReceiveMode": Field(key="receive_mode", kind=Kind.CHOICE, choices=RECEIVE_MODES),
        "StatusCallback": _url("status_callback"),
        "StatusCallbackMethod": _method("status_callback_method"),
    }
)

RELAY_NUMBER: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "message_handler": Field(key="message_handler", kind=Kind.CHOICE, choices=MESSAGE_HANDLERS),
        "message_request_url": _url("sms_url"),
        "message_request_method": _method("sms_method"),
        "message_fallback_url": _url("sms_fallback_url"),
        "message_fallback_method": _method("sms_fallback_method"),
        "message_laml_application_id": Field(key="sms_application_id", kind=Kind.APPLICATION),
        "message_relay_topic": _text("message_relay_topic"),
        "message_relay_context": _text("message_relay_context"),
        "message_relay_application": _text("message_relay_application"),
        "message_smpp_system_id": Field(key="smpp_system_id", kind=Kind.SYSTEM_ID),
        "call_handler": Field(key="call_handler", kind=Kind.CHOICE, choices=CALL_HANDLERS),
        "call_receive_mode": Field(key="receive_mode", kind=Kind.CHOICE, choices=RECEIVE_MODES),
        "call_request_url": _url("voice_url"),
        "call_request_method": _method("voice_method"),
        "call_fallback_url": _url("voice_fallback_url"),
        "call_fallback_method": _method("voice_fallback_method"),
        "call_status_callback_url": _url("status_callback"),
        "call_status_callback_method": _method("status_callback_method"),
        "call_laml_application_id": Field(key="voice_application_id", kind=Kind.APPLICATION),
        "call_dialogflow_agent_id": _text("call_dialogflow_agent_id"),
        "call_relay_topic": _text("call_relay_topic"),
        "call_relay_topic_status_callback_url": _url("call_relay_topic_status_callback_url"),
        "call_relay_script_url": _url("call_relay_script_url"),
        "call_relay_context": _text("call_relay_context"),
        "call_relay_context_status_callback_url": _url("call_relay_context_status_callback_url"),
        "call_relay_application": _text("call_relay_application"),
        "call_relay_connector_id": _text("call_relay_connector_id"),
        "call_sip_endpoint_id": _text("call_sip_endpoint_id"),
        "call_verto_resource": _text("call_verto_resource"),
        "call_video_room_id": _text("call_video_room_id"),
    }
)

CXML_APPLICATION: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "SmsUrl": _url("sms_url"),
        "SmsMethod": _method("sms_method"),
        "SmsFallbackUrl": _url("sms_fallback_url"),
        "SmsFallbackMethod": _method("sms_fallback_method"),
        "MessageStatusCallback": _url("sms_status_callback"),  # Twilio's newer word for the next one
        "SmsStatusCallback": _url("sms_status_callback"),
        "SmsStatusCallbackMethod": _method("sms_status_callback_method"),
        "VoiceUrl": _url("voice_url"),
        "VoiceMethod": _method("voice_method"),
        "VoiceFallbackUrl": _url("voice_fallback_url"),
        "VoiceFallbackMethod": _method("voice_fallback_method"),
        "StatusCallback": _url("status_callback"),
        "StatusCallbackMethod": _method("status_callback_method"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """What picks the handler of messages, or of calls: three settings, and cXML's words for two of them."""

    handler: str
    url: str
    url_name: str
    application: str
    application_name: str


_MESSAGES: Final = _Slot(
    handler="message_handler",
    url="sms_url",
    url_name="SmsUrl",
    application="sms_application_id",
    application_name="SmsApplicationSid",
)
_CALLS: Final = _Slot(
    handler="call_handler",
    url="voice_url",
    url_name="VoiceUrl",
    application="voice_application_id",
    application_name="VoiceApplicationSid",
)

_RELAY_NAMES: Final = {
    "relay_topic": "message_relay_topic",
    "relay_context": "message_relay_context",
    "relay_application": "message_relay_application",
}
"""Which setting names the topic, context or application of each Relay handler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What a value is checked with. `url_fault` says "invalid", "unsafe", "insecure" or None; `is_application` whether
    the project has an application of that id, `is_system_id` whether it has that SMPP credential."""

    url_fault: Callable[[str], Literal["invalid", "unsafe", "insecure"] | None]
    is_application: Callable[[str], bool]
    is_system_id: Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """What is to be done with a number's inbound messages.

    `cxml` and `swml` fetch a document from `url`; `relay` offers the message to the Relay clients of `context`;
    `smpp` hands it to the binds of `system_id`.
    """

    kind: Literal["cxml", "swml", "relay", "smpp"]
    url: str = ""
    method: str = DEFAULT_METHOD
    fallback_url: str | None = None
    fallback_method: str = DEFAULT_METHOD
    context: str = ""
    system_id: str = ""


def changed(
    settings: Mapping[str, str | None], given: Mapping[str, object], fields: Mapping[str, Field], checks: Checks
) -> Settings:
    """Return the settings with those parameters of `given` that are in `fields`; the rest of `given` is ignored.

    None clears a setting. Raises Refused with every fault, in the order of `fields`.
    """
    refusals: list[Refusal] = []
    following: Settings = dict(settings)
    for name, field in fields.items():
        if name not in given:
            continue
        refusal = _fault(name, given[name], field, checks)
        if refusal is not None:
            refusals.append(refusal)
        else:
            following[field.key] = _kept(given[name], field.kind)
    if refusals:
        raise Refused(*refusals)
    return following


def changed_by_cxml(settings: Mapping[str, str | None], given: Mapping[str, object], checks: Checks) -> Settings:
    """Return a number's settings after a cXML request, which picks the handlers by what it sets."""
    following = changed(settings, given, CXML_NUMBER, checks)
    for slot in (_MESSAGES, _CALLS):
        named = [name for name in (slot.url_name, slot.application_name) if name in given]
        if named:
            _repick(slot, _chosen(settings, slot), following, given, any(given[name] for name in named))
    return following


def changed_by_relay(settings: Mapping[str, str | None], given: Mapping[str, object], checks: Checks) -> Settings:
    """Return a number's settings after a relay/rest request, which names the handler itself."""
    following = changed(settings, given, RELAY_NUMBER, checks)
    refusal = _unfinished(following) if "message_handler" in given else None
    if refusal is not None:
        raise Refused(refusal)
    return following


def fit_for(settings: Mapping[str, str | None], checks: Checks) -> Settings:
    """Return a number's settings as they fit another project: without what only its old one has. A handler that loses
    what it named is no handler any more."""
    following: Settings = dict(settings)
    for slot in (_MESSAGES, _CALLS):
        application = following.get(slot.application)
        if application and not checks.is_application(application):
            following[slot.application] = None
            if _chosen(settings, slot) == "laml_application":
                following[slot.handler] = None
    system_id = following.get("smpp_system_id")
    if system_id and not checks.is_system_id(system_id):
        following["smpp_system_id"] = None
        if following.get("message_handler") == "smpp_bind":
            following["message_handler"] = None
    return following


def message_handler(settings: Mapping[str, str | None]) -> str | None:
    """Return which of MESSAGE_HANDLERS holds for a number."""
    return _chosen(settings, _MESSAGES)


def call_handler(settings: Mapping[str, str | None]) -> str | None:
    """Return which of CALL_HANDLERS is set for a number."""
    return _chosen(settings, _CALLS)


def inbound_handler(number: Number, applications: Callable[[str], Application | None]) -> Handler | None:
    """Return what to do with a message to `number`, or None where nothing is set up for it.

    `applications` finds an application of the number's project by its id.
    """
    settings = number.settings
    match message_handler(settings):
        case "laml_webhooks":
            return _fetching("cxml", settings)
        case "relay_script":
            return _fetching("swml", settings)
        case "laml_application":
            application = applications(settings.get("sms_application_id") or "")
            return _fetching("cxml", application.settings) if application else None
        case "relay_topic" | "relay_context" | "relay_application" as name:
            context = settings.get(_RELAY_NAMES[name])
            return Handler(kind="relay", context=context) if context else None
        case "smpp_bind":
            system_id = settings.get("smpp_system_id")
            return Handler(kind="smpp", system_id=system_id) if system_id else None
        case _:
            return None


def application_callback(application: Application) -> Callback | None:
    """Return where an application wants the states of the messages that are sent through it."""
    url = application.settings.get("sms_status_callback")
    if not url:
        return None
    return Callback(url=url, method=application.settings.get("sms_status_callback_method") or DEFAULT_METHOD)


def _fetching(kind: Literal["cxml", "swml"], settings: Mapping[str, str | None]) -> Handler | None:
    url = settings.get("sms_url")
    if not url:
        return None
    return Handler(
        kind=kind,
        url=url,
        method=settings.get("sms_method") or DEFAULT_METHOD,
        fallback_url=settings.get("sms_fallback_url"),
        fallback_method=settings.get("sms_fallback_method") or DEFAULT_METHOD,
    )


def _repick(slot: _Slot, before: str | None, following: Settings, given: Mapping[str, object], set_: bool) -> None:
    """Choose the handler anew: something that was set wins over any handler, something cleared only over cXML's."""
    if slot.application_name not in given and before != "laml_application":
        following.pop(slot.application, None)  # it had been set aside, and must not come back by itself
    if set_ or before in (None, "laml_webhooks", "laml_application"):
        following[slot.handler] = _pick(following, slot)


def _chosen(settings: Mapping[str, str | None], slot: _Slot) -> str | None:
    return settings[slot.handler] if slot.handler in settings else _pick(settings, slot)


def _pick(settings: Mapping[str, str | None], slot: _Slot) -> str | None:
    if settings.get(slot.application):
        return "laml_application"
    return "laml_webhooks" if settings.get(slot.url) else None


def _unfinished(settings: Mapping[str, str | None]) -> Refusal | None:
    """A handler that names something must be told what."""
    handler = message_handler(settings) or ""
    key = _RELAY_NAMES.get(handler)
    if handler == "laml_application":
        key = "sms_application_id"
    if handler == "smpp_bind":
        key = "smpp_system_id"
    if key is None or settings.get(key):
        return None
    name = next(name for name, field in RELAY_NUMBER.items() if field.key == key)
    return Refusal(Fault.PARAMETER_MISSING, f"{name} is required when message_handler is {handler}.", name)


def _kept(value: object, kind: Kind) -> str | None:
    if not value:
        return None
    return str(value).lower() if kind is Kind.APPLICATION else str(value)


def _fault(name: str, value: object, field: Field, checks: Checks) -> Refusal | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return Refusal(Fault.PARAMETER_INVALID, f"{name} must be a text.", name)
    return next(_faults_of(name, value, field, checks), None)


def _faults_of(name: str, value: str, field: Field, checks: Checks) -> Iterator[Refusal]:
    match field.kind:
        case Kind.URL if value:
            fault = checks.url_fault(value)
            if fault == "unsafe":
                yield Refusal(Fault.URL_UNSAFE, "", name)
            elif fault == "insecure":
                yield Refusal(Fault.URL_INVALID, f"{name} must be an https URL: this project's requests are.", name)
            elif fault is not None:
                yield Refusal(Fault.URL_INVALID, f"{name} must be a valid http or https URL.", name)
        case Kind.METHOD if value not in METHODS:
            yield Refusal(Fault.METHOD_INVALID, f"{name} must be GET or POST.", name)
        case Kind.APPLICATION if value and not checks.is_application(value):
            yield Refusal(Fault.APPLICATION_UNKNOWN, "", name)
        case Kind.SYSTEM_ID if value and not checks.is_system_id(value):
            yield Refusal(Fault.PARAMETER_INVALID, f"{name}: this project has no SMPP credential {value!r}.", name)
        case Kind.CHOICE if value not in field.choices:
            yield Refusal(Fault.PARAMETER_INVALID, f"{name} must be one of {', '.join(field.choices)}.", name)
        case Kind.TEXT if len(value) > MAX_TEXT_LENGTH:
            yield Refusal(Fault.PARAMETER_INVALID, f"{name} has at most {MAX_TEXT_LENGTH} characters.", name)
        case _:
            return
