"""Webhook and media URLs: what may be configured, what is sent and signed, how long to wait, where never to call.

A URL is kept as it was configured. Its fragment sets the time limits (contract, section 8); what is requested and
signed is made by wire/requested. Addresses that this server does not call are in core/addresses: literal hosts are
judged here when a URL is given, and every address that is connected to in net/guard.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

from heliograph.core.addresses import Reach

MAX_URL_LENGTH = 4096
"""Characters of a URL that is configured."""

MAX_SENT_URL_LENGTH = 65_536
"""Characters of a URL that is sent: a GET carries the message's fields, and a long body takes 12 for a character."""

CACHED_LENGTH = 2048
"""A longer URL, a GET's with its fields, is not asked for twice and not kept."""

DEFAULT_PORTS = {"http": 80, "https": 443}

CACHED_TARGETS = 4096
"""Parsed URLs kept: a busy space calls the same few thousand again and again."""

_LIMIT_RANGES = {"ot": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000)}
"""The fragment's keys and the milliseconds they allow; anything else is ignored."""

_BARRED_ASCII = re.compile(r"[\x00-\x20\x7f\\]")
_BARRED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
"""Unicode's controls, formats, surrogates and spaces: parsers disagree on them, and none belongs into a URL."""


class UrlError(ValueError):
    """Not a URL that may be called; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Milliseconds: to connect (with TLS), to wait for each part of the answer, for everything with redirects."""

    connect_ms: int = 2_000
    read_ms: int = 5_000
    total_ms: int = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """url: as configured, less its fragment. origin: `scheme://host:port`, lower case."""

    url: str
    origin: str
    timeouts: Timeouts


def parse_target(url: str) -> Target:
    """Splits a URL, configured or with a GET's fields; raises UrlError for what can't be called."""
    return _kept_target(url) if len(url) <= CACHED_LENGTH else _target(url)


@lru_cache(maxsize=CACHED_TARGETS)
def _kept_target(url: str) -> Target:
    return _target(url)


def _target(url: str) -> Target:
    parts = split(url)
    bare, _, fragment = url.partition("#")
    host = parts.hostname or ""
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    bracketed = f"[{host}]" if ":" in host else host
    return Target(url=bare, origin=f"{parts.scheme}://{bracketed}:{port}", timeouts=_timeouts(fragment))


def is_http_url(url: str) -> bool:
    """An absolute http or https URL with a host, of bounded length, without white space, control characters or
    backslashes. User and password are allowed: they are sent as Basic authentication."""
    if len(url) > MAX_URL_LENGTH:
        return False
    try:
        split(url)
    except UrlError:
        return False
    return True


def literal_reached(url: str, reach: Reach) -> bool:
    """False where the URL's host is itself an address that is not called, in any spelling that a resolver reads
    (`2130706433`, `0x7f.1`, `localhost`). Names that merely resolve to one are caught when connecting."""
    host = unicodedata.normalize("NFKC", unquote(split(url).hostname or "")).replace("\u3002", ".").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return reach.loopback
    if ":" in host:
        return reach.includes(host)
    number = _inet_aton(host)
    return number is None or reach.includes(str(ipaddress.IPv4Address(number)))


def with_query(url: str, query: str) -> str:
    """The URL of a GET request: its fields behind the query that the URL already has; its fragment stays last."""
    bare, hash_sign, fragment = url.partition("#")
    if not query:
        return url
    separator = "" if bare.endswith(("?", "&")) else "&" if "?" in bare else "?"
    return f"{bare}{separator}{query}{hash_sign}{fragment}"


def split(url: str) -> SplitResult:
    """The parts of a URL that may be called. Raises UrlError."""
    if len(url) > MAX_SENT_URL_LENGTH:
        raise UrlError(f"The URL is longer than {MAX_SENT_URL_LENGTH} characters.")
    if _barred(url):
        raise UrlError("The URL contains white space, a control character or a backslash.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlError("The URL's host or port is malformed.") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or port == 0:
        raise UrlError("The URL must be an absolute http or https URL.")
    return parts


def _barred(url: str) -> bool:
    if _BARRED_ASCII.search(url):
        return True
    return not url.isascii() and any(unicodedata.category(char) in _BARRED_CATEGORIES for char in url)


def _timeouts(fragment: str) -> Timeouts:
    chosen: dict[str, int] = {}
    for pair in fragment.split("&"):
        key, _, digits = pair.partition("=")
        low, high = _LIMIT_RANGES.get(key, (1, 0))
        if digits.isascii() and digits.isdigit() and len(digits) <= len(str(high)) and low <= int(digits) <= high:
            chosen[key] = int(digits)
    default = Timeouts()
    return Timeouts(
        connect_ms=chosen.get("ot", default.connect_ms),
        read_ms=chosen.get("rt", default.read_ms),
        total_ms=chosen.get("tt", default.total_ms),
    )


def _inet_aton(host: str) -> int | None:
    """The number that C's inet_aton reads: 1 to 4 parts, each decimal, octal (0...) or hex (0x...), the last part
    filling what the others leave. None for a name."""
    parts = [_number(part) for part in host.split(".")]
    if len(parts) > 4:
        return None
    address = 0
    for index, part in enumerate(parts):
        bits = 8 * (5 - len(parts)) if index == len(parts) - 1 else 8
        if part is None or part >> bits:
            return None
        address = address << bits | part
    return address


def _number(part: str) -> int | None:
    base = 16 if part.startswith("0x") else 8 if part.startswith("0") else 10
    digits = part[2:] if base == 16 else part
    if not digits:
        return 0 if base == 16 else None  # glibc reads a bare "0x" as 0
    if not digits.isascii() or not digits.isalnum():
        return None
    try:
        return int(digits, base)
    except ValueError:
        return None
