"""Making projects, tokens and numbers: what a deployment needs before anything can be sent.

A secret exists in clear only in the answer to the call that made it; of a token the store keeps the SHA-256
alone. Tokens and keys are drawn at random, long enough that a slow hash would add nothing but load. Ids are
UUIDs of version 7, so that "newest first" is their order backwards.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from heliograph.core import inventory, numbers
from heliograph.core.directory import CAPABILITIES, SCOPES, SHORT_CODE_CAPABILITIES, Number, Project, Token
from heliograph.core.errors import NotFound
from heliograph.core.ids import Uuid7Generator
from heliograph.core.inventory import FreeNumber
from heliograph.core.texts import is_name, quoted
from heliograph.ports import Clock, NumberTaken, Store

FIRST_PROJECT: Final = "default"
FIRST_NUMBERS: Final = ("+12025550101", "+12025550102")
"""Numbers from the range kept for fiction, so that nobody's phone rings by mistake."""

EXAMPLE_PLACES: Final = (
    ("206", "WA", "Seattle"),
    ("212", "NY", "New York"),
    ("312", "IL", "Chicago"),
    ("415", "CA", "San Francisco"),
    ("512", "TX", "Austin"),
)
EXAMPLE_SUBSCRIBERS: Final = range(140, 146)
"""Of each place; 555-0100 to 555-0199 are kept for fiction in every area."""

_TOKEN_BYTES: Final = 24
_SIGNING_KEY_BYTES: Final = 24
_NAME_MAX: Final = 255


class Refused(Exception):
    """The wish can't be met as it stands; the text says what was wrong and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """A new project with its first token. `api_token` is the secret, which can't be had again."""

    project: Project
    token: Token
    api_token: str
    numbers: tuple[Number, ...] = ()


class Mint:
    """Makes rows that are not stored yet. `random_bytes(n)` must be fit for secrets."""

    __slots__ = ("_clock", "_ids", "_random_bytes")

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._ids = Uuid7Generator(lambda: int.from_bytes(random_bytes(8)))

    def project(self, name: str, parent_id: str | None = None) -> Project:
        """A project with a signing key of its own; raises Refused for an unfit name."""
        return self.judged_project(_fit_name(name), parent_id)

    def judged_project(self, name: str, parent_id: str | None) -> Project:
        """The same for who has rules of its own for names."""
        now = self._clock.now()
        return Project(
            id=self._ids.next(now),
            parent_id=parent_id,
            name=name,
            signing_key=self.signing_key(),
            created_at=now,
            updated_at=now,
        )

    def token(self, project_id: str, name: str, scopes: Sequence[str]) -> tuple[Token, str]:
        """A token and its secret; raises Refused for an unfit name, for no scope and for unknown ones."""
        return self.judged_token(project_id, _fit_name(name), _chosen("scope", scopes, SCOPES))

    def judged_token(self, project_id: str, name: str, scopes: tuple[str, ...]) -> tuple[Token, str]:
        """The same for who has rules of its own for names and scopes. The secret is `PT` and 48 hexadecimal digits
        (contract, section 1)."""
        now = self._clock.now()
        secret = "PT" + self._random_bytes(_TOKEN_BYTES).hex()
        token = Token(
            project_id=project_id,
            id=self._ids.next(now),
            name=name,
            scopes=scopes,
            sha256=hashlib.sha256(secret.encode()).hexdigest(),
            created_at=now,
            updated_at=now,
        )
        return token, secret

    def number(self, project_id: str, number: str, name: str, capabilities: Sequence[str]) -> Number:
        """A number of a project; raises Refused for what is neither E.164 nor a short code."""
        sender = numbers.normalize_from(number)
        if sender is None:
            raise Refused(
                f"{quoted(number)} is no phone number: {numbers.advice(number)}, or a short code of 3 to 8 digits"
            )
        now = self._clock.now()
        return Number(
            project_id=project_id,
            id=self._ids.next(now),
            number=sender,
            name=_fit_name(name or sender),
            capabilities=_capabilities(sender, capabilities),
            created_at=now,
            updated_at=now,
        )

    def signing_key(self) -> str:
        """A key for signing a project's webhooks: `PSK` and 48 hex digits."""
        return "PSK" + self._random_bytes(_SIGNING_KEY_BYTES).hex()


async def initialise(
    store: Store, mint: Mint, *, examples: bool = True, keep: Callable[[Provisioned], None] = lambda made: None
) -> Provisioned | None:
    """Give an empty store its first project and token; None, and nothing is written, if it has any project. `examples`:
    also numbers for the simulated carrier, two of the project's and free ones. `keep` gets the secrets first, so that
    no project is made whose token nobody has.

    One write makes the project, all or nothing. Of two processes that find the store empty at the same moment one wins
    where there are examples: their numbers are the same for both, and a number can be taken only once.
    """
    if (await store.directory()).projects:
        return None
    project = mint.project(FIRST_PROJECT)
    token, secret = mint.token(project.id, FIRST_PROJECT, SCOPES)
    first = FIRST_NUMBERS if examples else ()
    owned = tuple(mint.number(project.id, number, "", CAPABILITIES) for number in first)
    made = Provisioned(project=project, token=token, api_token=secret, numbers=owned)
    keep(made)
    try:
        await store.add_project(project, token, owned)
    except NumberTaken:
        return None
    if examples:
        await store.stock(example_inventory(), project.created_at)
    return made


def example_inventory() -> list[FreeNumber]:
    """Free numbers for a new deployment with the simulated carrier, so that a search finds something to take. What they
    are is written here, not asked of the numbering plan, which takes a twentieth of a second to load."""
    made = [
        FreeNumber(
            number=f"+1{area}5550{subscriber}",
            country="US",
            kind=inventory.LOCAL,
            national=f"{area}5550{subscriber}",
            region=region,
            city=city,
            rate_center=city.upper(),
        )
        for area, region, city in EXAMPLE_PLACES
        for subscriber in EXAMPLE_SUBSCRIBERS
    ]
    toll_free = [
        FreeNumber(number=f"+18005550{each}", country="US", kind=inventory.TOLL_FREE, national=f"8005550{each}")
        for each in EXAMPLE_SUBSCRIBERS
    ]
    return made + toll_free


async def create_project(store: Store, mint: Mint, name: str, parent_id: str | None = None) -> Provisioned:
    """Add a project, or a subproject of `parent_id`, with a token that has all scopes.

    Raises Refused for an unfit name, and for a parent that doesn't exist or is a subproject itself.
    """
    if parent_id is not None:
        parent = _project(await _projects(store), parent_id)
        if parent.parent_id is not None:
            raise Refused(
                f"project {parent_id} is a subproject, and those have no subprojects: name its parent instead"
            )
    project = mint.project(name, parent_id)
    token, secret = mint.token(project.id, FIRST_PROJECT, SCOPES)
    await store.add_project(project, token, ())
    return Provisioned(project=project, token=token, api_token=secret)


async def create_token(
    store: Store, mint: Mint, project_id: str, name: str, scopes: Sequence[str]
) -> tuple[Token, str]:
    """Add a token to a project and return it with its secret; raises Refused."""
    token, secret = mint.token(project_id, name, scopes)
    try:
        await store.put_token(token)
    except NotFound:
        raise no_project(project_id) from None
    return token, secret


async def add_number(store: Store, number: Number) -> None:
    """Add a number that `Mint.number` made; raises Refused for an unknown project and a number in use."""
    try:
        await store.put_number(number)
    except NotFound:
        raise no_project(number.project_id) from None
    except NumberTaken:
        raise Refused(f"{number.number} belongs to this deployment already; see `heliograph number list`") from None


async def _projects(store: Store) -> tuple[Project, ...]:
    return (await store.directory()).projects


def _project(projects: Sequence[Project], project_id: str) -> Project:
    for project in projects:
        if project.id == project_id:
            return project
    raise no_project(project_id)


def no_project(project_id: str) -> Refused:
    return Refused(f"there is no project {project_id}; see `heliograph project list`")


def _fit_name(name: str) -> str:
    trimmed = name.strip()
    if not is_name(trimmed, _NAME_MAX) or not trimmed.isprintable():
        raise Refused(f"{name!r} is no name: write 1 to {_NAME_MAX} printable characters")
    return trimmed


def _capabilities(number: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """Those wanted that such a number can have; raises Refused for unknown ones and where none is left."""
    chosen = _chosen("capability", wanted, CAPABILITIES)
    if not numbers.is_short_code(number):
        return chosen
    fitting = tuple(each for each in chosen if each in SHORT_CODE_CAPABILITIES)
    if not fitting:
        raise Refused(f"a short code can do {' and '.join(SHORT_CODE_CAPABILITIES)} only")
    return fitting


def _chosen(what: str, wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The wanted ones in the order of the known ones, each once."""
    unknown = sorted(set(wanted) - set(known))
    if unknown or not wanted:
        found = f"no {what} is called {', '.join(unknown)}" if unknown else f"no {what} was given"
        raise Refused(f"{found}; there are {', '.join(known)}")
    return tuple(item for item in known if item in wanted)
