"""SMPP credentials: making and changing them, and telling a right password from a wrong one.

SMPP allows a password of at most 8 characters (SMPP 3.4, 4.1.1), and its binds are rare: so, unlike a token's, its
hash is slow and salted.
"""

import ipaddress
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from heliograph.core.directory import SMPP_ALPHABETS, SMPP_LONG_MODES, SmppCredential
from heliograph.core.errors import NotFound
from heliograph.core.networks import parse_networks
from heliograph.core.texts import is_name
from heliograph.engine import slow_hashes
from heliograph.engine.provision import Refused, no_project
from heliograph.ports import Clock, Store, SystemIdTaken

SCRYPT_N: Final = 2**14
"""16 MiB and some 50 ms of a core."""

PASSWORD_LENGTH: Final = 8
DRAWN_FROM: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Without those that look alike: 57 characters, 46 bits in a password."""

MAX_BINDS_MOST: Final = 1000
RATE_MOST: Final = 1_000_000
WINDOW_MOST: Final = 1000
ALLOWED_MOST: Final = 100
NAME_MOST: Final = 255

_is_system_id: Final = re.compile(r"[A-Za-z0-9_.@-]{1,15}").fullmatch
"""15 characters and a NUL are the field's 16 (SMPP 3.4, 4.1.1). No colon: a callback's address is smpp:SYSTEM_ID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a credential is to be like; None leaves a setting as it is, or takes the default for a new one."""

    name: str | None = None
    max_binds: int | None = None
    rate: int | None = None
    window: int | None = None
    allowed: Sequence[str] | None = None
    alphabet: str | None = None
    long_mode: str | None = None
    new_password: bool = False


class Forge:
    """Makes credentials that are not stored yet. `random_bytes(n)` must be fit for secrets."""

    __slots__ = ("_clock", "_random_bytes")

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._clock = clock
        self._random_bytes = random_bytes

    def credential(self, project_id: str, system_id: str, wish: Wish) -> tuple[SmppCredential, str]:
        """A credential and its password, which nobody can read again; raises Refused."""
        if not _is_system_id(system_id):
            raise Refused(f"{system_id!r} is no system_id: write 1 to 15 letters, digits, or any of _ . @ -")
        password = self.password()
        now = self._clock.now()
        plain = SmppCredential(
            project_id=project_id,
            system_id=system_id,
            name=system_id,
            password_hash=hashed(password, self._random_bytes(slow_hashes.SALT_BYTES)),
            max_binds=4,
            rate=0,
            window=10,
            allowed=(),
            alphabet="gsm",
            long_mode="udh8",
            created_at=now,
            updated_at=now,
        )
        return fitted(plain, wish), password

    def changed(self, credential: SmppCredential, wish: Wish) -> tuple[SmppCredential, str | None]:
        """The credential as it is wished for, and its new password if there is to be one; raises Refused."""
        following = replace(fitted(credential, wish), updated_at=self._clock.now())
        if not wish.new_password:
            return following, None
        password = self.password()
        return replace(following, password_hash=hashed(password, self._random_bytes(slow_hashes.SALT_BYTES))), password

    def password(self) -> str:
        """Drawn evenly: a byte that would favour some characters is drawn again."""
        size = len(DRAWN_FROM)
        drawn = ""
        while len(drawn) < PASSWORD_LENGTH:
            value = self._random_bytes(1)[0]
            if value < 256 - 256 % size:
                drawn += DRAWN_FROM[value % size]
        return drawn


async def create(store: Store, forge: Forge, project_id: str, system_id: str, wish: Wish) -> tuple[SmppCredential, str]:
    """Add a credential to a project and return it with its password; raises Refused."""
    made, password = forge.credential(project_id, system_id, wish)
    try:
        await store.add_smpp_credential(made)
    except NotFound:
        raise no_project(project_id) from None
    except SystemIdTaken:
        raise Refused(f"the system_id {system_id} is taken: each is given once in a deployment") from None
    return made, password


def fitted(credential: SmppCredential, wish: Wish) -> SmppCredential:
    """The credential with what is wished for; raises Refused for the first thing that won't do."""
    _bounded("max binds", wish.max_binds, 1, MAX_BINDS_MOST)
    _bounded("rate", wish.rate, 0, RATE_MOST)
    _bounded("window", wish.window, 1, WINDOW_MOST)
    _one_of("alphabet", wish.alphabet, SMPP_ALPHABETS)
    _one_of("way with long messages", wish.long_mode, SMPP_LONG_MODES)
    name = credential.name if wish.name is None else wish.name.strip()
    if not is_name(name, NAME_MOST) or not name.isprintable():
        raise Refused(f"{wish.name!r} is no name: write 1 to {NAME_MOST} printable characters")
    return replace(
        credential,
        name=name,
        max_binds=credential.max_binds if wish.max_binds is None else wish.max_binds,
        rate=credential.rate if wish.rate is None else wish.rate,
        window=credential.window if wish.window is None else wish.window,
        allowed=credential.allowed if wish.allowed is None else _networks(wish.allowed),
        alphabet=wish.alphabet or credential.alphabet,
        long_mode=wish.long_mode or credential.long_mode,
    )


def _bounded(what: str, value: int | None, lowest: int, most: int) -> None:
    if value is not None and not lowest <= value <= most:
        raise Refused(f"{value} is no {what}: write {lowest} to {most}")


def _one_of(what: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise Refused(f"no {what} is called {value!r}; there are {', '.join(known)}")


def _networks(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > ALLOWED_MOST:
        raise Refused(f"{len(given)} networks are too many: at most {ALLOWED_MOST}")
    try:
        return tuple(dict.fromkeys(map(str, parse_networks(given))))
    except ValueError as error:
        raise Refused(str(error)) from None


def is_allowed(credential: SmppCredential, address: str) -> bool:
    """Whether a peer at this IP address may use the credential; one whose address nobody knows may where any may."""
    if not credential.allowed:
        return True
    try:
        peer = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
    return any((mapped or peer) in ipaddress.ip_network(network) for network in credential.allowed)


def hashed(password: str, salt: bytes) -> str:
    """A slow hash: for a thread."""
    return slow_hashes.hashed(password, salt, SCRYPT_N)


NOBODY: Final = slow_hashes.of_nobody(SCRYPT_N)
"""A hash that no password has: an unknown system_id is checked against it, to take as long as a known one."""
