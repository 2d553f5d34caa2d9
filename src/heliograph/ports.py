"""The seams: what the machines (engine, storage, carriers, net) ask of each other, and nothing more.

A contract says who normalises, what may fail and what a retry does. Times are microseconds since 1970 UTC
unless a name says otherwise; ids are lower-case UUID text. Every method that touches the store may raise
errors.StoreUnavailable, and then nothing was written, or it was and will be found: a caller may ask again.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Final, Protocol

from aiohappyeyeballs import AddrInfoType
from msgspec import Struct, field

from heliograph.core.carrier_refs import Spelling
from heliograph.core.directory import (
    Application,
    Changes,
    Membership,
    Number,
    NumberGroup,
    Project,
    SmppCredential,
    Snapshot,
    Token,
)
from heliograph.core.inventory import FreeNumber, Search
from heliograph.core.lifecycle import State
from heliograph.core.message import Change, Event, Media, Message, Part, Piece, SmppOptions, TimelineEntry
from heliograph.core.retry import RetryPolicy
from heliograph.core.script import Script, ScriptUse
from heliograph.wire.urls import with_query


class Clock(Protocol):
    def now(self) -> int:
        """Microseconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


# -- carriers ---------------------------------------------------------------------------------------


class Submission(Struct, frozen=True, kw_only=True):
    """A message as a carrier takes it. `message_id` is ours and lets the carrier recognise a repetition.

    expires_at: the end of its validity. parts_done: the parts (from 1) that this carrier accepted at an earlier try; it
    is to send the others only. options: what an SMPP customer wants passed on.
    """

    message_id: str
    project_id: str = ""
    from_number: str
    to_number: str
    body: str
    segments: int
    mms: bool
    media: tuple[Media, ...] = ()
    expires_at: int = 0
    parts_done: Mapping[int, str] = field(default_factory=dict)
    options: SmppOptions | None = None


class Submitted(Struct, frozen=True, kw_only=True):
    """A carrier accepted all of a message. refs: its id for each part, in their order, those of `parts_done` too.

    note: for the timeline, in words ("bind smsc1.example.net:2775, 12 ms")."""

    refs: tuple[str, ...]
    note: str | None = None


class Receipt(Struct, frozen=True, kw_only=True):
    """What a carrier says, later, of a message, or a part of one, that it accepted.

    carrier_ref: the carrier's id for it, as the carrier wrote it here; "" where it named none. keys: under which its
    message may be kept (core.carrier_refs.fold), likeliest first; none: under that of carrier_ref. refs: all ids that
    it names, where they are several. spelling: how alike one of them must be to the answer's. state: DELIVERED,
    UNDELIVERED, or SENT for "still on its way". from_number, to_number: those of the message, where the carrier tells
    them. done_at: when the message came into that state, by the carrier. detail: what it said, for people. fault: why
    it says nothing of the state; it is noted then. stat, data_coding: as they came, for the log.
    """

    carrier_ref: str
    state: State
    error_code: int | None = None
    keys: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    spelling: Spelling = Spelling.ANY
    from_number: str | None = None
    to_number: str | None = None
    done_at: int | None = None
    detail: str | None = None
    fault: str | None = None
    stat: str | None = None
    data_coding: int | None = None


class InboundPart(Struct, frozen=True, kw_only=True):
    """A short message from a handset, or one part of a long one, as a carrier brings it.

    data, alphabet: the text as it travelled (wire.smpp.text.Incoming.spelling); parts are joined before they are
    decoded. reference, total, part: of a long message (part from 1, total at least 2), else None, 1, 1.
    to_readings: what else the recipient may be meant to be, the likeliest first: the first that is a number of ours
    counts.
    """

    carrier: str
    from_number: str
    to_number: str
    to_readings: tuple[str, ...] = ()
    data: bytes
    alphabet: str
    reference: int | None = None
    total: int = 1
    part: int = 1


class Answer(Struct, frozen=True, kw_only=True):
    """What a carrier knows of a message that was submitted: its references, or None if it did not take all of it;
    accepted: then the parts (from 1) that it did take, with its id for each."""

    refs: tuple[str, ...] | None
    accepted: Mapping[int, str] = field(default_factory=dict)


class Unroutable(Exception):
    """An inbound message that is for no number of this deployment: it will not be taken later either."""


class CarrierEvents(Protocol):
    """What a carrier tells the engine. A call counts as taken when it returns: then its effect is on disk and the
    carrier may be told. One that raises, or was under way when the process died, is to be brought again."""

    async def receipt(self, carrier: str, receipt: Receipt) -> str | None:
        """The reference, as the submit's answer spelled it, of the message that it was for; None if not (yet) known."""
        ...

    async def inbound(self, part: InboundPart) -> None:
        """Raises Unroutable, StoreUnavailable."""

    def changed(self, carrier: str) -> None:
        """The carrier's window or availability has changed: there may be room."""


class BindStatus(Struct, frozen=True, kw_only=True):
    """One connection of a carrier, as it is now. mode: transceiver, transmitter or receiver. state: in words."""

    address: str
    mode: str
    state: str
    since: int
    window: int
    in_flight: int
    round_trip_ms: float | None
    submitted: int
    throttled: int
    error: str | None


class CarrierStatus(Struct, frozen=True, kw_only=True):
    """A carrier, as it is now, with counts since its start. kind: smpp, loopback or none."""

    name: str
    kind: str
    available: bool
    window: int
    in_flight: int
    binds: tuple[BindStatus, ...] = ()
    submitted: int = 0
    throttled: int = 0
    receipts: int = 0
    unmatched: int = 0
    inbound: int = 0
    unroutable: int = 0
    damaged: int = 0


class Carrier(Protocol):
    """A way to the outside. One carrier is driven by one node at a time."""

    name: str

    @property
    def window(self) -> int:
        """How many messages may wait for their answer at once, now; 0 while nothing can be sent."""
        ...

    @property
    def available(self) -> bool:
        """Whether it takes messages now: connected, and not told to slow down."""
        ...

    @property
    def attempts(self) -> int:
        """Temporary refusals of one message by this carrier after which another one is tried."""
        ...

    @property
    def answer_seconds(self) -> float:
        """How long the answer to a submit may take. A message whose validity ends while a submit is unanswered stays
        open for so long after that end."""
        ...

    def status(self) -> CarrierStatus: ...

    async def start(self, events: CarrierEvents) -> None:
        """Connect, or begin to, and bring what comes to `events`."""

    def submit(self, submission: Submission) -> asyncio.Future[Submitted]:
        """Hand a message over. The future ends in Submitted, or raises Temporary, Permanent or Uncertain with the
        parts that were accepted all the same; it may stay open as long as the carrier stays silent. Cancelling it
        only means that nobody waits any more. What has not left by the submission's `expires_at` is not sent: the
        future ends in Temporary."""
        ...

    async def query(self, message: Message) -> Answer | None:
        """What became of a submit whose answer was lost? None: this carrier can't say."""

    async def stop(self) -> None:
        """Let go. Open submits end in Uncertain."""


# -- the way out: HTTP ------------------------------------------------------------------------------


MAX_REDIRECTS = 3
"""SignalWire follows three; the fourth is its error 11215."""

MAX_RESPONSE_BYTES = 64 * 1024
"""SignalWire's limit for a document (11750); callers that fetch media ask for more."""


class FaultKind(Enum):
    """Why nothing usable came back; the value is SignalWire's code for it."""

    TIMEOUT = ("timeout", 11200)
    CONNECTION = ("connection", 11200)
    FORBIDDEN = ("forbidden", 11200)
    DNS = ("dns", 11210)
    REDIRECTS = ("redirects", 11215)
    STATUS = ("status", 11217)
    TLS = ("tls", 11220)
    PROTOCOL = ("protocol", 11251)
    VERSION = ("version", 11300)
    SIZE = ("size", 11750)

    @property
    def code(self) -> int:
        """SignalWire's error code (its list: signalwire.com/docs/compatibility-api/rest/error-codes)."""
        return self.value[1]


class FetchFault(Exception):
    """The request failed. `message` names no address and no content: it is fit for a project's record. `url`: the one
    that failed, where redirects led to it."""

    def __init__(self, kind: FaultKind, message: str, url: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.code: Final = kind.code
        self.message = message
        self.url = url


Sign = Callable[[str], Mapping[str, str]]
"""(URL that is requested) → the headers of its signature."""


class HttpRequest(Struct, frozen=True, kw_only=True):
    """url: as configured, with its fragment. query: fields of a GET, put behind the URL's own query and behind that of
    each URL it is redirected to. headers: without Host and lengths, which follow from the rest.
    sign: makes the signature's headers for the URL that is requested, anew for each redirect. A signed request keeps
    its method, fields and body when it is redirected.
    owner: the project, with its subprojects, on whose account it is made: it gets a fair share of look-ups.
    truncate: cut an answer at `max_response_bytes` and close the connection, instead of the fault SIZE.
    repeatable: may reach the receiver twice (see the module's rules). https_only: FORBIDDEN is the fault of any other
    URL, redirects' included.
    """

    method: str
    url: str
    owner: str = ""
    query: str = ""
    sign: Sign | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    max_response_bytes: int = MAX_RESPONSE_BYTES
    max_redirects: int = MAX_REDIRECTS
    truncate: bool = False
    repeatable: bool = False
    https_only: bool = False

    @property
    def whole_url(self) -> str:
        """With the fields of a GET."""
        return with_query(self.url, self.query)


_CHARSET = re.compile(r""";\s*charset=(?:"([^"]+)"|([^\s;"]+))""", re.IGNORECASE)


class HttpResponse(Struct, frozen=True, kw_only=True):
    """The last hop's answer. url: that hop's, against which relative URLs in the body are resolved. redirects: the
    statuses that led to it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    redirects: tuple[int, ...] = ()

    @property
    def charset(self) -> str | None:
        """What Content-Type says of the body's encoding; None where it says nothing."""
        found = _CHARSET.search(self.headers.get("Content-Type", ""))
        return (found[1] or found[2]) if found else None

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters; "" when the answer has none."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class HostNames(Protocol):
    async def resolve(self, host: str, port: int, owner: str) -> list[AddrInfoType]:
        """The addresses of a host, IPv6 first. owner: whose share of the look-ups it takes. Raises socket.gaierror."""
        ...


class Webhooks(Protocol):
    async def request(self, request: HttpRequest) -> HttpResponse:
        """Ask, within the URL's time limits and redirects, of no forbidden address. An answer of any status is an
        answer; raises FetchFault where there is none, and wire.urls.UrlError for a URL that can't be called."""


class MediaFault(Exception):
    """A medium that can't be sent. `code` is a delivery code: 63019, 12300 or 11751."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class FetchedMedia(Struct, frozen=True, kw_only=True):
    """url: as the message named it. content_type: one of `core.media_types.ALLOWED`."""

    url: str
    content_type: str
    content: bytes


MediaFetch = Callable[[Sequence[str], int, str], Awaitable[list[FetchedMedia]]]
"""(URLs, most bytes of all together, project) → all of them, in order; raises MediaFault for the first that fails."""


Orphaned = Callable[[Sequence[str]], Awaitable[Sequence[str]]]
"""Which of these contents no record names (Store.orphaned_files)."""


class MediaFiles(Protocol):
    """Contents on disk under their SHA-256."""

    def kept(self, contents: Sequence[bytes]) -> AbstractAsyncContextManager[list[str]]:
        """Stores contents and gives their hashes. None of them is removed within the block, which is where the rows
        that name them are written. Raises OSError."""
        ...

    async def read(self, content_hash: str) -> bytes:
        """Raises FileNotFoundError."""

    async def remove_orphans(self, hashes: Sequence[str], orphaned: Orphaned) -> None:
        """Removes those that `orphaned` names and nobody is just storing."""

    async def sweep(self, older_than_seconds: float) -> int:
        """Removes what a crash left of unfinished files, last written before this epoch time; says how many."""
        ...


CALLBACK_LEASE_MICROS = 60_000_000
"""How long a fresh callback belongs to the process that made it, before the poll on disk may pick it up. A start makes
them all due (release_callbacks), so a crash costs no waiting."""

CommitWatcher = Callable[[int, float], None]
"""Told after each commit how many writes shared it and how many seconds it took."""


# -- the store --------------------------------------------------------------------------------------


class IdempotencyClaim(Struct, frozen=True, kw_only=True):
    key: str
    fingerprint: str


class HandOver(Struct, frozen=True, kw_only=True):
    """An initiated message's way between us and a carrier. deferred: it is with us, to be tried again at `retry_at`;
    else it is about to be handed over. carrier: to another one than before. tries: None leaves those written before."""

    message: Message
    deferred: bool
    carrier: str | None = None
    retry_at: int = 0
    tries: "TriesMade | None" = None


class TriesMade(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was tried with a message that carriers refuse for now. total: refusals; here: those of the present carrier;
    resent: times that it was sent again in doubt; carriers: those that had their turn."""

    total: int = 0
    here: int = 0
    resent: int = 0
    carriers: tuple[str, ...] = ()


class DeferredMessage(Struct, frozen=True, kw_only=True):
    """partly: the carrier has accepted a part of it."""

    message: Message
    retry_at: int
    tries: TriesMade
    partly: bool


class DeferredCount(Struct, frozen=True, kw_only=True):
    """How many deferred messages a project has at a carrier, and when the first is due."""

    carrier: str
    project_id: str
    count: int
    retry_at: int


class ExpiredMessage(Struct, frozen=True, kw_only=True):
    """deferred: initiated, and with us; partly: a carrier has accepted a part of it."""

    message: Message
    deferred: bool
    partly: bool


class HeldReceipt(Struct, frozen=True, kw_only=True):
    """A receipt that nobody could place when it came. held_no tells apart those for one reference."""

    carrier: str
    receipt: Receipt
    held_no: int
    at: int


class PartWait(Struct, frozen=True, kw_only=True):
    """Some parts of a message have a receipt; the others are to have one by `due_at`."""

    project_id: str
    message_id: str
    due_at: int


class StickySender(Struct, frozen=True, kw_only=True):
    """Which member of a group sends to a number, and when that was last written down."""

    project_id: str
    group_id: str
    to_number: str
    number_id: str
    used_at: int


class Challenge(Struct, frozen=True, kw_only=True):
    """A code that was sent and is to be told back by `expires_at`, as a slow hash (engine.slow_hashes). message_id: the
    message that carried it."""

    project_id: str
    id: str
    message_id: str
    code_hash: str
    attempts_left: int
    expires_at: int


class Acceptance(Struct, frozen=True, kw_only=True):
    """A new message, outbound or inbound, with what is to be kept with it.

    made_of: what stands for the pieces that it was joined from; these all go in the same transaction, and it stays in
    their place for a while (engine.pieces.made_mark). detail: for the first
    line of its timeline. sticky: the choice of a sender to remember, in the place of an earlier one.
    """

    message: Message
    event_no: int
    media: tuple[Media, ...] = ()
    claim: IdempotencyClaim | None = None
    made_of: Piece | None = None
    detail: str | None = None
    sticky: StickySender | None = None


class Accepted(Struct, frozen=True, kw_only=True):
    """`message_id` is the earlier message's where the claim was taken; `clash`: by a different request."""

    message_id: str
    replayed: bool = False
    clash: bool = False


class MessageFilter(Struct, frozen=True, kw_only=True):
    """What a list shows. Moments are inclusive from, exclusive before."""

    to_number: str | None = None
    from_number: str | None = None
    state: State | None = None
    sent_from: int | None = None
    sent_before: int | None = None
    created_from: int | None = None
    created_before: int | None = None
    include_deleted: bool = False


class Cursor(Struct, frozen=True, kw_only=True):
    """Where a page starts: after `id` going to older rows, or, with `backward`, before it to newer ones."""

    id: str
    backward: bool = False


class DueCallback(Struct, frozen=True, kw_only=True):
    """One callback owed: the message as it was told then, and how often it has been tried. done_at: see Receipt."""

    message: Message
    rank: int
    state: State
    at: int
    error_code: int | None
    attempts: int
    created_at: int
    next_at: int = 0
    sequence: str | None = None
    done_at: int | None = None


class CallbackOutcome(Struct, frozen=True, kw_only=True):
    """One attempt at a callback and what follows: delivered, tried again at `next_at`, or dead."""

    project_id: str
    message_id: str
    rank: int
    attempt: int
    at: int
    status: str
    next_at: int
    http_status: int | None
    error: str | None
    duration_ms: int


class Told(Struct, frozen=True, kw_only=True):
    """What an attempt at a callback came to. code: what the other side answered, in its protocol's numbers.

    error: why it is not told; None: it is. final: it would never take this. reached: whether anybody was there; if
    not, this was no attempt."""

    code: int | None = None
    error: str | None = None
    final: bool = False
    reached: bool = True


class Notifier(Protocol):
    """A way to tell callbacks other than by HTTP. While an origin can't be reached its callbacks wait, without being
    tried; who knows that it can be again says so (Callbacks.wake).

    policy: when a failed attempt is followed by another, and when what waits is given up; None: as for HTTP."""

    policy: RetryPolicy | None

    def reachable(self, origin: str) -> bool: ...

    def concurrency(self, origin: str) -> int:
        """How many callbacks may be tried at once, now."""
        ...

    async def attempt(self, due: DueCallback) -> Told: ...


class RelayClientStatus(Struct, frozen=True, kw_only=True):
    """A connected Relay client, as it is now, with counts since it connected. dialect: signalwire or blade."""

    session: str
    agent: str
    address: str
    dialect: str
    since: int
    contexts: tuple[str, ...]
    sends: int
    events: int
    unacknowledged: int


class CallbackRecord(Struct, frozen=True, kw_only=True):
    """A callback with its last attempt, for people."""

    message_id: str
    state: State
    status: str
    url: str
    attempts: int
    next_at: int
    last_http_status: int | None
    last_error: str | None


class Tables(Enum):
    """What opening may do to the store's tables: bring them to this release's, make them in an empty store, or
    nothing."""

    MIGRATE = "migrate"
    CREATE = "create"
    REQUIRE = "require"


class Store(Protocol):
    """The record of truth. Writers share commits: a call returns when its transaction is on disk."""

    async def open(self) -> None:
        """Connect, make or check the tables, and take the store for this process; raises StoreHeld when another has it,
        StoreUnusable where its tables are not this release's and may not be changed."""

    async def close(self) -> None: ...

    def abandon(self) -> None:
        """Tell everybody who waits, and whoever comes, StoreUnavailable. A write under way may reach the disk all the
        same. Only `close` follows."""

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the store can be read, and as much written as a message needs."""

    @property
    def outage(self) -> bool:
        """Whether reads or writes fail at the moment."""
        ...

    @property
    def is_owned(self) -> bool:
        """False while another server has the store: nothing can be written, and that server's carriers bring what is
        for us."""
        ...

    async def hold_on(self) -> None:
        """Write nothing, through the connection that writes: one that was lost is noticed, and made again."""

    async def space_id(self, candidate: str) -> str:
        """The deployment's id: `candidate` where it has none yet."""
        ...

    async def route_projects(self) -> dict[str, str]:
        """The projects that routes named when the config file was last read, as the file has them, with their ids."""
        ...

    async def put_route_projects(self, resolved: Mapping[str, str]) -> None:
        """Replace all of them."""

    # the directory: every write makes a new version, which a running server sees within a second

    async def directory_version(self) -> int: ...

    async def directory(self) -> Snapshot: ...

    async def directory_changes(self, since: int) -> Changes | None:
        """What was written after that version; None where it is not known one by one, and all has to be read again."""
        ...

    async def add_project(self, project: Project, token: Token | None, numbers: Sequence[Number]) -> None: ...

    async def update_project(self, project: Project) -> bool:
        """False, and nothing is written, where there is none such any more; so the other updates."""
        ...

    async def delete_project(self, project_id: str, at: int) -> bool:
        """Delete a subproject with its tokens, applications, SMPP credentials and scripts. False, and nothing is
        written, where it has numbers, is no subproject or is not there. Its messages stay for `purge`."""
        ...

    async def deleted_projects(self, limit: int) -> list[str]:
        """Deleted projects that are not forgotten yet."""
        ...

    async def forget_project(self, project_id: str) -> None:
        """Remove the last of a deleted project, once it has no messages any more."""

    async def put_token(self, token: Token) -> None:
        """Raises NotFound where the project is gone; so do the other verbs that write something new of a project."""

    async def update_token(self, token: Token) -> bool: ...

    async def remove_token(self, project_id: str, token_id: str) -> bool: ...

    async def add_smpp_credential(self, credential: SmppCredential) -> None:
        """Raises SystemIdTaken."""

    async def update_smpp_credential(self, credential: SmppCredential) -> bool: ...

    async def remove_smpp_credential(self, project_id: str, system_id: str) -> bool: ...

    async def put_number(self, number: Number) -> None:
        """Insert or replace; raises NumberTaken when another project or id has the same number."""

    async def update_number(self, number: Number) -> bool: ...

    # numbers that are free to take

    async def stock(self, free: Sequence[FreeNumber], at: int) -> None:
        """Put them into the inventory; what is known of those that are there already is replaced."""

    async def free_numbers(self, search: Search) -> list[FreeNumber]:
        """At most `search.limit`, by number."""
        ...

    async def free_number(self, number: str) -> FreeNumber | None:
        """This one, where it is free."""
        ...

    async def free_countries(self) -> list[str]:
        """The countries that have free numbers."""
        ...

    async def take_number(self, number: Number) -> bool:
        """Give a free number to its project; False where it is not free (any more)."""
        ...

    async def release_number(self, number: Number) -> bool:
        """Take a number from its project and its groups. One of the inventory is free again; any other is gone."""
        ...

    async def move_number(self, before: Number, after: Number) -> bool:
        """Give a number, with its id, to another project; it leaves its groups."""
        ...

    async def put_application(self, application: Application) -> None: ...

    async def update_application(self, application: Application) -> bool: ...

    async def remove_application(self, project_id: str, application_id: str) -> bool: ...

    async def put_group(self, group: NumberGroup) -> None: ...

    async def update_group(self, group: NumberGroup) -> bool: ...

    async def remove_group(self, project_id: str, group_id: str) -> bool:
        """With its memberships, and what is remembered of its senders."""
        ...

    async def add_membership(self, membership: Membership) -> bool:
        """False where the project has no such group or number; raises AlreadyMember."""
        ...

    async def remove_membership(self, project_id: str, membership_id: str) -> bool: ...

    # who sent last: written with the message, by `accept`

    async def sticky_sender(self, project_id: str, group_id: str, to_number: str) -> StickySender | None: ...

    async def forget_sticky_senders(self, before: int, limit: int) -> int:
        """Forget those last written down before a moment; says how many, at most `limit`."""
        ...

    # scripts; they are not in the directory

    async def add_script(self, script: Script) -> None: ...

    async def update_script(self, script: Script) -> bool:
        """Name, contents and when they changed; False where there is none such any more."""
        ...

    async def remove_script(self, project_id: str, script_id: str) -> int | None:
        """Returns its octets; None where there is none such."""
        ...

    async def script_counts(self) -> list[tuple[str, int, int]]:
        """Project, how many scripts it has, and their octets."""
        ...

    async def script(self, project_id: str, script_id: str) -> Script | None: ...

    async def public_script(self, script_id: str) -> Script | None:
        """A script of any project."""
        ...

    async def scripts_page(self, project_id: str, name: str | None, cursor: Cursor | None, limit: int) -> list[Script]:
        """A project's scripts, of one name where it is given, newest first, from a cursor whose id is a place."""
        ...

    async def count_script_uses(self, uses: Sequence[ScriptUse]) -> None: ...

    # codes that were sent

    async def put_challenge(self, challenge: Challenge) -> None: ...

    async def attempt_challenge(self, project_id: str, challenge_id: str, now: int) -> Challenge | None:
        """Take one attempt off, and return what is left; None, and nothing is written, where there is no such challenge
        or it has ended. Of attempts at once only as many get through as were left."""
        ...

    async def use_challenge(self, project_id: str, challenge_id: str, now: int) -> bool:
        """End it, as used; False where somebody has, or it ended otherwise."""
        ...

    async def ended_challenges(self, now: int, limit: int) -> list[Challenge]:
        """Used or expired, those that ended first before the others."""
        ...

    async def remove_challenges(self, challenges: Sequence[Challenge]) -> None: ...

    # messages

    async def accept(self, acceptance: Acceptance) -> Accepted:
        """Keep a new message with its first event, its media and its claim, all or nothing."""

    async def claimed(self, project_id: str, claim: IdempotencyClaim) -> Accepted | None:
        """What an earlier acceptance made of this key, if there was one."""

    async def advance(self, changes: Sequence[Change]) -> list[bool]:
        """Write steps in their order: state, event and callback of each together. False for a step whose
        prior state the database did not find; nothing of that step is written."""

    async def note(self, events: Sequence[Event]) -> None: ...

    async def message(self, project_id: str, message_id: str) -> Message | None:
        """Any message of the project, deleted ones too (deleted_at tells)."""

    async def page(self, project_id: str, wanted: MessageFilter, cursor: Cursor | None, limit: int) -> list[Message]:
        """At most `limit` messages, newest first (with a backward cursor: those next newer than it, still
        newest first)."""

    async def by_carrier_ref(self, carrier: str, key: str, limit: int) -> list[Message]:
        """The newest messages of one part whose reference has that key (core.carrier_refs.fold), and those whose first
        part has such a one."""
        ...

    async def hand_over(self, hand_overs: Sequence[HandOver], events: Sequence[Event]) -> frozenset[str]:
        """Write down whose hands initiated messages are in; returns the ids of at least those of them that are
        initiated."""
        ...

    # parts of long messages

    async def keep_parts(self, parts: Sequence[Part], events: Sequence[Event], waits: Sequence[PartWait] = ()) -> None:
        """Write parts of messages whose own state stays as it is; a part's later row replaces its earlier one. waits:
        until when the receipts of the other parts are waited for; the first such moment of a message stands."""

    async def parts_of(self, project_id: str, message_id: str) -> list[Part]: ...

    async def parts_by_carrier_ref(self, carrier: str, key: str, limit: int) -> list[Part]:
        """The newest whose reference has that key."""
        ...

    async def overdue_parts(self, now: int, limit: int) -> list[PartWait]:
        """Messages of which some parts have a receipt, and the others had until before this moment to get one."""
        ...

    async def end_part_waits(self, waits: Sequence[PartWait], events: Sequence[Event]) -> None:
        """They are waited for no longer, and these lines say so."""

    # receipts that nobody could place yet, and pieces of long messages on their way in

    async def hold_receipts(self, held: Sequence[HeldReceipt]) -> None: ...

    async def release_receipts(self, held: Sequence[HeldReceipt]) -> None: ...

    async def held_receipts(self, limit: int) -> list[HeldReceipt]:
        """In the order in which they came."""
        ...

    async def keep_piece(self, piece: Piece) -> None:
        """Once: the same piece again changes nothing."""

    async def remove_repeated_pieces(self, piece: Piece) -> None:
        """Remove the pieces of this one's message that are marked core.reassembly.REPEAT."""

    async def remove_pieces(self, piece: Piece) -> None:
        """All pieces of the message that this one is of."""

    async def forget_made_pieces(self, before: int) -> None:
        """The marks (part 0) of messages made before a moment."""

    async def pieces(self, limit: int) -> list[Piece]:
        """In the order in which they came."""
        ...

    # records

    async def redact(self, project_id: str, message_id: str, at: int, event_no: int) -> bool:
        """Empty the body for good; False while the message is in progress or where there is none."""

    async def delete(self, project_id: str, message_id: str, at: int, event_no: int) -> bool:
        """Hide the message and its media; False while in progress, gone already, or where there is none."""

    async def timeline(self, project_id: str, message_id: str, limit: int = 1000) -> list[TimelineEntry]:
        """The newest lines, oldest first."""
        ...

    # what a node must go on with after a start, or when its memory was full

    async def queued_after(self, message_id: str, limit: int) -> list[Message]:
        """Queued messages of all projects with a greater id, oldest first."""

    async def open_messages(self, state: State, after_id: str, limit: int) -> list[Message]:
        """Messages in `state` (initiated or receiving), by id."""

    async def deferred(
        self, carrier: str, project_id: str, *, until: int, after: tuple[int, str], limit: int
    ) -> list[DeferredMessage]:
        """Initiated messages that a carrier refused for now and that are due by a moment, in the order of their next
        tries, after a (retry_at, id)."""
        ...

    async def deferred_counts(self) -> list[DeferredCount]: ...

    async def in_doubt(self, after_id: str, limit: int) -> list[Message]:
        """Initiated messages that are in a carrier's hands, by id."""

    async def queued_counts(self) -> dict[str, int]:
        """How many messages each project has queued."""

    async def unsent_counts(self) -> dict[str, int]:
        """How many messages of each sender are queued or initiated."""
        ...

    async def expired(self, now: int, after: tuple[int, str], limit: int) -> list[ExpiredMessage]:
        """Queued or initiated messages whose validity has ended, in the order of (expires_at, id), from those that
        follow `after` on."""

    async def mark_uncertain(self, messages: Sequence[tuple[str, str]]) -> None:
        """(project_id, message_id) of submits whose answer was lost."""

    # media

    async def add_media(self, media: Sequence[Media]) -> None: ...

    async def media_of(self, project_id: str, message_id: str) -> list[Media]: ...

    async def media(self, project_id: str, message_id: str, media_id: str) -> Media | None: ...

    async def remove_media(self, project_id: str, message_id: str, media_id: str, at: int) -> bool: ...

    async def orphaned_files(self, hashes: Sequence[str]) -> list[str]:
        """Which of these contents no media row needs any more."""

    # callbacks

    async def release_callbacks(self, now: int) -> None:
        """At start: every callback not yet tried is due now."""

    async def due_origins(self, now: int, after: str, limit: int) -> list[str]:
        """The origins (scheme://host:port) that have callbacks due, by name, after one."""

    async def due_callbacks(self, origin: str, now: int, fresh_until: int, limit: int) -> list[DueCallback]:
        """The first pending callback of each message for this origin, due ones, oldest first. One not yet tried is
        due by `fresh_until`, which a process sets past its own lease to get at what it could not keep in memory."""

    async def pending_callbacks(self, project_id: str, message_id: str) -> list[DueCallback]:
        """All pending callbacks of one message in their order."""

    # callbacks in sequences: one goes out after the other, whatever messages they are of; none is in the lists above

    async def sequence_origins(self, after: str, limit: int) -> list[str]:
        """The origins that have pending ones, by name, after one."""

    async def sequences(self, origin: str, after: str, limit: int) -> list[str]:
        """The sequences of an origin that have pending ones, by name, after one."""

    async def sequence_heads(self, origin: str, sequences: Sequence[str]) -> list[DueCallback]:
        """The first pending callback of each, due or not, for each that has one."""

    async def sequence_first(self, origin: str, sequence: str, limit: int) -> list[DueCallback]:
        """The first pending callbacks of one, in their order, due or not."""

    async def bury_callbacks(self, scheme: str, oldest: int, now: int, error: str, limit: int) -> int:
        """Of a scheme's origins, at most `limit` pending callbacks created at `oldest` or before become dead, by an
        attempt that ended in `error`; says how many."""

    async def settle_callbacks(self, outcomes: Sequence[CallbackOutcome]) -> None: ...

    async def callbacks(
        self, project_id: str, status: str, limit: int, message_id: str | None = None
    ) -> list[CallbackRecord]:
        """Callbacks in a status (pending, delivered, dead), of one message or of all, newest message first."""

    async def replay_callbacks(
        self, project_id: str, message_id: str | None, now: int, *, after: tuple[str, int], limit: int
    ) -> list[tuple[str, int]]:
        """Make at most `limit` dead callbacks pending again, of one message or of all, those after a (message, rank);
        returns these, in that order."""
        ...

    # housekeeping

    async def purge(self, project_id: str, before: int, limit: int) -> tuple[int, list[str]]:
        """Remove a project's settled messages created before a moment, with all that hangs on them; returns
        how many went and the content hashes that may have lost their last use."""

    async def forget_claims(self, before: int) -> None: ...

    async def turn_over(self) -> None:
        """Drop what a write-ahead file still holds of texts that were redacted or removed; PostgreSQL recycles its
        own. Raises StoreUnavailable."""


class StoreHeld(Exception):
    """Another process has this store."""


class FolderHeld(StoreHeld):
    """Another server works in this data folder."""


class NumberTaken(Exception):
    """The number belongs to the deployment already."""


class SystemIdTaken(Exception):
    """An SMPP credential with this system_id exists in the deployment already."""


class AlreadyMember(Exception):
    """The number is in the group already."""
