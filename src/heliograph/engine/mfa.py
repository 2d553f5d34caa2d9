"""Codes that prove that somebody has a phone: drawn, sent as a message, and told back (contract, section 5.3).

A code is nowhere but in its message: what is kept to check it against is a salted slow hash, and when the code has
ended, by use or by time, the message's text is emptied. An attempt is paid for on disk before the code is looked at,
and a right code is used up on disk before anybody is told that it was right: so neither two attempts at once nor a
crash give away one attempt more, or one success more.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar
from weakref import WeakValueDictionary

import uuid_utils

from heliograph.core import numbers, segments
from heliograph.core.directory import Number
from heliograph.core.errors import Fault, NotFound, Refusal, Refused
from heliograph.core.ids import Uuid7Generator
from heliograph.core.message import Source
from heliograph.engine import slow_hashes
from heliograph.engine.accept import VALIDITY_MAX_SECONDS, Acceptor
from heliograph.engine.directory import Directory
from heliograph.engine.requests import SendRequest
from heliograph.ports import Challenge, Clock, Store

T = TypeVar("T")

# SignalWire's limits and defaults.
LENGTHS: Final = range(4, 21)
LIFETIMES_SECONDS: Final = range(1, 604_801)
ATTEMPTS: Final = range(1, 21)
DEFAULT_MESSAGE: Final = "Your Personal Authorization Code is:"

DIGITS: Final = "0123456789"
DIGITS_AND_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that look alike. Capitals only, and typed in either case."""

SCRYPT_N: Final = 2**13
"""Some 30 ms of a core: to try all codes of six digits against a stolen hash takes hours, and a code lives for one."""
HASHES_AT_ONCE: Final = 2
"""A flood of codes leaves the server its cores. As many of one project wait in the common queue, so that a flood of one
project's leaves the others their turns."""

FORGOTTEN_AT_ONCE: Final = 200

_NO_SENDER: Final = "The project has no number that can send SMS, and the deployment has set no mfa_from."
_TOO_LONG: Final = (
    "message must fit into one segment with its code: 160 characters, or 70 where one of them is not in GSM 03.38."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller wants: lengths and numbers are within the limits above, texts as they were given."""

    project_id: str
    to_number: str | None
    from_number: str | None = None
    message: str = DEFAULT_MESSAGE
    length: int = 6
    lifetime_seconds: int = 3600
    attempts: int = 3
    letters: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCode:
    """A code is on its way. `id`: by which it is told back."""

    id: str
    to_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MfaSettings:
    """`sender`: the deployment's number for projects that have none that can send."""

    sender: str | None = None
    draw: Callable[[str], str] = field(default=secrets.choice, repr=False)


class Mfa:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Uuid7Generator,
        directory: Directory,
        acceptor: Acceptor,
        settings: MfaSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._directory = directory
        self._acceptor = acceptor
        self._settings = settings
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self.forget_text: Callable[[str, str], Awaitable[bool]] = _nothing_to_forget
        """Asked to empty a message's text, by project and message; says whether that is done."""

    def faults(self, wish: Wish) -> Iterator[Refusal]:
        """Every reason to refuse it."""
        sample = self._text(wish, DIGITS[0] * wish.length)
        for refusal in self._acceptor.faults(self._request(wish, sample)):
            if refusal.fault is Fault.SENDER_MISSING:
                yield Refusal(Fault.SENDER_MISSING, _NO_SENDER)
            elif refusal.fault is not Fault.BODY_TOO_LONG:  # which is told below, in other words
                yield refusal
        if segments.count(sample) > 1:
            yield Refusal(Fault.BODY_TOO_LONG, _TOO_LONG, "message")

    async def send(self, wish: Wish) -> SentCode:
        """Draw a code and send it. Raises Refused, StoreUnavailable."""
        refusals = tuple(self.faults(wish))
        if refusals:
            raise Refused(*refusals)
        code = self._draw(wish)
        request = self._request(wish, self._text(wish, code))
        challenge = Challenge(
            project_id=wish.project_id,
            id=str(uuid_utils.uuid4()),
            message_id=request.message_id or "",
            code_hash=await self._slowly(wish.project_id, lambda: _hashed(code)),
            attempts_left=wish.attempts,
            expires_at=self._clock.now() + wish.lifetime_seconds * 1_000_000,
        )
        await self._store.put_challenge(challenge)
        try:
            sent = await self._acceptor.send(request)
        except Refused:
            await self._store.remove_challenges([challenge])
            raise
        return SentCode(id=challenge.id, to_number=sent.message.to_number)

    async def verify(self, project_id: str, challenge_id: str, code: str) -> bool:
        """Whether it is the code, which then is used up. Raises NotFound where there is no such challenge, or it has
        ended: used, expired, or out of attempts."""
        challenge = await self._store.attempt_challenge(project_id, challenge_id, self._clock.now())
        if challenge is None:
            raise NotFound
        if not await self._slowly(project_id, lambda: slow_hashes.matches(challenge.code_hash, code.upper())):
            return False
        if not await self._store.use_challenge(project_id, challenge_id, self._clock.now()):
            raise NotFound  # told back twice at once, or it expired meanwhile
        return True

    async def forget_ended(self) -> None:
        """Remove what has ended, and empty the texts of the codes' messages. One whose message is still under way waits
        for the next time."""
        while True:
            ended = await self._store.ended_challenges(self._clock.now(), FORGOTTEN_AT_ONCE)
            done = [each for each in ended if await self.forget_text(each.project_id, each.message_id)]
            if done:
                await self._store.remove_challenges(done)
            if len(done) < FORGOTTEN_AT_ONCE:
                return

    def _request(self, wish: Wish, text: str) -> SendRequest:
        """Not worth sending any more once the code has ended."""
        given = wish.from_number
        mine = None if given else self._sender(wish)
        return SendRequest(
            project_id=wish.project_id,
            source=Source.REALTIME,
            to_number=wish.to_number,
            from_number=given or (mine.number if mine else self._settings.sender),
            sender_vouched=not given and mine is None,
            body=text,
            validity=str(min(wish.lifetime_seconds, VALIDITY_MAX_SECONDS)),
            message_id=self._ids.next(self._clock.now()),
            is_counted=True,
        )

    def _sender(self, wish: Wish) -> Number | None:
        """The project's oldest number that can send, one of the recipient's country before the others."""
        able = [each for each in reversed(self._directory.numbers_of(wish.project_id)) if each.can("sms")]
        country = numbers.country_of(wish.to_number or "")
        near = (each for each in able if country is not None and numbers.country_of(each.number) == country)
        return next(near, able[0] if able else None)

    def _draw(self, wish: Wish) -> str:
        alphabet = DIGITS_AND_LETTERS if wish.letters else DIGITS
        return "".join(self._settings.draw(alphabet) for _ in range(wish.length))

    def _text(self, wish: Wish, code: str) -> str:
        return f"{wish.message} {code}" if wish.message else code

    async def _slowly(self, project_id: str, work: Callable[[], T]) -> T:
        """In a thread, when the project's turn has come and then the server's."""
        mine = self._turns.setdefault(project_id, asyncio.Semaphore(HASHES_AT_ONCE))
        async with mine, self._hashing:
            return await asyncio.to_thread(work)


def _hashed(code: str) -> str:
    return slow_hashes.hashed(code, secrets.token_bytes(slow_hashes.SALT_BYTES), SCRYPT_N)


async def _nothing_to_forget(project_id: str, message_id: str) -> bool:
    return True
