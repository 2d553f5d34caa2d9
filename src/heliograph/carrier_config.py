"""The deployment's carriers, and which message goes to which: `[[carriers]]`, `[[routes]]` and `[[rates]]` of the file.

A `Topology` is whole and consistent, or it is not made: ConfigError names the file, the table and the key. `difference`
says what a running server has to do to get from one to another.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_args

from heliograph import config, config_tables
from heliograph.config import Config, ConfigError
from heliograph.config_tables import Secret, flag, real, text, texts, texts_by_name, whole
from heliograph.core import errors, inventory, numbers, pricing, routing
from heliograph.core.directory import CAPABILITIES
from heliograph.core.inventory import FreeNumber, Place
from heliograph.core.languages import LANGUAGES
from heliograph.core.message import Kind, PartReceipts

LOOPBACK: Final = "loopback"
"""What the simulated carrier is called in routes; no other carrier may have its name."""

BindMode = Literal["transceiver", "transmitter_receiver", "transmitter", "receiver"]
WindowMode = Literal["fixed", "adaptive"]
LongMessages = Literal["udh8", "udh16", "sar", "payload"]
Gsm = Literal["unpacked", "packed"]
DefaultAlphabet = Literal["gsm", "latin1", "ascii"]
Validity = Literal["relative", "absolute", "none"]
IdMatch = Literal["auto", "exact", "hex_to_decimal", "decimal_to_hex", "ignore_case", "ignore_zeros"]
Query = Literal["none", "message_id", "reference"]
StatusClass = Literal["temporary", "throttled", "permanent"]
StatClass = Literal["delivered", "undelivered", "intermediate"]
UnknownStat = Literal["undelivered", "delivered", "ignore"]

T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_PREFIX = re.compile(r"\+?([0-9]{1,17})")
_STAT_MAX: Final = 20
_TLV_TAG_MAX: Final = 0xFFFF
_TLV_VALUE_MAX: Final = 0xFFFF
_SECRET_FILE_MAX_BYTES: Final = 4096

AGREED_MAX: Final = 64
"""Characters of a text that a carrier hands out. Some hand out longer ones than SMPP has room for."""
STANDARD_LENGTHS: Final[Mapping[str, int]] = {"system_id": 15, "password": 8, "system_type": 12, "service_type": 5}
"""Characters of those texts in SMPP 3.4 (5.2.1 to 5.2.3, 5.2.11). Longer ones are sent as they are, with a warning."""


class Host(NamedTuple):
    """Where a carrier listens."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


class StatusRule(NamedTuple):
    """What a command_status means at a carrier. `code`: the delivery code that a permanent one fails with, None for
    the usual."""

    kind: StatusClass
    code: int | None = None


class StatRule(NamedTuple):
    """What a receipt's state word means at a carrier. `code`: the delivery code that an undelivered message ends
    with, None for the usual."""

    kind: StatClass
    code: int | None = None


# -- what a text of the file becomes; a ValueError says what is wrong with it


def _name(given: str) -> str:
    if not _NAME.fullmatch(given):
        raise ValueError("is no name: small letters, digits, _ and -, up to 64")
    return given


def _host(given: str) -> Host:
    found = _HOST.fullmatch(given)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise ValueError("is no address such as smpp.carrier.example:2775 or [2001:db8::1]:2775")
    return Host(found["name"].strip("[]"), int(found["port"]))


def _ascii(given: str) -> str:
    if not given.isascii() or not all(character.isprintable() for character in given):
        raise ValueError("has characters that SMPP's texts don't have")
    return given


def _secret(given: str) -> Secret:
    return Secret(_ascii(given))


def _number(given: str, maximum: int) -> int:
    try:
        number = int(given, 16 if given[:2].lower() == "0x" else 10)
    except ValueError:
        raise ValueError("is no number such as 0x1401") from None
    if not 0 <= number <= maximum:
        raise ValueError(f"is not between 0 and 0x{maximum:X}")
    return number


def _tag(given: str) -> int:
    return _number(given, _TLV_TAG_MAX)


def _octets(given: str) -> bytes:
    if given.startswith("hex:"):
        try:
            octets = bytes.fromhex(given.removeprefix("hex:"))
        except ValueError:
            raise ValueError("is no hexadecimal text") from None
    else:
        octets = given.encode()
    if len(octets) > _TLV_VALUE_MAX:
        raise ValueError(f"is more than {_TLV_VALUE_MAX} octets")
    return octets


def _status(given: str) -> int:
    return _number(given, 0xFFFFFFFF)


def _status_rule(given: str) -> StatusRule:
    kind, colon, code = given.partition(":")
    if not colon and kind in get_args(StatusClass):
        return StatusRule(kind)  # type: ignore[arg-type]  # one of them, as just seen
    if kind == "permanent" and code.isdecimal() and int(code) in errors.DELIVERY:
        return StatusRule("permanent", int(code))
    raise ValueError("is none of temporary, throttled, permanent and permanent:<a delivery code, such as 30007>")


def _stat(given: str) -> str:
    word = re.sub(r"[^A-Z0-9]", "", given.upper())
    if not word or len(word) > _STAT_MAX:
        raise ValueError(f"is not a state word: up to {_STAT_MAX} letters and digits")
    return word


def _stat_rule(given: str) -> StatRule:
    kind, colon, code = given.partition(":")
    if not colon and kind in get_args(StatClass):
        return StatRule(kind)  # type: ignore[arg-type]  # one of them, as just seen
    if kind == "undelivered" and code.isdecimal() and int(code) in errors.DELIVERY:
        return StatRule("undelivered", int(code))
    raise ValueError("is none of delivered, undelivered, intermediate and undelivered:<a delivery code, such as 30007>")


def _prefix(given: str) -> str:
    found = _PREFIX.fullmatch(given)
    if found is None:
        raise ValueError("is no prefix of a number, such as +44")
    return found[1]


def _e164(text: str) -> str:
    number = numbers.typed(text)
    if not numbers.is_e164(number):
        raise ValueError("is no E.164 number: write + and 5 to 17 digits")
    return number


def _capability(text: str) -> str:
    if text not in CAPABILITIES:
        raise ValueError(f"is no capability; there are {', '.join(CAPABILITIES)}")
    return text


def _country(given: str) -> str:
    if not numbers.is_country(given):
        raise ValueError("is no ISO 3166 country such as GB")
    return given


def _language(given: str) -> str:
    if given not in LANGUAGES:
        raise ValueError(f"has no table; there are {', '.join(LANGUAGES)}")
    return given


def _price(given: str) -> int:
    try:
        return pricing.parse_usd(given)
    except ValueError as error:
        raise ValueError(f"is no price: {error}") from None


# -- the tables


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierConfig:
    """One carrier, spoken to over SMPP 3.4. Lengths of texts are without their closing NUL."""

    name: str = text("", "What it is called in routes, logs and metrics.", required=True, read=_name)

    # where it is
    hosts: tuple[Host, ...] = texts(
        "Where it listens; the first that answers is used, in this order. All addresses of a name are tried, "
        "250 ms apart.",
        required=True,
        read=_host,
        allowed="`host:port`, or a list of them",
        reconnects=True,
    )
    tls: bool = flag(False, "Whether to speak TLS.", reconnects=True)
    tls_ca: str | None = text(
        None, "File (PEM) of the authorities to trust; unset: the system's.", allowed="file", reconnects=True
    )
    tls_cert: str | None = text(None, "Our certificate (PEM), where it asks for one.", allowed="file", reconnects=True)
    tls_key: str | None = text(None, "Key file (PEM) of `tls_cert`.", allowed="file", reconnects=True)
    tls_verify: bool = flag(True, "Whether its certificate is checked; without it anybody may listen.", reconnects=True)
    tls_server_name: str | None = text(
        None, "The name its certificate must have; unset: the host's.", reconnects=True, read=_ascii
    )

    # who we are
    system_id: str = text("", "Our name there.", required=True, longest=AGREED_MAX, read=_ascii, reconnects=True)
    password: Secret = text(
        Secret(""),
        "Our password there.",
        longest=AGREED_MAX,
        read=_secret,
        secret=True,
        allowed="text; SMPP has room for 8 characters",
        reconnects=True,
    )
    password_env: str | None = text(
        None, "The environment variable that holds the password, in place of `password`.", allowed="name of a variable"
    )
    password_file: str | None = text(
        None, "The file whose first line is the password, in place of `password`.", allowed="file"
    )
    system_type: str = text("", "system_type of the bind.", longest=AGREED_MAX, read=_ascii, reconnects=True)
    interface_version: int = whole(0x34, "interface_version of the bind; 52 is SMPP 3.4.", 0, 255, reconnects=True)
    bind: BindMode = text(
        "transceiver",
        "How to bind: one connection both ways, a pair of them, or one way only.",
        choices=get_args(BindMode),
        reconnects=True,
    )
    binds: int = whole(1, "Connections; pairs of them with `transmitter_receiver`.", 1, 64, reconnects=True)
    address_ton: int = whole(0, "addr_ton of the bind.", 0, 255, reconnects=True)
    address_npi: int = whole(0, "addr_npi of the bind.", 0, 255, reconnects=True)
    address_range: str = text("", "address_range of the bind.", longest=40, read=_ascii, reconnects=True)

    # how numbers are written
    country: str | None = text(
        None,
        "The country whose national numbers it brings (TON 2, or 0): they become E.164. Unset: they stay as they came.",
        read=_country,
        allowed="ISO 3166 code",
    )
    international_ton: int = whole(1, "Type of number of E.164 numbers.", 0, 255)
    international_npi: int = whole(1, "Numbering plan of E.164 numbers.", 0, 255)
    national_ton: int = whole(2, "Type of number of numbers without a country, longer than a short code.", 0, 255)
    national_npi: int = whole(1, "Numbering plan of those.", 0, 255)
    short_code_ton: int = whole(3, "Type of number of short codes.", 0, 255)
    short_code_npi: int = whole(0, "Numbering plan of short codes.", 0, 255)
    alphanumeric_ton: int = whole(5, "Type of number of senders that are names, which no project can have yet.", 0, 255)
    alphanumeric_npi: int = whole(0, "Numbering plan of those.", 0, 255)
    strip_plus: bool = flag(True, "Whether E.164 numbers travel without their +.")

    # timers
    enquire_link_seconds: float = real(30.0, "Silence after which the connection is tried; 0 is never.", 0, 3600)
    bind_seconds: float = real(10.0, "How long connecting, and binding, may take.", 0.1, 600)
    response_seconds: float = real(30.0, "How long the answer to a PDU is waited for.", 0.1, 3600)
    reconnect_seconds: float = real(1.0, "First pause before a lost connection is made again; it doubles.", 0.01, 3600)
    reconnect_max_seconds: float = real(60.0, "Longest such pause.", 0.01, 86400)
    idle_pdus_max: int = whole(
        1000,
        "enquire_links, invalid PDUs and responses to nothing of a connection in a second; more end it.",
        10,
        1_000_000,
    )
    unanswered_max: int = whole(
        100,
        "Receipts and inbound messages of a connection that wait for our answer; beyond them no more is read of it.",
        1,
        100_000,
    )
    send_buffer_bytes: int = whole(
        4_194_304,
        "What may wait to be written to one connection before it is closed, bytes.",
        65536,
        1_000_000_000,
    )

    # how fast
    window: int = whole(10, "Submits of a connection that wait for their answer at once.", 1, 10_000)
    window_mode: WindowMode = text(
        "fixed", "Whether the window stays, or follows round trips and throttling.", choices=get_args(WindowMode)
    )
    window_max: int = whole(200, "Largest window that `adaptive` comes to.", 1, 10_000)
    rate: float = real(0.0, "Segments a second to the carrier; 0 is without limit.", 0, 10**6)
    bind_rate: float = real(0.0, "Segments a second on each connection; 0 is without limit.", 0, 10**6)
    sender_rate: float = real(0.0, "Segments a second from each sender; 0 is without limit.", 0, 10**6)

    # how messages are written
    long_messages: LongMessages = text(
        "udh8",
        "How parts are told to belong together: a header with a reference of 8 or 16 bits, SAR TLVs, or not in parts "
        "but whole, in message_payload.",
        choices=get_args(LongMessages),
    )
    gsm: Gsm = text("unpacked", "Whether a septet travels in an octet, or 8 in 7.", choices=get_args(Gsm))
    default_alphabet: DefaultAlphabet = text(
        "gsm", "What data_coding 0 means there.", choices=get_args(DefaultAlphabet)
    )
    national_languages: tuple[str, ...] = texts(
        "Languages whose GSM tables it takes (3GPP TS 23.038, annex A). A text that GSM lacks goes in one of them "
        "where it needs no more parts than as UCS-2. Parts are counted, and charged for, as UCS-2.",
        read=_language,
        allowed="a language, or a list: " + ", ".join(f"`{name}`" for name in LANGUAGES),
    )
    prefer_latin1: bool = flag(False, "Whether text that fits Latin-1 and not GSM goes as Latin-1, not as UCS-2.")
    data_coding_gsm: int = whole(0, "data_coding of GSM 03.38 text.", 0, 255)
    data_coding_ucs2: int = whole(8, "data_coding of UCS-2 text.", 0, 255)
    data_coding_latin1: int = whole(3, "data_coding of Latin-1 text.", 0, 255)
    validity: Validity = text(
        "relative", "How a message's validity is told; `none` leaves it to the carrier.", choices=get_args(Validity)
    )
    registered_delivery: int = whole(1, "registered_delivery of submits; 1 asks for receipts.", 0, 255)
    service_type: str = text("", "service_type of submits.", longest=AGREED_MAX, read=_ascii)
    priority: int = whole(0, "priority_flag of submits.", 0, 3)
    protocol_id: int = whole(0, "protocol_id of submits.", 0, 255)
    tlvs: Mapping[int, bytes] = texts_by_name(
        "TLVs of every submit.", read=_octets, read_name=_tag, allowed='`"0x1401" = "text"` or `"hex:0A0B"`'
    )

    # answers and receipts
    id_match: IdMatch = text(
        "auto",
        "How the id in a receipt is written, compared to that in the answer; `auto` learns it.",
        choices=get_args(IdMatch),
    )
    part_receipts: PartReceipts = text(
        "each",
        "Which parts of a long message get a receipt: each of them, or one for all, under the id of the first part, of "
        "the last or of any.",
        choices=get_args(PartReceipts),
    )
    stats: Mapping[str, StatRule] = texts_by_name(
        "What a receipt's state word means here, in place of the usual.",
        read=_stat_rule,
        read_name=_stat,
        allowed='`"NOCRED" = "undelivered"`, `"undelivered:30007"`, `"delivered"` or `"intermediate"`',
    )
    unknown_stat: UnknownStat = text(
        "undelivered",
        "What a state word that neither the standard nor `stats` has makes of a message, in a receipt that is final by "
        "its esm_class; `ignore` only notes it.",
        choices=get_args(UnknownStat),
    )
    receipt_offset_minutes: int = whole(
        0, "Offset from UTC, in minutes, of the done date in its receipts; 120 is +02:00.", -840, 840
    )
    query: Query = text(
        "none",
        "What query_sm tells. `reference`: what became of a submit whose answer was lost; an extension, see below. "
        "`message_id`: what became of a message whose receipt is overdue.",
        choices=get_args(Query),
    )
    query_after_seconds: float = real(
        5.0, "Pause before that question, from the loss, or from the answer to the submit.", 0, 86400
    )
    retry_temporary: int = whole(5, "Tries at this carrier before the next route is taken.", 1, 1000)
    statuses: Mapping[int, StatusRule] = texts_by_name(
        "What a command_status means here, in place of the usual.",
        read=_status_rule,
        read_name=_status,
        allowed='`"0x0058" = "temporary"`, `"throttled"`, `"permanent"` or `"permanent:30007"`',
    )

    @property
    def submits(self) -> bool:
        """Whether messages can be sent through it."""
        return self.bind != "receiver"

    @property
    def beyond_standard(self) -> tuple[str, ...]:
        """The keys whose texts are longer than SMPP has room for."""
        lengths = {
            "system_id": len(self.system_id),
            "password": len(self.password.reveal()),
            "system_type": len(self.system_type),
            "service_type": len(self.service_type),
        }
        return tuple(key for key, length in lengths.items() if length > STANDARD_LENGTHS[key])


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteConfig:
    """One rule: the messages that fit all that it names go to its carriers."""

    carriers: tuple[str, ...] = texts(
        "Where they go: a carrier, or several of which the next takes over.",
        name="carrier",
        required=True,
        read=_name,
        allowed="name, or a list of names",
    )
    prefixes: tuple[str, ...] = texts(
        "What the recipient's number starts with.", name="prefix", read=_prefix, allowed="`+44`, or a list"
    )
    countries: tuple[str, ...] = texts(
        "The recipient's country.", name="country", read=_country, allowed="ISO 3166 code, or a list"
    )
    sender_prefixes: tuple[str, ...] = texts(
        "What the sender starts with, as it is written: `+1555`, or a short code.",
        name="sender_prefix",
        read=_ascii,
        allowed="text, or a list",
    )
    project: str | None = text(
        None,
        "The project that sends, not its subprojects. A name is resolved to its project when the file is first read "
        "with it, and means that project from then on.",
        allowed="id, or name that one project has",
    )
    kind: Literal["sms", "mms"] | None = text(None, "What is sent.", choices=("sms", "mms"))
    priority: int = whole(10, "Lower ones are tried first.", 0, 10**6)
    weight: int | None = whole(
        None,
        "Share of the messages among rules that are alike in priority and prefix; unset: least cost decides.",
        0,
        10**6,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateConfig:
    """What carriers ask for a segment. `price_micros`: millionths of a US dollar."""

    carriers: tuple[str, ...] = texts(
        "Whose price it is.", name="carrier", required=True, read=_name, allowed="name, or a list of names"
    )
    prefixes: tuple[str, ...] = texts(
        "What the recipient's number starts with; unset: every number.",
        name="prefix",
        read=_prefix,
        allowed="`+44`, or a list",
    )
    price_micros: int = text(
        "",
        "Price of a segment, US dollars.",
        name="price",
        required=True,
        read=_price,
        allowed='text such as `"0.0040"`',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryConfig:
    """Numbers that projects may take, all of one place."""

    numbers: tuple[str, ...] = texts(
        "The numbers, E.164.", name="number", required=True, read=_e164, allowed="`+12065550142`, or a list"
    )
    region: str | None = text(None, "State or province, by its letters (`WA`).", longest=inventory.PLACE_MAX)
    city: str | None = text(None, "City.", longest=inventory.PLACE_MAX)
    rate_center: str | None = text(None, "Rate center.", longest=inventory.PLACE_MAX)
    lata: str | None = text(None, "LATA.", longest=inventory.PLACE_MAX)
    capabilities: tuple[str, ...] = texts(
        "What they can do; unset: everything.", read=_capability, allowed="name, or a list of names"
    )

    def free(self) -> list[FreeNumber]:
        place = Place(
            region=self.region,
            city=self.city,
            rate_center=self.rate_center,
            lata=self.lata,
            capabilities=inventory.chosen_capabilities(self.capabilities),
        )
        return [inventory.free_number(each, place) for each in self.numbers]


TABLES: Final[Mapping[str, type[Any]]] = {
    "carriers": CarrierConfig,
    "routes": RouteConfig,
    "rates": RateConfig,
    "inventory": InventoryConfig,
}
"""The tables by their name in the file."""


# -- all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Carriers in the file's order. `simulator`: whether the simulated carrier runs."""

    carriers: tuple[CarrierConfig, ...] = ()
    routes: tuple[RouteConfig, ...] = ()
    rates: tuple[RateConfig, ...] = ()
    inventory: tuple[InventoryConfig, ...] = ()
    simulator: bool = False

    def projects(self) -> tuple[str, ...]:
        """What the routes name projects by, each once."""
        return tuple(dict.fromkeys(route.project for route in self.routes if route.project is not None))

    def router(self, projects: Mapping[str, str]) -> routing.Router:
        """The rules, compiled; without any, every carrier serves everything, and the simulated one where there is no
        other. `projects`: the id of each of `projects()`."""
        sms = frozenset({Kind.SMS})
        every = {carrier.name: sms for carrier in self.carriers if carrier.submits}
        if self.simulator:
            named = any(LOOPBACK in route.carriers for route in self.routes)
            every |= {LOOPBACK: frozenset(Kind)} if named or not self.carriers else {}
        return routing.Router(
            rules=[_rule(route, projects) for route in self.routes],
            rates=[
                routing.Rate(carrier=carrier, prefix=prefix, price_micros=rate.price_micros)
                for rate in self.rates
                for carrier in rate.carriers
                for prefix in rate.prefixes or ("",)
            ],
            carriers=every,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """All that is configured, from all sources."""

    config: Config
    topology: Topology


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
    *,
    simulator: bool | None = None,
) -> Deployment:
    """Read all sources, settings and tables, the file once; raises ConfigError. `simulator`: whether the simulated
    carrier runs, where a server is at work already and no setting can change that."""
    environ = os.environ if environ is None else environ
    document = config.read(file)
    settings = config.combine(flags, environ, file, document)
    runs = settings.simulator if simulator is None else simulator
    return Deployment(config=settings, topology=topology(document, str(file), environ, simulator=runs))


def topology(document: Mapping[str, object], file: str, environ: Mapping[str, str], *, simulator: bool) -> Topology:
    """The tables of a file that was read (config.read), judged together; raises ConfigError."""
    carriers = tuple(_carrier(given, where, environ) for given, where in _tables(document, "carriers", file))
    _refuse_twins([carrier.name for carrier in carriers], f"{file}: [[carriers]]: name")
    routes = _tables(document, "routes", file)
    rates = _tables(document, "rates", file)
    known = {carrier.name: carrier for carrier in carriers}
    return Topology(
        carriers=carriers,
        routes=tuple(_route(given, where, known, simulator) for given, where in routes),
        rates=_rates(rates, known, simulator),
        inventory=tuple(_inventory(given, where) for given, where in _tables(document, "inventory", file)),
        simulator=simulator,
    )


def _rule(route: RouteConfig, projects: Mapping[str, str]) -> routing.Rule:
    return routing.Rule(
        carriers=route.carriers,
        prefixes=route.prefixes,
        countries=route.countries,
        sender_prefixes=route.sender_prefixes,
        project=None if route.project is None else projects[route.project],
        project_shown=route.project,
        kind=Kind(route.kind) if route.kind else None,
        priority=route.priority,
        weight=route.weight,
    )


def _tables(document: Mapping[str, object], name: str, file: str) -> list[tuple[object, str]]:
    """The tables of one name, each with what to call it in a fault."""
    given = document.get(name, [])
    if not isinstance(given, list):
        raise ConfigError(f"{file}: {name} is no list of tables; write [[{name}]] above each")
    return [(table, f"{file}: [[{name}]] {_called(table, place)}") for place, table in enumerate(given, 1)]


def _called(table: object, place: int) -> str:
    name = table.get("name") if isinstance(table, Mapping) else None
    return f"{place} ({name})" if isinstance(name, str) and _NAME.fullmatch(name) else str(place)


def _refuse_twins(names: Sequence[str], where: str) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise ConfigError(f"{where}: {name!r} is there twice")


# -- carriers


def _carrier(given: object, where: str, environ: Mapping[str, str]) -> CarrierConfig:
    values = config_tables.read(CarrierConfig, given, where)
    values["password"] = _password(values, where, environ)
    carrier = CarrierConfig(**values)
    if carrier.name == LOOPBACK:
        raise ConfigError(f"{where}: name: {LOOPBACK!r} is what the simulated carrier is called")
    _check_tls(carrier, where)
    if carrier.reconnect_max_seconds < carrier.reconnect_seconds:
        raise ConfigError(f"{where}: reconnect_max_seconds: is less than reconnect_seconds")
    if carrier.window_mode == "adaptive" and carrier.window_max < carrier.window:
        raise ConfigError(f"{where}: window_max: is less than window, from which it starts")
    return carrier


def _check_tls(carrier: CarrierConfig, where: str) -> None:
    if not carrier.tls:
        for name in ("tls_ca", "tls_cert", "tls_key", "tls_server_name"):
            if getattr(carrier, name) is not None:
                raise ConfigError(f"{where}: {name}: is given, and tls is off")
    if (carrier.tls_cert is None) != (carrier.tls_key is None):
        raise ConfigError(f"{where}: tls_cert: goes with tls_key, and only one of them is given")


def _password(values: Mapping[str, Any], where: str, environ: Mapping[str, str]) -> Secret:
    given = [name for name in ("password", "password_env", "password_file") if values.get(name) is not None]
    if len(given) > 1:
        raise ConfigError(f"{where}: {given[1]}: stands beside {given[0]}; give one of them")
    match given:
        case ["password_env"]:
            name = values["password_env"]
            if name not in environ:
                raise ConfigError(f"{where}: password_env: there is no environment variable {name}")
            return _found_password(environ[name], f"{where}: password_env: variable {name}")
        case ["password_file"]:
            path = values["password_file"]
            return _found_password(_first_line(path, f"{where}: password_file"), f"{where}: password_file: {path}")
        case _:
            return values.get("password") or Secret("")


def _found_password(found: str, source: str) -> Secret:
    """A password from elsewhere, held to the bounds of one in the file."""
    values = config_tables.read_one(CarrierConfig, "password", found, source)
    return values if isinstance(values, Secret) else Secret("")


def _first_line(path: str, source: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(_SECRET_FILE_MAX_BYTES).partition(b"\n")[0].strip(b"\r").decode()
    except OSError as error:
        raise ConfigError(f"{source}: {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{source}: {path} holds no text") from None


# -- routes and rates


def _route(given: object, where: str, known: Mapping[str, CarrierConfig], simulator: bool) -> RouteConfig:
    route = RouteConfig(**config_tables.read(RouteConfig, given, where))
    _check_carriers(route.carriers, where, known, simulator)
    for name in route.carriers:
        if name != LOOPBACK and not known[name].submits:
            raise ConfigError(f"{where}: carrier: {name!r} binds as a receiver, so nothing can be sent through it")
        if name != LOOPBACK and route.kind == "mms":
            raise ConfigError(f"{where}: carrier: {name!r} speaks SMPP, which carries no MMS")
    return route


def _rates(
    tables: Iterable[tuple[object, str]], known: Mapping[str, CarrierConfig], simulator: bool
) -> tuple[RateConfig, ...]:
    rates: list[RateConfig] = []
    priced: set[tuple[str, str]] = set()
    for given, where in tables:
        rate = RateConfig(**config_tables.read(RateConfig, given, where))
        _check_carriers(rate.carriers, where, known, simulator)
        for pair in [(carrier, prefix) for carrier in rate.carriers for prefix in rate.prefixes or ("",)]:
            if pair in priced:
                numbers = f"numbers that begin with +{pair[1]}" if pair[1] else "every number"
                raise ConfigError(f"{where}: prefix: {pair[0]} has a price for {numbers} already")
            priced.add(pair)
        rates.append(rate)
    return tuple(rates)


def _inventory(given: object, where: str) -> InventoryConfig:
    row = InventoryConfig(**config_tables.read(InventoryConfig, given, where))
    try:
        row.free()
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    return row


def _check_carriers(names: Sequence[str], where: str, known: Mapping[str, CarrierConfig], simulator: bool) -> None:
    _refuse_twins(names, f"{where}: carrier")
    for name in names:
        if name not in known and name != LOOPBACK:
            raise ConfigError(f"{where}: carrier: no [[carriers]] has the name {name!r}")
        if name == LOOPBACK and not simulator:
            raise ConfigError(
                f"{where}: carrier: {LOOPBACK!r} is the simulated carrier, and the setting simulator is off"
            )


def variables(document: Mapping[str, object]) -> frozenset[str]:
    """The environment variables that a file names."""
    tables = document.get("carriers")
    rows = tables if isinstance(tables, list) else []
    return frozenset(str(row["password_env"]) for row in rows if isinstance(row, Mapping) and "password_env" in row)


# -- from one to another


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierChange:
    """A carrier of the same name with other values. `reconnect`: its connections must be made anew; else the new values
    hold from the next message on."""

    before: CarrierConfig
    after: CarrierConfig
    keys: tuple[str, ...]
    reconnect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What to do to get from one topology to another. Routes and rates are replaced whole, carriers one by one."""

    added: tuple[CarrierConfig, ...] = field(default=())
    removed: tuple[CarrierConfig, ...] = field(default=())
    changed: tuple[CarrierChange, ...] = field(default=())
    routes: bool = False
    rates: bool = False
    inventory: bool = False

    @property
    def nothing(self) -> bool:
        return not (self.added or self.removed or self.changed or self.routes or self.rates or self.inventory)


def difference(old: Topology, new: Topology) -> Difference:
    """What differs. Carriers are the same when they have the same name, wherever they stand in the file."""
    before = {carrier.name: carrier for carrier in old.carriers}
    after = {carrier.name: carrier for carrier in new.carriers}
    kept = [(before[name], carrier) for name, carrier in after.items() if name in before]
    return Difference(
        added=tuple(carrier for name, carrier in after.items() if name not in before),
        removed=tuple(carrier for name, carrier in before.items() if name not in after),
        changed=tuple(_change(one, other) for one, other in kept if one != other),
        # without rules, the order of the carriers is one
        routes=old.routes != new.routes or list(before) != list(after),
        rates=old.rates != new.rates,
        inventory=old.inventory != new.inventory,
    )


def _change(before: CarrierConfig, after: CarrierConfig) -> CarrierChange:
    rows = config_tables.keys(CarrierConfig)
    names = [each.name for each in fields(CarrierConfig) if getattr(before, each.name) != getattr(after, each.name)]
    return CarrierChange(
        before=before,
        after=after,
        keys=tuple(rows[name].name for name in names),
        reconnect=any(rows[name].reconnects for name in names),
    )
