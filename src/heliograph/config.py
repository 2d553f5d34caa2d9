"""Every setting, in one table: the file's key, the environment's variable and the flag all come from it.

Order of precedence, strongest first: flag, environment (HELIOGRAPH_<NAME>), file (TOML, top-level keys with
the names below), default. Units are in the names. A wrong value is refused at start with its source named.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from heliograph.core import addresses, database_url, places, service_links
from heliograph.core.networks import Network, Networks, listed_networks, parse_networks

TABLES: Final = ("carriers", "routes", "rates", "inventory")
"""Keys of the file that hold tables instead of a setting; carrier_config.py reads them."""

MEANT: Final = 0.85
"""How alike two names of variables are where one was meant for the other (difflib's ratio)."""

Value = str | int | float | bool | None | tuple[Network, ...]


class ConfigError(Exception):
    """A setting that can't be used: says which, from where, and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table. `minimum` and `maximum` bound numbers; `choices` and `country` bound text. `country`: it is
    an ISO 3166 code. `networks`: it is a list of networks, in a text separated by commas. `called`: networks that this
    server calls, so that those it never calls are refused.
    `secret`: what was given is never repeated. `sha256`: it is 64 hex digits, and is not repeated either."""

    name: str
    type: type
    default: Value
    about: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    secret: bool = False
    country: bool = False
    networks: bool = False
    called: bool = False
    sha256: bool = False


def _text(name: str, default: str | None, about: str, *, choices: tuple[str, ...] = ()) -> Setting:
    return Setting(name=name, type=str, default=default, about=about, choices=choices, optional=default is None)


def _networks(name: str, about: str, *, called: bool = False) -> Setting:
    return Setting(name=name, type=str, default=(), about=about, networks=True, called=called)


def _flag(name: str, default: bool | None, about: str) -> Setting:
    return Setting(name=name, type=bool, default=default, about=about, optional=default is None)


def _whole(name: str, default: int, about: str, minimum: int = 0, maximum: int = 2**53) -> Setting:
    return Setting(name=name, type=int, default=default, about=about, minimum=minimum, maximum=maximum)


def _real(name: str, default: float, about: str, minimum: float = 0.0, maximum: float = 1e9) -> Setting:
    return Setting(name=name, type=float, default=default, about=about, minimum=minimum, maximum=maximum)


SETTINGS: tuple[Setting, ...] = (
    # where it runs
    _text("data", "data", "Folder for the embedded store, media, the simulated carrier's journal and local secrets."),
    Setting(
        name="database_url",
        type=str,
        default=None,
        about="PostgreSQL URL (postgresql://user:password@host:port/name, user and password percent-encoded); without "
        "it SQLite in `data`.",
        optional=True,
        secret=True,
    ),
    _text("database_url_file", None, "File that holds the `database_url`, so that its password is in no process list."),
    _text("host", "127.0.0.1", "Address to listen on."),
    _whole("port", 8080, "Port to listen on; 0 takes a free one.", 0, 65535),
    _text("public_url", None, "What clients and carriers see as this server's address, for absolute URLs."),
    _text("tls_cert", None, "Certificate file (PEM) to serve HTTPS with."),
    _text("tls_key", None, "Key file (PEM) of `tls_cert`."),
    _networks(
        "trusted_proxies",
        "Networks of the reverse proxies whose X-Forwarded-For, Forwarded and PROXY headers name the client.",
    ),
    _text("log_format", "console", "How log lines look.", choices=("console", "json")),
    _text("log_level", "info", "Least severe log lines shown.", choices=("debug", "info", "warning", "error")),
    _whole("log_repeats_max", 100, "Log lines of one event in 10 seconds; further ones are counted.", 1, 10**6),
    _flag(
        "hold",
        False,
        "Serve the store without acting on it, to rehearse a restore: no carrier is connected, and nothing is sent,"
        " called back, handled, expired or removed.",
    ),
    _real("health_seconds", 1.0, "How long an answer of `/health` is reused for later requests.", 0.05, 60),
    _real("shutdown_seconds", 10.0, "Deadline of a graceful stop.", 0.1, 600),
    _real("directory_poll_seconds", 0.5, "How often changes made by the command line are looked for.", 0.05, 60),
    # limits at the door
    _whole(
        "rate_limit_writes",
        13800,
        "Writes that a project with its subprojects may make in `rate_limit_seconds`; 0 is off.",
    ),
    _whole("rate_limit_seconds", 10, "Period of the rate limit, seconds.", 1, 86400),
    _whole(
        "backlog_limit",
        10000,
        "Messages that a project with its subprojects may have queued or refused for now; 0 is off.",
    ),
    _whole("max_body_bytes", 1048576, "Largest request body, bytes.", 1024, 2**31),
    _whole(
        "public_body_max_bytes",
        65536,
        "Largest request body on a public route, whose callers have no credentials, bytes.",
        1024,
        2**31,
    ),
    _whole("max_header_bytes", 65536, "Largest head of a request, its address and headers, bytes.", 1024, 2**31),
    _whole("max_header_fields", 200, "Most header lines of a request.", 10, 10**5),
    _real(
        "request_seconds",
        30.0,
        "Time limit for a TLS handshake, for receiving a request, for an idle connection, and for a client that stops "
        "reading a response.",
        0.1,
        86400,
    ),
    _whole("http_connections_max", 10000, "HTTP connections at once.", 10, 10**6),
    _whole(
        "http_address_connections_max",
        1000,
        "HTTP connections of one address at once, WebSockets until they have logged in included; an IPv6 /64 counts as "
        "one address; 0 is off.",
        0,
        10**6,
    ),
    _whole(
        "descriptors_kept",
        2000,
        "File descriptors kept back from clients for the store, webhooks, media and carriers; half of them at most.",
        10,
        10**6,
    ),
    _whole("keep_alive_seconds", 75, "How long a connection is kept open after an answer.", 1, 86400),
    _whole("max_form_fields", 1000, "Most fields in one form, and most values in one JSON body.", 10, 100000),
    _whole("tags_max", 50, "Most tags of a message.", 0, 1000),
    _whole("tag_max_chars", 256, "Longest tag, and longest region, of a message, characters.", 1, 10000),
    _whole("timeline_max", 1000, "Most lines of a message's timeline in one answer; the newest are shown.", 1, 10000),
    _whole("retention_days", 0, "Days that messages and logs are kept; 0 keeps them for good.", 0, 36500),
    _whole(
        "sticky_sender_days",
        365,
        "Days after its last use that a sticky group's sender for a recipient is remembered; 0 is for good.",
        0,
        36500,
    ),
    _whole("idempotency_hours", 24, "Hours that an Idempotency-Key is remembered.", 1, 8760),
    # store
    _whole("store_batch_max", 1000, "Most writes that share one commit.", 1, 100000),
    _whole("store_queue_max", 20000, "Most writes that wait for a commit before callers are told 503.", 100, 10**6),
    _real(
        "store_busy_seconds", 5.0, "How long a locked SQLite file is waited for before callers are told 503.", 0.0, 600
    ),
    _real(
        "store_timeout_seconds",
        10.0,
        "How long PostgreSQL may take over a query before callers are told 503.",
        0.1,
        600,
    ),
    _whole("store_readers", 2, "Connections for reading.", 1, 64),
    _real("list_seconds", 10.0, "Longest search of a list with several filters; then it is answered 503.", 0.1, 600),
    # engine
    _whole(
        "dispatch_queue_max", 20000, "Accepted messages kept in memory for sending; the rest waits on disk.", 1, 10**7
    ),
    _whole("dispatch_batch_max", 200, "Most messages marked initiated in one step.", 1, 10000),
    _real(
        "retry_temporary_seconds",
        1.0,
        "First pause after a carrier's temporary refusal; it grows to 30 times.",
        0.01,
        3600,
    ),
    _whole(
        "deferred_memory_max",
        1000,
        "Messages that one carrier refused for now and that are due again, kept in memory; the rest waits on disk.",
        1,
        10**6,
    ),
    _whole("deferred_project_max", 250, "The same of one project with its subprojects.", 1, 10**6),
    _whole("deferred_destination_max", 50, "The same of one project's messages to one destination.", 1, 10**6),
    _real(
        "retry_window_share",
        0.25,
        "Share of a carrier's window for retries while other messages wait; one destination gets half of it.",
        0.01,
        0.99,
    ),
    _whole(
        "silent_submits_max",
        10_000,
        "Unanswered submits of one carrier past `submit_answer_seconds` that are kept waiting; beyond that, the oldest "
        "become uncertain.",
        1,
        10**6,
    ),
    _whole("receipts_memory_max", 100000, "Sent messages kept in memory while their receipts are awaited.", 100, 10**7),
    _whole(
        "receipts_held_max",
        10_000,
        "Receipts held while their message is looked for; at the limit the oldest is let go as unmatched.",
        1,
        10**7,
    ),
    _whole(
        "uncertain_memory_max",
        100_000,
        "Uncertain messages kept in memory that receipts are compared with; further ones end with their validity.",
        1,
        10**7,
    ),
    _whole(
        "carrier_dropped_max",
        100,
        "How many unusable receipts and inbound messages to keep for each carrier, for `heliograph carriers "
        "--receipts`.",
        0,
        10_000,
    ),
    _real(
        "submit_answer_seconds",
        30.0,
        "How long an unanswered submit keeps its place in the carrier's window.",
        0.1,
        86400,
    ),
    _real("sweep_seconds", 1.0, "How often expired messages are looked for.", 0.05, 3600),
    _whole(
        "default_validity_seconds", 14400, "How long a message may stay unsent where its sender did not say.", 1, 172800
    ),
    _text(
        "group_choice",
        "least_loaded",
        "Who of a number group's members sends where none is remembered: one with the fewest unsent messages, or any.",
        choices=("least_loaded", "random"),
    ),
    _whole(
        "sticky_memory_max",
        50000,
        "Recipients whose sender in a sticky group is kept in memory; the rest is read from disk.",
        1,
        10**7,
    ),
    _text(
        "uncertain_policy",
        "hold",
        "A submit whose answer was lost and that the carrier can't tell of: "
        "hold it until its validity ends, or resend it marked uncertain.",
        choices=("hold", "resend"),
    ),
    _text(
        "mfa_from",
        None,
        "Number of this deployment that sends the codes of projects which have no number that can send SMS.",
    ),
    # callbacks
    _whole("callback_concurrency", 128, "Requests under way to one endpoint.", 1, 10000),
    _whole(
        "webhook_connections_max",
        1000,
        "Connections at once of webhooks, handlers and media, so that slow endpoints leave file descriptors.",
        1,
        10**6,
    ),
    _whole(
        "webhook_host_connections_max",
        100,
        "The same to one host and port; `callback_concurrency` where that is more.",
        1,
        10**6,
    ),
    _whole(
        "callback_lane_max",
        10000,
        "Messages with callbacks kept in memory for one endpoint; the rest waits on disk.",
        10,
        10**6,
    ),
    _real("callback_poll_seconds", 0.5, "How often callbacks that are due are looked for on disk.", 0.05, 60),
    _real(
        "callback_retry_seconds", 1.0, "First pause after a failed callback; the pauses grow to an hour.", 0.01, 3600
    ),
    _real(
        "callback_give_up_seconds", 86400.0, "Age at which a callback that still fails is dead-lettered.", 1, 31536000
    ),
    _flag(
        "allow_loopback_urls",
        None,
        "Whether webhooks and media may point to this machine; unset: yes when "
        "listening on loopback with the simulator, and `public_url` is not elsewhere.",
    ),
    _networks(
        "allow_networks",
        "Private networks that webhooks, handlers and media may point to, such as 10.0.0.0/8. Link-local and cloud "
        "metadata addresses are never called.",
        called=True,
    ),
    _text(
        "dns_servers",
        None,
        "Name servers to ask in place of the system's: addresses, each with or without a port, with commas between.",
    ),
    _real("dns_seconds", 2.0, "How long the look-up of a host name may take.", 0.1, 30),
    _whole(
        "dns_lookups_max",
        64,
        "Look-ups of webhooks' and media's host names under way at once; late ones may occupy as many again.",
        2,
        10000,
    ),
    _whole("dns_project_lookups_max", 8, "The same of one project with its subprojects.", 1, 10000),
    _whole(
        "dns_project_waiting_max",
        1000,
        "Look-ups of one project with its subprojects that wait for a place; more fail at once.",
        1,
        10**6,
    ),
    _whole("dns_names_max", 20000, "Host names whose addresses are kept in memory.", 10, 10**6),
    _real(
        "dns_stale_seconds",
        3600.0,
        "How long the last addresses of a name are used while its name servers do not answer.",
        0,
        604800,
    ),
    _real(
        "dns_negative_seconds",
        30.0,
        "Longest pause before a name that could not be resolved is looked up again; the first is 1 s.",
        0,
        3600,
    ),
    _whole(
        "project_objects_max",
        10_000,
        "Most subprojects, tokens, applications, scripts, number groups, memberships and imported numbers, of each "
        "kind, that a project with its subprojects makes over the APIs.",
        1,
        10**6,
    ),
    _whole(
        "project_numbers_max",
        100,
        "Most numbers that a project with its subprojects has bought, over the APIs.",
        0,
        10**6,
    ),
    _whole(
        "project_directory_bytes_max",
        16_777_216,
        "Largest sum of the names, URLs, settings and scripts of a project with its subprojects, bytes.",
        1024,
        2**40,
    ),
    # numbers
    _flag(
        "allow_number_import",
        None,
        "Whether projects may bring numbers along that are hosted elsewhere (ImportedPhoneNumbers); unset: yes when "
        "listening on loopback with the simulator, and `public_url` is not elsewhere.",
    ),
    _whole("number_search_max", 100, "Most free numbers in the answer to one search.", 1, 1000),
    Setting(
        name="short_code_country",
        type=str,
        default="US",
        about="Country (ISO 3166) of the deployment's short codes, which themselves don't tell.",
        country=True,
    ),
    # media
    _whole("media_max_bytes", 1_200_000, "Largest sum of one message's media, bytes.", 1000, 10**9),
    _whole("media_max_bytes_toll_free", 750_000, "The same from a toll-free number, bytes.", 1000, 10**9),
    _whole("media_concurrency", 32, "Messages whose media are fetched at once.", 1, 1000),
    _whole("media_attempts", 3, "Tries to fetch a message's media before it fails with 63019.", 1, 20),
    Setting(
        name="operator_token_sha256",
        type=str,
        default=None,
        about="SHA-256, in hex, of a token with which the operator may call `/api/heliograph` from other machines.",
        optional=True,
        sha256=True,
    ),
    _flag("protect_message_media", False, "Whether stored media ask for credentials."),
    # handlers of inbound messages
    _whole("handler_concurrency", 64, "Inbound messages whose handlers run at once.", 1, 10000),
    _whole(
        "handler_queue_max",
        5000,
        "Inbound messages kept in memory for their handlers; the rest waits on disk.",
        1,
        10**7,
    ),
    _whole(
        "handler_replies_max",
        10,
        "Most replies that the documents of one inbound message may send; the rest is left out.",
        1,
        1000,
    ),
    # their SWML documents
    _whole("swml_steps", 100, "Most steps that SWML documents may take for one inbound message.", 1, 100000),
    _whole("swml_requests", 10, "Most requests that SWML documents may make for one inbound message.", 0, 1000),
    _real("swml_request_seconds", 5.0, "Longest that such a request may take.", 0.1, 60),
    _real("swml_seconds", 60.0, "Longest that the SWML documents of one inbound message may run.", 1, 3600),
    _whole("script_max_bytes", 65536, "Largest cXML script that is kept, bytes.", 100, 10**6),
    # long messages on their way in
    _real(
        "reassembly_seconds",
        600.0,
        "How long the missing parts of a long inbound message are waited for; then it is received without them.",
        1,
        86400,
    ),
    _whole("reassembly_max", 10000, "Long inbound messages that wait for parts at once.", 1, 10**6),
    _whole("reassembly_project_max", 2500, "The same of one project with its subprojects.", 1, 10**6),
    _whole(
        "reassembly_bytes", 67_108_864, "Memory of the parts that wait, bytes: some 400,000 of phones.", 65536, 10**12
    ),
    _whole(
        "reassembly_project_bytes",
        16_777_216,
        "The same of one project with its subprojects, bytes.",
        65536,
        10**12,
    ),
    # the simulated carrier
    _flag("simulator", True, "Whether the simulated carrier runs and its special numbers hold."),
    _real("simulator_answer_ms", 50.0, "Pause before the simulated carrier accepts a message.", 0, 3_600_000),
    _real("simulator_receipt_ms", 200.0, "Pause between its acceptance and its receipt.", 0, 3_600_000),
    _real("simulator_jitter_ms", 0.0, "Largest random addition to both pauses.", 0, 3_600_000),
    _real("simulator_refusal_rate", 0.0, "Share of messages that it refuses, 0 to 1.", 0, 1),
    _real("simulator_loss_rate", 0.0, "Share of receipts that it never sends, 0 to 1.", 0, 1),
    _whole("simulator_seed", 0, "Seed of its random choices; the same seed gives the same run."),
    _real("simulator_rate", 0.0, "Messages that it accepts in a second; 0 is without limit.", 0, 10**6),
    _whole("simulator_window", 1000, "Messages that wait for its answer at once.", 1, 10**6),
    # SMPP customers
    _text("smpp_host", "127.0.0.1", "Address to listen on for SMPP customers."),
    _whole("smpp_port", 0, "Port to listen on for SMPP customers, 2775 by custom; 0 is off.", 0, 65535),
    _text("smpp_tls_cert", None, "Certificate file (PEM) to serve SMPP over TLS with."),
    _text("smpp_tls_key", None, "Key file (PEM) of `smpp_tls_cert`."),
    _whole("smpp_connections_max", 1000, "SMPP customers' connections at once.", 1, 100000),
    _real("smpp_bind_seconds", 10.0, "How long a connection may take to bind, its TLS handshake included.", 0.1, 600),
    _real("smpp_enquire_link_seconds", 30.0, "Silence after which a customer is asked for a sign of life.", 0.1, 86400),
    _real(
        "smpp_response_seconds",
        10.0,
        "How long a customer may take to answer a deliver_sm before that is tried again, or an enquire_link.",
        0.1,
        3600,
    ),
    _whole("smpp_pdu_max_bytes", 70000, "Largest PDU taken from a customer, bytes.", 1024, 10**7),
    _whole("smpp_unanswered_max", 100, "Requests of one bind in work; beyond them no more is read of it.", 1, 100000),
    _whole(
        "smpp_unbound_max",
        200,
        "SMPP customers' connections at once that are not bound; the oldest silent one is closed for a new one.",
        1,
        100000,
    ),
    _whole(
        "smpp_address_unbound_max",
        50,
        "SMPP connections of one address without a bind; an IPv6 /64 counts as one address.",
        1,
        100000,
    ),
    _whole("smpp_unbound_pdu_bytes", 1024, "Largest PDU taken from a connection before its bind, bytes.", 128, 10**7),
    _whole("smpp_unbound_pdus_max", 20, "PDUs without a bind that end a connection when there are more.", 1, 10**6),
    _whole(
        "smpp_incomplete_max",
        1000,
        "Long messages of one customer that wait for parts; more are answered ESME_RMSGQFUL.",
        1,
        10**6,
    ),
    _whole(
        "smpp_tlvs_bytes",
        1024,
        "Optional parameters of one message that are kept and passed on, tags and lengths included, bytes.",
        0,
        65536,
    ),
    _whole(
        "smpp_send_buffer_bytes",
        4_194_304,
        "What may wait to be written to one customer's connection before it is closed, bytes.",
        65536,
        10**9,
    ),
    _whole(
        "smpp_idle_pdus_max",
        500,
        "enquire_links, invalid PDUs and responses to nothing of one bind in a second; more end its connection.",
        10,
        10**6,
    ),
    _whole(
        "smpp_waiting_binds_max",
        20,
        "Binds of one credential from one address that wait for a check of their password; more are throttled.",
        1,
        100000,
    ),
    _whole(
        "smpp_failed_binds",
        10,
        "Failed binds of a credential from one address in a minute; further ones are checked after all others. "
        "0 is off.",
    ),
    # Relay clients
    _whole("relay_clients_max", 10000, "Relay connections at once.", 1, 10**6),
    _whole(
        "relay_project_clients_max", 5000, "Relay clients of a project and its subprojects at once; 0 is off.", 0, 10**6
    ),
    _real("relay_connect_seconds", 10.0, "How long a connection may take to say who it is.", 0.1, 600),
    _whole(
        "relay_failed_connects",
        10,
        "Failed logins of an address in a minute that are logged and answered as such; further ones are told to try "
        "later. 0 is off.",
    ),
    _whole("relay_frame_max_bytes", 131072, "Largest message taken from a Relay client, bytes.", 1024, 10**8),
    _whole(
        "relay_send_buffer_bytes",
        2_000_000,
        "What may wait to be written to one client before it is dropped, bytes.",
        65536,
        10**9,
    ),
    _whole(
        "relay_small_frames_max",
        200,
        "Control frames, and fragments below 512 bytes, that one client may send in a second; more end its connection.",
        10,
        10**6,
    ),
    _whole("relay_requests_max", 200, "Requests of one client in work; beyond them no more is read of it.", 1, 10**5),
    _whole(
        "relay_malformed_max", 20, "Frames of one client that are not JSON-RPC; the last ends its connection.", 1, 10**6
    ),
    _whole(
        "relay_stranger_requests_max",
        20,
        "Requests of a client that has not logged in; one more ends its connection.",
        1,
        10**6,
    ),
    _whole(
        "relay_attempts_max",
        1000,
        "Attempts at once to send one client the states of its messages, and its latest sends that are remembered.",
        1,
        10**6,
    ),
    _whole("relay_events_max", 100, "Events to one client that wait for its acknowledgement.", 1, 10**5),
    _whole("relay_contexts_max", 64, "Contexts that one client may listen to.", 1, 10**5),
    _whole("relay_context_max_chars", 128, "Longest name of a context, characters.", 1, 10**5),
    _whole(
        "relay_project_contexts_bytes",
        32_000_000,
        "Memory of the contexts that the clients of a project and its subprojects listen to, bytes.",
        10_000,
        10**12,
    ),
    _whole("relay_remembered_max", 20_000, "Ended sessions that can be resumed.", 1, 10**7),
    _whole("relay_remembered_bytes", 64_000_000, "Memory for sessions that can be resumed, bytes.", 10_000, 10**12),
    _whole(
        "relay_project_remembered_max",
        2_000,
        "Ended sessions of a project and its subprojects that can be resumed.",
        1,
        10**7,
    ),
    _whole(
        "relay_project_remembered_bytes",
        8_000_000,
        "Memory for the resumable sessions of a project and its subprojects, bytes.",
        10_000,
        10**12,
    ),
    _real(
        "relay_answer_seconds",
        8.0,
        "How long a send may wait for the store before it is answered 503; SignalWire's SDKs wait 10 s.",
        0.1,
        600,
    ),
    _real(
        "relay_ack_seconds",
        5.0,
        "How long a client may take to acknowledge an event before another one is told.",
        0.05,
        3600,
    ),
    _real(
        "relay_wait_seconds",
        86400.0,
        "How long an event waits for a client; then it is dead-lettered.",
        1,
        31536000,
    ),
    _real(
        "relay_return_seconds",
        5.0,
        "How long states wait for the client that sent the message to come back; then others of the context are told.",
        0,
        3600,
    ),
    _real(
        "relay_resume_seconds", 900.0, "How long a client that lost its connection can resume its session.", 0, 86400
    ),
    _real(
        "relay_ping_seconds",
        10.0,
        "How often a client is pinged; SignalWire's Node SDK wants it within 15 s.",
        0.1,
        3600,
    ),
    _real("relay_silence_seconds", 30.0, "Silence after which a client is dropped.", 0.2, 86400),
    # prices
    _text("rate_outbound_sms", "0.0083", "Price of an outbound SMS segment, US dollars."),
    _text("rate_inbound_sms", "0.00415", "Price of an inbound SMS segment, US dollars."),
    _text("rate_outbound_mms", "0.02", "Price of an outbound MMS, US dollars."),
    _text("rate_inbound_mms", "0.02", "Price of an inbound MMS, US dollars."),
)

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
ENV_PREFIX = "HELIOGRAPH_"

if TYPE_CHECKING:
    # The table makes the class, so that no setting is written down twice; a checker sees it as open.
    class Config:
        def __getattr__(self, name: str) -> Any: ...
else:
    Config = make_dataclass(
        "Config", [(s.name, s.type, s.default) for s in SETTINGS], frozen=True, slots=True, kw_only=True
    )


def load(flags: Mapping[str, object], environ: Mapping[str, str] | None = None, file: Path | None = None) -> "Config":
    """Read all sources, strongest first, and return frozen values; raises ConfigError."""
    return combine(flags, os.environ if environ is None else environ, file, read(file))


def combine(
    flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None, document: Mapping[str, object]
) -> "Config":
    """The same of a file that was read already; `file` is its name, for faults."""
    values: dict[str, Value] = {setting.name: setting.default for setting in SETTINGS}
    values.update(_from_document(file, document))
    for setting in SETTINGS:
        variable = ENV_PREFIX + setting.name.upper()
        if variable in environ and not service_links.is_link(setting, environ[variable]):
            values[setting.name] = parse(setting, environ[variable], f"environment variable {variable}")
    for name, given in flags.items():
        if given is not None:
            values[name] = parse(BY_NAME[name], given, f"--{name.replace('_', '-')}")
    values["database_url"] = _database_url(values)
    return Config(**values)


def _database_url(values: Mapping[str, Value]) -> str | None:
    """The URL, from its file where that is set. No fault repeats any part of it."""
    given, file = values["database_url"], values["database_url_file"]
    if given and file:
        raise ConfigError("database_url and database_url_file are both set: give one of them")
    source = "database_url"
    if file:
        source = f"database_url_file {file}"
        try:
            given = Path(str(file)).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{source}: can't be read: {getattr(error, 'strerror', None) or 'not text'}") from None
    fault = database_url.fault(str(given)) if given or file else None
    if fault:
        raise ConfigError(f"{source}: {fault}")
    return str(given) if given else None


def unknown_variables(environ: Mapping[str, str], known: Collection[str] = ()) -> dict[str, str]:
    """Variables with our prefix that set nothing, each with the likeliest one that was meant, or "". `known`: variables
    that the file's tables name. Those that Kubernetes makes for a Service are left out."""
    ours = {ENV_PREFIX + name.upper() for name in BY_NAME} | {f"{ENV_PREFIX}CONFIG", *known}
    found = sorted(name for name in environ if name.startswith(ENV_PREFIX) and name not in ours)
    return {
        name: (difflib.get_close_matches(name, ours, 1, MEANT) or [""])[0]
        for name in found
        if not service_links.is_link_name(name)
    }


def read(file: Path | None) -> Mapping[str, object]:
    """The file's keys, not judged yet; none without a file. Raises ConfigError."""
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        if isinstance(error, tomllib.TOMLDecodeError | UnicodeDecodeError):
            raise ConfigError(f"{file}: not valid TOML: {error}") from error
        raise ConfigError(f"{file}: can't be read: {getattr(error, 'strerror', None) or error}") from error


def _from_document(file: Path | None, document: Mapping[str, object]) -> dict[str, Value]:
    unknown = sorted(set(document).difference(BY_NAME, TABLES))
    if unknown:
        raise ConfigError(f"{file}: no setting is called {', '.join(unknown)}; see `heliograph settings`")
    given = {name: value for name, value in document.items() if name not in TABLES}
    return {name: parse(BY_NAME[name], value, f"{file}: {name}") for name, value in given.items()}


_TRUTH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def parse(setting: Setting, given: object, source: str) -> Value:
    """Turn a text or a TOML value into the setting's type, within its bounds; raises ConfigError."""
    if setting.optional and given == "":
        return None
    shown = "what is given" if setting.secret else repr(given)
    if setting.networks:
        return _network_list(setting, given, source)
    try:
        value = _convert(setting.type, given)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise ConfigError(f"{source}: {shown} is not {_NEEDED[setting.type]}") from None
    if setting.choices and value not in setting.choices:
        raise ConfigError(f"{source}: {shown} is none of {', '.join(setting.choices)}")
    if setting.country and not places.is_country(str(value)):
        raise ConfigError(f"{source}: {shown} is no ISO 3166 country such as GB")
    if setting.sha256 and not _SHA256.fullmatch(str(value)):
        raise ConfigError(f"{source}: what is given is no SHA-256: write 64 hex digits")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if setting.minimum is not None and value < setting.minimum:
            raise ConfigError(f"{source}: {shown} is less than {setting.minimum:g}")
        if setting.maximum is not None and value > setting.maximum:
            raise ConfigError(f"{source}: {shown} is more than {setting.maximum:g}")
    return value


def _network_list(setting: Setting, given: object, source: str) -> tuple[Network, ...]:
    if not isinstance(given, str | list | tuple):
        raise ConfigError(f"{source}: {given!r} is not a list of networks such as 10.0.0.0/8")
    try:
        networks: Networks = listed_networks(given) if isinstance(given, str) else parse_networks(map(str, given))
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from None
    for network in networks:
        if setting.called and addresses.is_never_called(network):
            raise ConfigError(
                f"{source}: '{network}' is never called: loopback has a setting of its own, allow_loopback_urls, and "
                "link-local, multicast and cloud metadata addresses stay refused"
            )
    return tuple(networks)


_SHA256 = re.compile("[0-9a-fA-F]{64}")

_NEEDED = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _convert(wanted: type, given: object) -> Value:
    if wanted is bool:
        return given if isinstance(given, bool) else _TRUTH[str(given).lower()]
    if isinstance(given, bool):
        raise TypeError
    if wanted is int:
        if isinstance(given, float):
            raise TypeError
        return int(given)  # type: ignore[call-overload, no-any-return]  # str or int; anything else raises
    if wanted is float:
        value = float(given)  # type: ignore[arg-type]  # str, int or float; anything else raises
        if value != value:
            raise ValueError
        return value
    if not isinstance(given, str):
        raise TypeError
    return given
