"""Webhook signatures, as the receivers' official validators compute them (contract, section 8).

All are HMACs under the project's signing key over the URL that is requested (wire/requested), and then what the request
carries. HMAC-SHA1 goes into `X-SignalWire-Signature` and `X-Twilio-Signature`, the same value; of JSON there is HMAC-
SHA256 as well, in `X-SignalWire-Sha256-Signature`, as signalwire-sdk checks it.
https://www.twilio.com/docs/usage/security#validating-requests gives the form's rule.
"""

import base64
import hmac
from collections.abc import Iterable
from functools import lru_cache

KEYS_KEPT = 2000
"""Keyed starts that are kept: two of a project."""


def sign_form(key: str, url: str, params: Iterable[tuple[str, str]]) -> str:
    """Base64. Each name with its value follows the URL, sorted by name; a repeated name's values are sorted and
    equal ones count once, as the validators of Twilio's libraries do it."""
    signed = url + "".join([name + value for name, value in sorted(set(params))])
    return _base64(key, signed)


def sign_json(key: str, url: str, body: bytes) -> str:
    """Lower-case hex. The raw body follows the URL."""
    return _signed(key, url.encode() + body).hex()


def sign_json_sha256(key: str, url: str, body: bytes) -> str:
    """Lower-case hex. The raw body follows the URL."""
    return _signed(key, url.encode() + body, "sha256").hex()


def sign_get(key: str, url: str) -> str:
    """Base64. The URL is the whole one, with the query that the request adds."""
    return _base64(key, url)


def _base64(key: str, signed: str) -> str:
    # "replace", as forms.encode does: a lone surrogate is sent as "?", and signed as it is sent
    return base64.b64encode(_signed(key, signed.encode("utf-8", "replace"))).decode("ascii")


def _signed(key: str, content: bytes, digest: str = "sha1") -> bytes:
    """From a copy of the keyed start: unlike hmac.digest, that keeps the interpreter's lock, and giving it
    up thousands of times a second costs far more than the hashing."""
    keyed = _keyed(key, digest).copy()
    keyed.update(content)
    return keyed.digest()


@lru_cache(maxsize=KEYS_KEPT)
def _keyed(key: str, digest: str) -> hmac.HMAC:
    return hmac.new(key.encode(), digestmod=digest)
