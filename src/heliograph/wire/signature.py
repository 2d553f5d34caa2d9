"""Webhook signatures, as the receivers' official validators compute them (contract, section 8).

All are HMAC-SHA1 under the project's signing key over the URL as it was configured, less its fragment, and then
what the request carries. The same value goes into `X-SignalWire-Signature` and `X-Twilio-Signature`.
https://www.twilio.com/docs/usage/security#validating-requests gives the form's rule.
"""

import base64
import hmac
from collections.abc import Iterable


def sign_form(key: str, url: str, params: Iterable[tuple[str, str]]) -> str:
    """Base64. Each name with its value follows the URL, sorted by name; a repeated name's values are sorted and
    equal ones count once, as the validators of Twilio's libraries do it."""
    signed = url + "".join([name + value for name, value in sorted(set(params))])
    return _base64(key, signed)


def sign_json(key: str, url: str, body: bytes) -> str:
    """Lower-case hex. The raw body follows the URL."""
    return hmac.digest(key.encode(), url.encode() + body, "sha1").hex()


def sign_get(key: str, url: str) -> str:
    """Base64. The URL is the whole one, with the query that the request adds."""
    return _base64(key, url)


def _base64(key: str, signed: str) -> str:
    # "replace", as forms.encode does: a lone surrogate is sent as "?", and signed as it is sent
    digest = hmac.digest(key.encode(), signed.encode("utf-8", "replace"), "sha1")
    return base64.b64encode(digest).decode("ascii")
