"""The catalogue: everything that a caller or a message's record can be told to have gone wrong.

A Fault is one reason to refuse a request, in both vocabularies: the cXML API answers with a number, the
REST APIs with a word (contract, section 7). DELIVERY explains the codes that a message carries when it
failed later. Carriers speak of Temporary (a retry may help) and Permanent (it won't).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from heliograph.core.addresses import NOT_CALLED


@dataclass(frozen=True, slots=True)
class Reason:
    """cxml: the number; rest: the word; status: the HTTP status in cXML and REST; attribute: the REST name, "" for a
    fault of no parameter."""

    cxml: int
    rest: str
    message: str
    attribute: str = "base"
    status: int = 422


class Fault(Enum):
    """Reasons to refuse a message or a change, before anything of it is kept."""

    TO_MISSING = Reason(21604, "missing_required_parameter", "A 'To' phone number is required.", "to")
    TO_INVALID = Reason(21211, "invalid_to_number", "The 'To' number is not a valid phone number.", "to")
    TO_UNROUTABLE = Reason(21612, "unrouteable_message", "There is no route to the 'To' number.", "to")
    TO_REGION = Reason(
        21408, "destination_number_not_supported", "Messages to the 'To' number's region are not enabled.", "to"
    )
    TO_OPTED_OUT = Reason(
        21610, "number_blacklisted", "The recipient has opted out of messages from this number.", "to"
    )
    TO_NOT_MOBILE = Reason(
        21614, "invalid_destination_number", "The 'To' number can't receive messages: it is not a mobile number.", "to"
    )
    SENDER_MISSING = Reason(
        21705, "missing_required_parameter", "A 'From' number or a 'MessagingServiceSid' is required.", "from"
    )
    FROM_INVALID = Reason(21212, "invalid_from_number", "The 'From' number is not a valid phone number.", "from")
    FROM_NOT_OWNED = Reason(
        21210,
        "invalid_from_number",
        "The 'From' number does not belong to this project.",
        "from",
    )
    FROM_INCAPABLE = Reason(
        21601, "missing_messaging_capability", "The 'From' number can't send this kind of message.", "from"
    )
    FROM_NOT_ENABLED = Reason(
        21606,
        "missing_messaging_capability",
        "The 'From' number is not enabled for messages to this recipient.",
        "from",
    )
    CONTENT_MISSING = Reason(21602, "body_or_media_required", "A message needs a body or media.", "body")
    BODY_TOO_LONG = Reason(21617, "character_limit_exceeded", "The body is longer than 1600 characters.", "body")
    MEDIA_TOO_MANY = Reason(21623, "media_limit_exceeded", "A message takes at most 8 media.", "media")
    MEDIA_URL_INVALID = Reason(21620, "invalid_media_url", "A media URL must be a valid http or https URL.", "media")
    MEDIA_URL_UNSAFE = Reason(21620, "url_is_unsafe", f"A media URL points to {NOT_CALLED}.", "media")
    CALLBACK_INVALID = Reason(
        21402, "invalid_parameter", "The status callback must be a valid http or https URL.", "status_callback"
    )
    CALLBACK_UNSAFE = Reason(
        21402,
        "url_is_unsafe",
        f"The status callback points to {NOT_CALLED}.",
        "status_callback",
    )
    APPLICATION_UNKNOWN = Reason(21218, "invalid_parameter", "No such application in this project.", "application_sid")
    GROUP_UNKNOWN = Reason(21701, "invalid_parameter", "No such number group in this project.", "messaging_service_sid")
    GROUP_UNFIT = Reason(
        21703, "invalid_parameter", "The number group has no number that can send this message.", "from"
    )
    VALIDITY_INVALID = Reason(
        21624, "invalid_parameter", "ValidityPeriod is a whole number of seconds from 1 to 172800.", "validity_period"
    )
    MAX_PRICE_INVALID = Reason(
        10000, "invalid_parameter", "MaxPrice is a decimal number with at most 4 decimals.", "max_price"
    )
    BACKLOG_FULL = Reason(
        21611,
        "message_backlog_limit_exceeded",
        "Too many messages are queued already. Try again when some have been sent.",
        "base",
        429,
    )
    RATE_EXCEEDED = Reason(20429, "rate_limit_exceeded", "Too many requests. Try again later.", "base", 429)
    REDACT_WITH_TEXT = Reason(
        50509, "body_must_be_empty", "The only change that a message takes is an empty body, which redacts it.", "body"
    )
    REDACT_IN_PROGRESS = Reason(10000, "cannot_redact_in_progress_message", "A message in progress can't be redacted.")
    DELETE_IN_PROGRESS = Reason(20009, "invalid_parameter", "A message in progress can't be deleted.")
    REDACT_WITHOUT_BODY = Reason(10000, "missing_required_parameter", "Body is required, and must be empty.", "body")
    IDEMPOTENCY_CLASH = Reason(
        20409, "idempotency_key_reused", "The Idempotency-Key was used for another request.", "base", 409
    )
    TOO_MANY_VARIABLES = Reason(
        10000, "too_many_custom_variables", "At most 20 custom variables are allowed.", "custom_variables"
    )
    VARIABLE_NAME = Reason(
        10000,
        "invalid_custom_variable_name",
        "A custom variable's name starts with a letter or _ and has only letters, digits and _.",
        "custom_variables",
    )
    VARIABLE_VALUE = Reason(
        10000,
        "invalid_custom_variable_value",
        "A custom variable's value is a text that is not empty.",
        "custom_variables",
    )
    VARIABLE_RESERVED = Reason(
        10000,
        "reserved_custom_variable_name",
        "A custom variable's name must not start with signalwire_, sw_, rtc_ or internal_.",
        "custom_variables",
    )
    VARIABLE_TOO_LONG = Reason(
        10000, "custom_variable_value_too_long", "A custom variable's value has at most 1024 bytes.", "custom_variables"
    )
    NUMBER_MISSING = Reason(21421, "missing_required_parameter", "A phone number is required.", "number")
    NUMBER_INVALID = Reason(
        21421, "invalid_phone_number", "The phone number is not valid: write + and 5 to 17 digits.", "number"
    )
    NUMBER_NOT_FREE = Reason(
        21422, "phone_number_not_available", "The phone number is not available: search for one that is.", "number"
    )
    AREA_CODE_INVALID = Reason(21451, "invalid_parameter", "An area code has 3 digits.", "areacode")
    AREA_CODE_EMPTY = Reason(
        21452, "phone_number_not_available", "No phone number of this area code is available.", "areacode"
    )
    IMPORT_DISABLED = Reason(
        20403, "forbidden", "This deployment does not take numbers from its projects: ask its operator.", "number", 403
    )
    PARAMETER_INVALID = Reason(10000, "invalid_parameter", "The value is not allowed.")
    PARAMETER_MISSING = Reason(10000, "missing_required_parameter", "The parameter is required.")
    METHOD_INVALID = Reason(21209, "invalid_parameter", "The method must be GET or POST.")
    URL_INVALID = Reason(21402, "invalid_parameter", "The URL must be a valid http or https URL.")
    URL_UNSAFE = Reason(21402, "url_is_unsafe", f"The URL points to {NOT_CALLED}.")
    NESTED_SUBPROJECT = Reason(
        10000,
        "nested_subprojects_not_allowed",
        "A subproject has no subprojects: make them with a token of its parent.",
        "",
    )
    NOT_A_SUBPROJECT = Reason(10000, "only_subprojects_can_be_deleted", "Only a subproject can be deleted.", "")
    NUMBERS_LEFT = Reason(
        10000,
        "phone_numbers_must_be_removed",
        "A project that has phone numbers can't be deleted: release or move them first.",
        "",
    )
    SCRIPT_INVALID = Reason(
        10000, "invalid_parameter", "A script is well-formed XML, with proper Mustache tags if any.", "contents"
    )
    PAGE_WITHOUT_TOKEN = Reason(
        54453, "page_token_required", "A page after the first needs its page token.", "page_token", 400
    )
    PAGE_TOKEN_INVALID = Reason(21481, "page_token_is_invalid", "The page token is not valid.", "page_token", 400)
    PAGE_SIZE_INVALID = Reason(54454, "invalid_parameter", "The page size is from 1 to 1000.", "page_size", 400)
    PAGE_NUMBER_INVALID = Reason(54453, "invalid_parameter", "The page number is 0 or more.", "page_number", 400)
    VOICE_MISSING = Reason(
        10000, "voice_not_supported", "This server makes no calls: ask for the code by SMS, at /api/relay/rest/mfa/sms."
    )
    DATETIME_REQUIRED = Reason(10000, "datetime_required", "This value must be a date or a date-time.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One fault of one request; `message` and `attribute` override the catalogue's where they say more."""

    fault: Fault
    message: str = ""
    attribute: str = ""

    @property
    def reason(self) -> Reason:
        return self.fault.value

    @property
    def text(self) -> str:
        return self.message or self.fault.value.message

    @property
    def where(self) -> str:
        return self.attribute or self.fault.value.attribute


class Refused(Exception):
    """A request that is not taken: all its faults, in the order in which they should be told."""

    def __init__(self, *refusals: Refusal, retry_after_seconds: int | None = None) -> None:
        super().__init__("; ".join(refusal.text for refusal in refusals))
        self.refusals = refusals
        self.retry_after_seconds = retry_after_seconds


def refuse(fault: Fault, message: str = "", attribute: str = "") -> Refused:
    return Refused(Refusal(fault, message, attribute))


class NotFound(Exception):
    """No such thing for this caller; a text says what was looked for, and never whether another's exists."""


class StoreUnavailable(Exception):
    """The store can't take or give anything now; nothing of the request was kept unless it is found later."""


class StoreUnusable(StoreUnavailable):
    """The store can't be used until a person changes something: the text says what was found and what to do."""


class SubmitFailed(Exception):
    """A carrier did not take a message, or not all of it. `accepted`: the parts (from 1) that it did take, with the
    carrier's id for each."""

    def __init__(self, message: str, *, accepted: Mapping[int, str] | None = None) -> None:
        super().__init__(message)
        self.accepted: Mapping[int, str] = accepted or {}


class Temporary(SubmitFailed):
    """The carrier can't take it now; trying again may help. `code`: from DELIVERY."""

    def __init__(self, code: int, message: str, *, accepted: Mapping[int, str] | None = None) -> None:
        super().__init__(message, accepted=accepted)
        self.code = code


class Permanent(SubmitFailed):
    """The carrier refuses it for good. `code`: from DELIVERY."""

    def __init__(self, code: int, message: str, *, accepted: Mapping[int, str] | None = None) -> None:
        super().__init__(message, accepted=accepted)
        self.code = code


class Uncertain(SubmitFailed):
    """The connection went before the answer came: the carrier may or may not have it."""


DELIVERY: dict[int, str] = {
    30001: "The message's validity ended while it was queued.",
    30002: "The account has no balance or is suspended.",
    30003: "The destination handset is switched off or out of reach.",
    30004: "The recipient or the carrier blocks messages from this sender.",
    30005: "The destination handset is unknown or no longer exists.",
    30006: "The destination is a landline or its carrier can't be reached.",
    30007: "The carrier filtered the message.",
    30008: "The carrier reported an error that it did not explain.",
    30009: "No answer came from the carrier before the message's validity ended.",
    30010: "The message would cost more than its MaxPrice.",
    30011: "The destination can't receive MMS.",
    30012: "The MMS could not be delivered.",
    30022: "The sender's 10DLC throughput is exceeded.",
    30027: "The sender's daily cap is reached.",
    63011: "The carrier can't be reached.",
    63019: "The media could not be downloaded.",
    12300: "The media's content type is not allowed.",
    11751: "The media are larger than a message may carry.",
}
"""What each error_code of a message means; told as error_message in every family."""

WEBHOOK: dict[int, str] = {
    11200: "The URL could not be fetched: no connection, no answer in time, or an address that is not called.",
    11210: "The URL's host name could not be resolved.",
    11215: "The URL redirected more than 3 times.",
    11217: "The URL answered with a status that is not a success.",
    11220: "The TLS handshake with the URL's host failed.",
    11251: "The URL's host did not answer in HTTP, or redirected to something that can't be followed.",
    11300: "The URL's host speaks a version of HTTP that is not supported.",
    11750: "The answer is larger than 64 KiB.",
    12100: "The document is not well-formed cXML with the root <Response>.",
    12200: "The document has an element or attribute that is not understood.",
    12300: "The answer's content type is not allowed.",
}
"""What went wrong with an inbound handler's URL or document; recorded on the message's timeline."""

SWML: dict[str, str] = {
    "http_retrieval_error": "The document could not be fetched; the line's code says why.",
    "json_or_yaml_required": "The answer is no JSON or YAML object, or more than a document may be.",
    "swml_invalid_document": "The document, or the parameters of a step, are not as SWML says.",
    "swml_missing_entry_point": "The document has none of `reply`, `receive` and `sections`.",
    "swml_invalid_section_format": "A section is no list, a step no object with one method, or there is no `main`.",
    "swml_unsupported_method": "The document names a method that SWML for messages doesn't have.",
    "swml_reply_failed": "The reply was refused for another reason, which the line gives.",
    "swml_reply_media_limit_exceeded": "The reply has more than 8 media.",
    "swml_reply_body_or_media_required": "The reply has neither a body nor media.",
    "swml_reply_invalid_from_number": "The reply's `from` is no number of this project.",
    "swml_reply_invalid_to_number": "The reply's `to` is no phone number.",
    "swml_reply_missing_messaging_capability": "The reply's `from` can't send this kind of message.",
    "swml_reply_character_limit_exceeded": "The reply's body is longer than 1600 characters.",
    "swml_switch_no_match": "No case of a `switch` fits, and it has no default. The run ended.",
    "swml_switch_invalid_transform": "A `switch` names a transform that there is not. The run ended.",
    "swml_section_not_found": "`execute.dest` names no section of the document. The run ended.",
    "swml_transfer_failed": "`transfer.dest` is missing. The run ended.",
    "swml_transfer_fetch_failed": "The document of a `transfer` could not be fetched; the line's code says why.",
    "swml_transfer_document_invalid": "What a `transfer` fetched is no SWML document for messages.",
    "swml_goto_label_not_found": "`goto.label` names no label of its section. The run ended.",
    "swml_request_url_required": "`request.url` is missing. The run ended.",
    "swml_too_many_steps": "The run took more than `swml_steps` steps and was ended.",
    "swml_too_many_replies": "The run sent more than `handler_replies_max` replies and was ended.",
    "swml_too_many_documents": "The run asked for more than 10 documents and was ended.",
    "swml_too_slow": "The run took longer than `swml_seconds` and was ended.",
    "swml_nested_too_deep": "More than 32 sections were executed inside each other. The run ended.",
    "swml_value_too_long": "Parameters grew beyond what a step or the run may fill. The run ended.",
}
"""What went wrong with a SWML handler: SignalWire's words, and from swml_too_many_steps on our own."""


def describe(code: int | None) -> str | None:
    """Return the sentence for a code that a message carries, None for no code."""
    if code is None:
        return None
    return DELIVERY.get(code) or WEBHOOK.get(code) or f"Error {code}."
