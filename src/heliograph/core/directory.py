"""Who may send and receive: projects, tokens, SMPP credentials, numbers, their groups and applications, as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, assert_never

SCOPES = (
    "calling",
    "chat",
    "datasphere",
    "fax",
    "management",
    "messaging",
    "numbers",
    "pubsub",
    "storage",
    "tasking",
    "video",
)
CAPABILITIES = ("voice", "sms", "mms", "fax")
SHORT_CODE_CAPABILITIES = ("sms", "mms")
FORCE_HTTPS = "force_https_requests"
PROTECT_MEDIA = "protect_message_media"
SWITCHES = ("protect_recordings", PROTECT_MEDIA, "protect_fax_media", FORCE_HTTPS)
"""What can be switched on for a project. Recordings and faxes are not made here: theirs are kept and returned."""
SMPP_ALPHABETS = ("gsm", "gsm-packed", "latin1", "ascii", "ucs2")
"""What data_coding 0, "the SMSC's default alphabet" (SMPP 3.4, 5.2.19), means on a credential's binds."""
SMPP_LONG_MODES = ("udh8", "udh16", "sar", "payload")
"""How an inbound message of several parts is handed to a customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`switches`: those of SWITCHES that are on."""

    id: str
    parent_id: str | None
    name: str
    signing_key: str
    created_at: int
    updated_at: int
    switches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token; only its SHA-256 (hex) is kept."""

    project_id: str
    id: str
    name: str
    scopes: tuple[str, ...]
    sha256: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SmppCredential:
    """With what a project's SMPP clients bind to us. `system_id` is unique in the deployment; of the password only a
    salted slow hash is kept. `rate`: segments a second, 0 without limit. `allowed`: networks (CIDR) that may bind,
    none: any. `window`: deliver_sm that may wait for their answer on one bind."""

    project_id: str
    system_id: str
    name: str
    password_hash: str = field(repr=False)
    max_binds: int
    rate: int
    window: int
    allowed: tuple[str, ...]
    alphabet: str
    long_mode: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A phone number of a project. `settings` holds what the APIs let a client set, in our own names
    (sms_url, sms_method, voice_url, message_handler ...); absent means not set."""

    project_id: str
    id: str
    number: str
    name: str
    capabilities: tuple[str, ...]
    created_at: int
    updated_at: int
    settings: dict[str, str | None] = field(default_factory=dict)

    def can(self, capability: str) -> bool:
        return capability in self.capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    project_id: str
    id: str
    name: str
    created_at: int
    updated_at: int
    settings: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberGroup:
    """Numbers of a project that send as one. `sticky_sender`: whoever got a message from one of them gets the next from
    the same."""

    project_id: str
    id: str
    name: str
    sticky_sender: bool
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A number's place in a group; a number is in a group once."""

    project_id: str
    id: str
    group_id: str
    number_id: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole directory at one version, small enough to keep in memory; or a part of it."""

    version: int
    projects: tuple[Project, ...] = ()
    tokens: tuple[Token, ...] = ()
    numbers: tuple[Number, ...] = ()
    applications: tuple[Application, ...] = ()
    smpp_credentials: tuple[SmppCredential, ...] = ()
    groups: tuple[NumberGroup, ...] = ()
    memberships: tuple[Membership, ...] = ()


OBJECT_OCTETS = 200
"""What an object takes besides its texts, about."""

WIDEST = 4
"""Octets of each character of a text in memory that has one beyond ASCII."""


def octets_of(each: "Project | Token | SmppCredential | Number | Application | NumberGroup | Membership") -> int:
    """About what an object takes of memory."""
    match each:
        case Number() | Application():  # the names of settings are shared by all
            texts = [each.name, *each.settings.values()]
        case SmppCredential():
            texts = [each.name, *each.allowed]
        case Project() | Token() | NumberGroup():
            texts = [each.name]
        case Membership():
            texts = []
        case _:
            assert_never(each)
    return OBJECT_OCTETS + sum(len(text) if text.isascii() else WIDEST * len(text) for text in texts if text)


ObjectKind = Literal["projects", "tokens", "numbers", "applications", "smpp_credentials", "groups", "memberships"]
"""Named as the Snapshot's fields are."""


class Key(NamedTuple):
    """An object of the directory. `id`: a credential's is its system_id."""

    kind: ObjectKind
    project_id: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What was touched since an earlier version, and what of it `now` is there. With a project all that is its own
    went, which is not listed."""

    touched: Sequence[Key]
    now: Snapshot
