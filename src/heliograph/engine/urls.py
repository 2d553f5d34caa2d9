"""URLs that clients give: may this server call them, asked when they are given; how much of them is shown."""

from functools import lru_cache
from typing import Literal

from heliograph.core.directory import FORCE_HTTPS, Project
from heliograph.wire import urls

URLS_KEPT = 1024
"""A client gives the same few callback URLs with each message; judging one takes 20 µs."""


@lru_cache(maxsize=URLS_KEPT)
def url_fault(url: str, allow_loopback: bool) -> Literal["invalid", "unsafe"] | None:
    """ "invalid": not an http(s) URL; "unsafe": its host is a literal forbidden address; None: it may be kept.

    A name that resolves to a forbidden address is found out when it is called (net/guard.py).
    """
    if not urls.is_http_url(url):
        return "invalid"
    return "unsafe" if urls.literal_forbidden(url, allow_loopback) else None


def insecure(project: Project | None, url: str) -> bool:
    """Whether the project wants HTTPS, and this is none."""
    return project is not None and FORCE_HTTPS in project.switches and url[:8].lower() != "https://"


def shown_url(url: str) -> str:
    """As much of a URL as a message's record may show: its path and query may carry what somebody wrote, which a
    redaction is to remove, or a secret."""
    try:
        return urls.parse_target(url).origin
    except urls.UrlError:
        return "a URL that is none"
