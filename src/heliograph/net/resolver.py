"""Host names to addresses, bounded so that names which nobody answers for delay nobody else (docs/adr/0023).

The problem: the system's resolver takes a thread for each look-up, for up to 20 seconds where a name server is silent,
and can't be interrupted. Here c-ares asks the name servers: hosts file, search domains and name servers are the
system's (`/etc/hosts`, `/etc/resolv.conf`), and a look-up that waits costs a place and no thread.

Rules:
- A look-up ends after `seconds`. Its place stays occupied until c-ares has ended its queries, or as long again.
- Places are shared by owners (net/shares): a project with its subprojects, or a carrier. Each owner has its own
  look-ups and its own memory of names, so that no owner waits in another's queue.
- Addresses are fresh for FRESH_SECONDS. After that they are looked up again; where no answer comes within
  STALE_AFTER_SECONDS the old ones are used, for up to `stale_seconds` (RFC 8767).
- A name that could not be resolved is not looked up again for a second, then two, four and so on, up to
  `negative_seconds`; meanwhile it fails at once.
- IPv4 and IPv6 addresses are asked for separately: the second answer is waited for RESOLUTION_DELAY_SECONDS once the
  first is there (RFC 8305, section 3). A name server that ignores AAAA costs no more than that.
"""

import asyncio
import ipaddress
import socket
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from aiohappyeyeballs import AddrInfoType

from heliograph.net.shares import QueueFull, Shares

FRESH_SECONDS: Final = 10.0
"""Short: a failover by DNS works, while a busy receiver's name is looked up only once in a while."""

STALE_AFTER_SECONDS: Final = 0.2
"""How long a request waits for new addresses where it has old ones. A healthy name server answers in that time."""

RESOLUTION_DELAY_SECONDS: Final = 0.05
"""RFC 8305, section 3."""

LATE_AFTER_SECONDS: Final = 0.5
"""A look-up that takes longer is late. Most are answered in a tenth of it, from afar or not."""

LATE_SECONDS: Final = 60.0
"""How long an owner counts as late after a look-up of its own that was."""

TRIES: Final = 3
"""Queries to each name server. c-ares waits twice as long for each further one, from a quarter of `seconds`, or less
where the name server is known to answer fast."""

FLUSH_AFTER: Final = 10_000
"""Look-ups after which c-ares forgets what it keeps of answers, which it does not bound."""

_NO_SUCH_NAME: Final = frozenset({"ARES_ENODATA", "ARES_ENOTFOUND", "ARES_EBADNAME", "ARES_EFORMERR", "ARES_EBADSTR"})
"""c-ares' answers that trying again does not change."""

Address = tuple[socket.AddressFamily, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverSettings:
    """places: look-ups under way at once; owner_places: of one owner. owner_waiting: look-ups
    of one owner that wait for a place; more fail at once. names_max: names remembered, of all owners.
    servers: name servers (`address` or `address:port`) in place of the system's."""

    seconds: float = 2.0
    places: int = 64
    owner_places: int = 8
    owner_waiting: int = 1000
    stale_seconds: float = 3600.0
    negative_seconds: float = 30.0
    names_max: int = 20_000
    servers: tuple[str, ...] = ()


@dataclass(slots=True)
class _Name:
    """What is known of a name. addresses: the last ones, () for none. failures: look-ups in a row that failed."""

    addresses: tuple[Address, ...] = ()
    fresh_until: float = 0.0
    stale_until: float = 0.0
    failures: int = 0
    again_at: float = 0.0
    fault: str = ""
    unknown: bool = False


@dataclass(slots=True)
class _LookUp:
    """A look-up under way. answered: done when the name's record is up to date. interested: requests that wait."""

    answered: "asyncio.Future[None]"
    task: "asyncio.Task[None] | None" = None
    interested: int = 0
    started: bool = False


@dataclass(slots=True)
class _Names:
    """Names by owner, the one used last at the end. `most` in all: an owner above its share gives up its oldest name,
    otherwise the owner with the most names does."""

    most: int
    by_owner: dict[str, OrderedDict[str, _Name]] = field(default_factory=dict)
    count: int = 0

    def get(self, owner: str, host: str) -> _Name | None:
        names = self.by_owner.get(owner)
        if names is None or host not in names:
            return None
        names.move_to_end(host)
        return names[host]

    def made(self, owner: str, host: str) -> _Name:
        known = self.get(owner, host)
        if known is not None:
            return known
        if self.count >= self.most:
            self._evict(owner)
        self.count += 1
        name = self.by_owner.setdefault(owner, OrderedDict())[host] = _Name()
        return name

    def _evict(self, owner: str) -> None:
        share = self.most // max(1, len(self.by_owner))
        if len(self.by_owner.get(owner, ())) < max(1, share):
            owner = max(self.by_owner, key=lambda each: len(self.by_owner[each]))
        self.by_owner[owner].popitem(last=False)
        self.count -= 1
        if not self.by_owner[owner]:
            del self.by_owner[owner]


class Resolver:
    """Belongs to the loop in which it first looks a name up."""

    def __init__(self, settings: ResolverSettings) -> None:
        self._settings = settings
        self._names = _Names(settings.names_max)
        self._look_ups: dict[tuple[str, str], _LookUp] = {}
        self._queries: _Queries | None = None
        self._shares: Shares | None = None

    async def resolve(self, host: str, port: int, owner: str) -> list[AddrInfoType]:
        """The addresses of a host, IPv6 first. Raises socket.gaierror: EAI_NONAME for a name that does not exist,
        EAI_AGAIN for one that could not be looked up."""
        literal = _literal(host)
        if literal is not None:
            return [_info(literal, port)]
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
        return [_info(address, port) for address in await self._addresses(host, owner)]

    async def close(self) -> None:
        """End every look-up, once the tasks that wait for one have ended. May be called twice."""
        tasks = [each.task for each in self._look_ups.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._queries is not None:
            await self._queries.close()
            self._queries = None

    @property
    def under_way(self) -> int:
        """Look-ups that occupy a place."""
        return 0 if self._shares is None else self._shares.taken

    async def _addresses(self, host: str, owner: str) -> tuple[Address, ...]:
        now = asyncio.get_running_loop().time()
        known = self._names.get(owner, host)
        if known is None:
            known = _Name()
        elif known.addresses and now < known.fresh_until:
            return known.addresses
        stale = known.addresses if now < known.stale_until else ()
        if now >= known.again_at:
            await self._look_up(owner, host, STALE_AFTER_SECONDS if stale else None)
            known = self._names.get(owner, host) or _Name(fault="no place was free for its look-up")
            stale = stale if known.addresses or not known.unknown else ()
        if (known.addresses and not known.failures) or stale:
            return known.addresses or stale
        raise socket.gaierror(socket.EAI_NONAME if known.unknown else socket.EAI_AGAIN, known.fault)

    async def _look_up(self, owner: str, host: str, patience: float | None) -> None:
        """Wait for the look-up of a name, of which there is one at a time; with old addresses only so long."""
        look_up = self._look_ups.get((owner, host)) or self._begin(owner, host)
        look_up.interested += 1
        try:
            await asyncio.wait([look_up.answered], timeout=patience)
        finally:
            look_up.interested -= 1
            if not look_up.interested and not look_up.started and patience is None and look_up.task is not None:
                self._look_ups.pop((owner, host), None)
                look_up.task.cancel()  # nobody waits for it any more, and it has no place yet

    def _begin(self, owner: str, host: str) -> _LookUp:
        loop = asyncio.get_running_loop()
        if self._shares is None:
            self._shares = Shares(
                places=self._settings.places,
                owner_places=self._settings.owner_places,
                waiting_max=self._settings.owner_waiting,
                late_seconds=LATE_SECONDS,
                time=loop.time,
            )
        look_up = self._look_ups[owner, host] = _LookUp(answered=loop.create_future())
        look_up.task = loop.create_task(self._run(self._shares, owner, host, look_up), name=f"look up {host}")
        look_up.task.add_done_callback(partial(self._ended, (owner, host), look_up))
        return look_up

    def _ended(self, key: tuple[str, str], look_up: _LookUp, task: "asyncio.Task[None]") -> None:
        if self._look_ups.get(key) is look_up:
            del self._look_ups[key]
        if not look_up.answered.done():
            look_up.answered.set_result(None)
        if not task.cancelled():
            task.result()  # a fault of ours is told by the loop's exception handler

    async def _run(self, shares: Shares, owner: str, host: str, look_up: _LookUp) -> None:
        try:
            async with shares.place(owner) as place:
                look_up.started = True
                overdue = asyncio.get_running_loop().call_later(LATE_AFTER_SECONDS, shares.is_overdue, place)
                queries = self._ask(host)
                try:
                    addresses, fault, unknown = await self._answers(queries)
                finally:
                    overdue.cancel()
                self._record(owner, host, addresses, fault, unknown=unknown)
                self._look_ups.pop((owner, host), None)
                look_up.answered.set_result(None)
                await asyncio.wait(queries, timeout=self._settings.seconds)
        except QueueFull:
            self._record(owner, host, (), "too many look-ups of its project wait", unknown=False)

    def _ask(self, host: str) -> "list[asyncio.Future[tuple[Address, ...]]]":
        if self._queries is None:
            self._queries = _Queries(self._settings)
        return [self._queries.ask(host, family) for family in (socket.AF_INET6, socket.AF_INET)]

    async def _answers(
        self, queries: "list[asyncio.Future[tuple[Address, ...]]]"
    ) -> tuple[tuple[Address, ...], str, bool]:
        """Addresses, or what is wrong and whether the name is known not to exist."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.seconds
        waiting = set(queries)
        while waiting and loop.time() < deadline:
            _, waiting = await asyncio.wait(
                waiting, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            if any(query.done() and query.exception() is None for query in queries):
                deadline = min(deadline, loop.time() + RESOLUTION_DELAY_SECONDS)
        ended = [query for query in queries if query.done()]
        found = tuple(address for query in ended if query.exception() is None for address in query.result())
        if found:
            return found, "", False
        faults = [fault for query in ended if isinstance(fault := query.exception(), _QueryFault)]
        temporary = next((fault for fault in faults if not fault.unknown), None)
        if waiting or not faults:
            return (), f"no name server answered within {self._settings.seconds:g} s", False
        if temporary is not None:
            return (), str(temporary), False
        return (), str(faults[0]), True

    def _record(self, owner: str, host: str, addresses: tuple[Address, ...], fault: str, *, unknown: bool) -> None:
        now = asyncio.get_running_loop().time()
        name = self._names.made(owner, host)
        name.fault, name.unknown = fault, unknown
        if addresses:
            name.addresses, name.failures, name.again_at = addresses, 0, 0.0
            name.fresh_until = now + FRESH_SECONDS
            name.stale_until = name.fresh_until + self._settings.stale_seconds
            return
        if unknown:
            name.addresses, name.stale_until = (), 0.0
        name.fresh_until = 0.0
        name.again_at = now + min(self._settings.negative_seconds, 2.0 ** min(name.failures, 16))
        name.failures += 1


class _QueryFault(Exception):
    """A query without an address. unknown: the name servers say that there is none."""

    def __init__(self, text: str, *, unknown: bool) -> None:
        super().__init__(text)
        self.unknown = unknown


class _Queries:
    """Questions to name servers, by c-ares, whose answers come from a thread of its own."""

    def __init__(self, settings: ResolverSettings) -> None:
        import pycares  # when first needed: a server without names to resolve starts sooner

        self._loop = asyncio.get_running_loop()
        self._channel: Any = pycares.Channel(
            timeout=settings.seconds / 4, tries=TRIES, servers=list(settings.servers) or None
        )
        self._words = {
            number: (name, pycares.errno.strerror(number)) for number, name in pycares.errno.errorcode.items()
        }
        self._under_way: set[asyncio.Future[tuple[Address, ...]]] = set()
        self._asked = 0

    def ask(self, host: str, family: socket.AddressFamily) -> "asyncio.Future[tuple[Address, ...]]":
        """Addresses of one family, or a _QueryFault."""
        self._asked += 1
        if not self._asked % FLUSH_AFTER:
            self._channel.reinit()
        answer: asyncio.Future[tuple[Address, ...]] = self._loop.create_future()
        answer.add_done_callback(_note_exception)
        answer.add_done_callback(self._under_way.discard)
        self._under_way.add(answer)
        try:
            self._channel.getaddrinfo(
                host, None, family=family, type=socket.SOCK_STREAM, callback=partial(self._from_thread, answer)
            )
        except (ValueError, self._channel_errors()) as error:
            if not answer.done():
                answer.set_exception(_QueryFault(f"the name is malformed: {error}", unknown=True))
        return answer

    @staticmethod
    def _channel_errors() -> type[Exception]:
        import pycares

        return pycares.AresError

    def _from_thread(self, answer: "asyncio.Future[tuple[Address, ...]]", result: Any, error: int | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._answered, answer, result, error)

    def _answered(self, answer: "asyncio.Future[tuple[Address, ...]]", result: Any, error: int | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(tuple((node.family, node.addr[0].decode("ascii")) for node in result.nodes))
        else:
            name, words = self._words.get(error, ("", "the look-up failed"))
            answer.set_exception(_QueryFault(str(words), unknown=name in _NO_SUCH_NAME))

    async def close(self) -> None:
        self._channel.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        self._channel.close()


def _note_exception(answer: "asyncio.Future[Any]") -> None:
    """A fault that nobody reads, of a query that outlasted its look-up, is no news."""
    if not answer.cancelled():
        answer.exception()


def _info(address: Address, port: int) -> AddrInfoType:
    family, text = address
    place: tuple[str, int] | tuple[str, int, int, int] = (text, port)
    if family == socket.AF_INET6:
        place = (text, port, 0, 0)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)


def _literal(host: str) -> Address | None:
    """The address that a host is; None for a name. Numbers of another spelling (`2130706433`, `127.1`), which resolvers
    take for addresses, raise gaierror as names that do not exist."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host.rstrip(".").rpartition(".")[2].isdigit():
            raise socket.gaierror(socket.EAI_NONAME, "a number is not a host name") from None
        return None
    return (socket.AF_INET if address.version == 4 else socket.AF_INET6), host


def servers_of(given: Sequence[str]) -> tuple[str, ...]:
    """Name servers as c-ares reads them; raises ValueError for one that is not `address` or `address:port`."""
    return tuple(_server(each.strip()) for each in given)


def _server(given: str) -> str:
    host, port = given, ""
    if given.startswith("["):
        host, _, port = given[1:].partition("]")
        port = port.removeprefix(":")
    elif given.count(":") == 1:
        host, _, port = given.partition(":")
    address = ipaddress.ip_address(host)
    if port and not (port.isdigit() and 0 < int(port) <= 65535):
        raise ValueError(f"{given!r} has an invalid port")
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"{shown}:{port}" if port else shown
