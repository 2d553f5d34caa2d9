"""Who may send and receive: projects, tokens, numbers and applications, as values."""

from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    id: str
    parent_id: str | None
    name: str
    signing_key: str
    created_at: int
    updated_at: int


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
class Snapshot:
    """The whole directory at one version, small enough to keep in memory."""

    version: int
    projects: tuple[Project, ...]
    tokens: tuple[Token, ...]
    numbers: tuple[Number, ...]
    applications: tuple[Application, ...]
