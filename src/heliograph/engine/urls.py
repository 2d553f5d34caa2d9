"""URLs that clients give: may this server call them, asked when they are given; how much of them is shown."""

import ipaddress
import re
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote, urlsplit

from heliograph.config import Config
from heliograph.core import addresses
from heliograph.core.addresses import Reach
from heliograph.core.directory import FORCE_HTTPS, Project
from heliograph.ports import HttpResponse
from heliograph.wire import urls
from heliograph.wire.requested import requested

URLS_KEPT = 1024
"""A client gives the same few callback URLs with each message; judging one takes 20 µs."""


NOT_CALLED = f"the URL points to {addresses.NOT_CALLED}"
_WORD = re.compile(r"\w{3,}")

PROJECT_GONE = "the project no longer exists"
NOT_VALID = "the URL is not a valid http or https URL"


def reach(config: Config) -> Reach:
    """The addresses that webhooks and media may have: loopback by its setting, or where that is unset, on a server
    that serves its own machine alone; private networks by theirs."""
    loopback = config.allow_loopback_urls
    return Reach(
        loopback=serves_this_machine(config) if loopback is None else bool(loopback), networks=config.allow_networks
    )


def serves_this_machine(config: Config) -> bool:
    """Whether the server listens on loopback, is not published elsewhere (`public_url`), and has no real carrier."""
    published = config.public_url is None or _is_loopback(_host_of(config.public_url))
    return bool(config.simulator) and _is_loopback(str(config.host)) and published


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@lru_cache(maxsize=URLS_KEPT)
def url_fault(url: str, reach: Reach) -> Literal["invalid", "unsafe"] | None:
    """ "invalid": not an http(s) URL; "unsafe": its host is an address that is not called; None: it may be kept.

    A name that resolves to such an address is found out when it is called (net/guard.py).
    """
    if not urls.is_http_url(url):
        return "invalid"
    return None if urls.literal_reached(url, reach) else "unsafe"


def uncalled(url: str, reach: Reach) -> str | None:
    """Why this server does not call the URL, in words; None where it does."""
    match url_fault(url, reach):
        case "invalid":
            return NOT_VALID
        case "unsafe":
            return NOT_CALLED
        case None:
            return None


def insecure(project: Project | None, url: str) -> bool:
    """Whether the project wants HTTPS, and this is none."""
    return project is not None and FORCE_HTTPS in project.switches and url[:8].lower() != "https://"


def shown_url(url: str, text: str | None) -> str:
    """As much of a URL as the record of a message with this text may show. User name, password and query never: they
    may carry a secret, or what somebody wrote. The path is left out where it has a word of the text: a redaction of the
    message has to remove all of it."""
    try:
        parts = urls.split(url)
    except urls.UrlError:
        return "an invalid URL"
    origin = urls.parse_target(url).origin.removesuffix(f":{urls.DEFAULT_PORTS[parts.scheme]}")
    path = unquote(parts.path).casefold()
    words = _WORD.findall(text.casefold()) if text else []
    if any(word in path for word in words):
        return origin
    return origin + parts.path


def shown_configured(url: str) -> str:
    """A URL that the project configured: whole, less user name, password and time limits."""
    try:
        return requested(url).url
    except urls.UrlError:
        return "an invalid URL"


def reached(response: HttpResponse) -> str | None:
    """The URL that answered, where redirects led to it."""
    return response.url if response.redirects else None


def way(asked: str, reached: str | None) -> str:
    """Where a request went: the URL that was asked, and where redirects led to. Both as shown."""
    return asked if reached is None else f"{asked}, redirected to {reached}"
