"""The URL that is requested, made from the one that was configured: what goes out, and so what a signature covers.

Rules (contract, section 8), so that an application which puts its URL together from the request gets the one that was
signed:
- without fragment, user name and password (those become an Authorization header); a `?` without a query is left out;
- scheme and host in lower case, the host in IDNA, a port that is the scheme's own left out, an empty path `/`
  (RFC 3986, 6.2.3, and WHATWG's URLs);
- path and query as they are, characters outside ASCII percent-encoded as UTF-8 (RFC 3987, 3.1).
"""

import base64
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from yarl import URL

from heliograph.wire import urls

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """url: whole. target: what the request line names. host, port: to connect to. authority: the Host header's value.
    authorization: the header's value for user name and password; None without them. base: the URL with them, against
    which relative URLs are resolved."""

    url: str
    scheme: str
    host: str
    port: int
    authority: str
    target: str
    authorization: str | None
    base: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def requested(url: str) -> Requested:
    """Raises UrlError."""
    parts = urls.split(url.partition("#")[0])
    user_info, at_sign, _ = parts.netloc.rpartition("@")
    host = _host(parts)
    own_port = urls.DEFAULT_PORTS[parts.scheme]
    port = parts.port or own_port
    bracketed = f"[{host}]" if ":" in host else host
    authority = bracketed if port == own_port else f"{bracketed}:{port}"
    target = _in_ascii(parts.path or "/") + (f"?{_in_ascii(parts.query)}" if parts.query else "")
    return Requested(
        url=f"{parts.scheme}://{authority}{target}",
        scheme=parts.scheme,
        host=host,
        port=port,
        authority=authority,
        target=target,
        authorization=_authorization(user_info) if at_sign else None,
        base=f"{parts.scheme}://{user_info}{at_sign}{authority}{target}",
    )


def redirected(base: Requested, location: str) -> Requested:
    """Where a Location header leads to. Raises UrlError, for what is not an http or https URL too."""
    try:
        url = urljoin(base.base, location.strip())
        authority = urlsplit(url).netloc
    except ValueError as error:
        raise urls.UrlError("The URL's host or port is malformed.") from error
    return requested(url if " " in authority else url.replace(" ", "%20"))


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if host.isascii():
        return host.lower()
    try:
        return URL.build(scheme="http", host=host).raw_host or ""
    except ValueError as error:
        raise urls.UrlError("The URL's host is malformed.") from error


def _in_ascii(text: str) -> str:
    return text if text.isascii() else _BEYOND_ASCII.sub(lambda match: quote(match[0]), text)


def _authorization(user_info: str) -> str:
    """Basic authentication, in UTF-8 (RFC 7617)."""
    user, _, password = user_info.partition(":")
    credentials = f"{unquote(user)}:{unquote(password)}".encode("utf-8", "replace")
    return "Basic " + base64.b64encode(credentials).decode("ascii")
