"""The bodies of the phone number API, with exactly the members that SignalWire's has."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api.relay_rest.lists import PageLinks
from heliograph.core.number_settings import CALL_HANDLERS, MESSAGE_HANDLERS, RECEIVE_MODES

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
When = Annotated[
    str,
    Meta(description="ISO 8601, UTC.", extra_json_schema={"format": "date-time"}, examples=["2026-11-23T09:30:00Z"]),
]
Method = Annotated[str, Meta(description="GET or POST.", extra_json_schema={"enum": ["GET", "POST"]})]
MessageHandler = Annotated[
    str,
    Meta(description="What is done with its messages.", extra_json_schema={"enum": list(MESSAGE_HANDLERS)}),
]
CallHandler = Annotated[str, Meta(extra_json_schema={"enum": list(CALL_HANDLERS)})]
ReceiveMode = Annotated[str, Meta(extra_json_schema={"enum": list(RECEIVE_MODES)})]
Url = Annotated[str, Meta(description="An http or https URL; empty clears it.", max_length=4096)]
Text = Annotated[str, Meta(max_length=1024)]

NewMessageHandler = Annotated[MessageHandler, Meta(examples=["laml_webhooks"])]
MessageUrl = Annotated[
    str,
    Meta(
        description="Asked for a document when a message arrives; empty clears it.",
        max_length=4096,
        examples=["https://example.com/sms"],
    ),
]

SystemId = Annotated[
    str,
    Meta(
        description="The SMPP credential whose binds get the number's messages, with message_handler smpp_bind. "
        "An extension that SignalWire's API does not have.",
        max_length=15,
    ),
]


class PhoneNumber(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A phone number of a project. Fields for calls are kept and returned, and do nothing."""

    id: Uuid
    number: Annotated[str, Meta(examples=["+12025550101"])]
    name: Annotated[str | None, Meta(examples=["Support"])]
    capabilities: Annotated[list[str], Meta(examples=[["voice", "sms", "mms", "fax"]])]
    number_type: Annotated[str, Meta(examples=["longcode"], extra_json_schema={"enum": ["toll-free", "longcode"]})]
    e911_address_id: str | None = None
    e911_status: str | None = None
    created_at: When
    updated_at: When
    next_billed_at: When | None = None
    call_handler: CallHandler | None
    calling_handler_resource_id: str | None = None
    call_receive_mode: ReceiveMode
    call_request_url: str | None
    call_request_method: Method
    call_fallback_url: str | None
    call_fallback_method: Method
    call_status_callback_url: str | None
    call_status_callback_method: Method
    call_laml_application_id: str | None
    call_dialogflow_agent_id: str | None
    call_relay_topic: str | None
    call_relay_topic_status_callback_url: str | None
    call_relay_script_url: str | None
    call_relay_context: str | None
    call_relay_context_status_callback_url: str | None
    call_relay_application: str | None
    call_relay_connector_id: str | None
    call_sip_endpoint_id: str | None
    call_verto_resource: str | None
    call_video_room_id: str | None
    message_handler: MessageHandler | None
    messaging_handler_resource_id: str | None = None
    message_request_url: str | None
    message_request_method: Method
    message_fallback_url: str | None
    message_fallback_method: Method
    message_laml_application_id: str | None
    message_relay_topic: str | None
    message_relay_context: str | None
    message_smpp_system_id: Annotated[str, Meta(description="Ours; absent unless set.")] | UnsetType = UNSET
    country_code: Annotated[str | None, Meta(description="ISO 3166; null for numbers of no country.", examples=["US"])]


class PhoneNumberPage(msgspec.Struct, kw_only=True):
    """Phone numbers, newest first."""

    links: PageLinks
    data: list[PhoneNumber]


class UpdatePhoneNumber(msgspec.Struct, kw_only=True):
    """What of a number is to be changed; the rest stays, and null clears."""

    name: Annotated[str, Meta(max_length=255, examples=["Support"])] | UnsetType | None = UNSET
    message_handler: NewMessageHandler | UnsetType | None = UNSET
    message_request_url: MessageUrl | UnsetType | None = UNSET
    message_request_method: Method | UnsetType | None = UNSET
    message_fallback_url: Url | UnsetType | None = UNSET
    message_fallback_method: Method | UnsetType | None = UNSET
    message_laml_application_id: Text | UnsetType | None = UNSET
    message_relay_topic: Text | UnsetType | None = UNSET
    message_relay_context: Text | UnsetType | None = UNSET
    message_relay_application: Text | UnsetType | None = UNSET
    message_smpp_system_id: SystemId | UnsetType | None = UNSET
    call_handler: CallHandler | UnsetType | None = UNSET
    call_receive_mode: ReceiveMode | UnsetType | None = UNSET
    call_request_url: Url | UnsetType | None = UNSET
    call_request_method: Method | UnsetType | None = UNSET
    call_fallback_url: Url | UnsetType | None = UNSET
    call_fallback_method: Method | UnsetType | None = UNSET
    call_status_callback_url: Url | UnsetType | None = UNSET
    call_status_callback_method: Method | UnsetType | None = UNSET
    call_laml_application_id: Text | UnsetType | None = UNSET
    call_dialogflow_agent_id: Text | UnsetType | None = UNSET
    call_relay_topic: Text | UnsetType | None = UNSET
    call_relay_topic_status_callback_url: Url | UnsetType | None = UNSET
    call_relay_script_url: Url | UnsetType | None = UNSET
    call_relay_context: Text | UnsetType | None = UNSET
    call_relay_context_status_callback_url: Url | UnsetType | None = UNSET
    call_relay_application: Text | UnsetType | None = UNSET
    call_relay_connector_id: Text | UnsetType | None = UNSET
    call_sip_endpoint_id: Text | UnsetType | None = UNSET
    call_verto_resource: Text | UnsetType | None = UNSET
    call_video_room_id: Text | UnsetType | None = UNSET
