"""The address of a PostgreSQL database, judged before anything connects: a message never repeats its password.

In a URL the user and password are percent-encoded (RFC 3986, 3.2.1). A raw "@", "/", "?", "#" or "[" in a password ends
that part early, and a driver would connect elsewhere or print the rest.
"""

from typing import Final
from urllib.parse import urlsplit

SCHEMES: Final = ("postgresql", "postgres")

_ENCODE: Final = (
    'its user or password has a sign that must be percent-encoded: "@" is %40, ":" %3A, "/" %2F, "?" %3F, "#" %23,'
    ' "[" %5B, "%" %25'
)


def fault(url: str) -> str | None:
    """What is wrong with the URL, in words without any part of its user or password."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        return "it is no URL: write postgresql://user:password@host:port/name"
    if scheme not in SCHEMES:
        shown = scheme if scheme.isalnum() and len(scheme) <= 16 else "its scheme"
        return f"{shown} is not PostgreSQL: write postgresql://user:password@host:port/name"
    if not url.isprintable() or " " in url:
        return "it has a space or a control character"
    try:
        parts = urlsplit(url)
    except ValueError:
        return _ENCODE
    user, has_user, hosts = parts.netloc.rpartition("@")
    is_cut = "@" in parts.path or ("@" in parts.query and parts.netloc and not has_user)
    if "@" in user or parts.fragment or is_cut or not all(map(_is_host, hosts.split(","))):
        return _ENCODE
    return None


def _is_host(text: str) -> bool:
    """A name or address with or without a port; empty is the default."""
    host, _, port = text.rpartition(":") if ":" in text.rpartition("]")[2] else (text, "", "")
    is_address = host.startswith("[") == host.endswith("]") and "[" not in host[1:]
    return is_address and (port.isdecimal() or not port) and len(port) <= 5
