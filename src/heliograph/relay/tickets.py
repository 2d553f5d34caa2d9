"""Names of sessions, and what lets a client resume one.

`protocol` is `signalwire_SIGNATURE_NONCE`. The signature is an HMAC over the project and the nonce by the project's
signing key, so that a server that was just started believes it without having kept it; SignalWire's Node SDK compares
it with `authorization.signature`. `authorization_state` holds the session's contexts, sealed by the same key's other
derivative: a client gives it back as it got it.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from heliograph.core.directory import Project

PREFIX: Final = "signalwire"
NONCE_BYTES: Final = 16
SEAL_NONCE_BYTES: Final = 12
NAME_MAX: Final = 200
STATE_MAX: Final = 100_000
"""Characters of a state."""

SEALED_MAX: Final = 20_000
"""Characters of contexts in a state, so that it fits into the frame that brings it back; the rest is not resumed."""


def new_nonce() -> str:
    return secrets.token_hex(NONCE_BYTES)


def signature(project: Project, nonce: str) -> str:
    """40 hex digits."""
    signed = f"relay session:{project.id}:{nonce}".encode()
    return hmac.new(project.signing_key.encode(), signed, hashlib.sha256).hexdigest()[:40]


def protocol(project: Project, nonce: str) -> str:
    return f"{PREFIX}_{signature(project, nonce)}_{nonce}"


def nonce_of(project: Project, protocol: object) -> str | None:
    """The nonce of a `protocol` that was made for this project; None for any other."""
    if not isinstance(protocol, str) or len(protocol) > NAME_MAX:
        return None
    prefix, _, rest = protocol.partition("_")
    signed, _, nonce = rest.partition("_")
    if prefix != PREFIX or not nonce or not protocol.isascii():
        return None
    return nonce if hmac.compare_digest(signed, signature(project, nonce)) else None


def seal(project: Project, protocol: str, contexts: list[str]) -> str:
    """An authorization_state."""
    contexts = _within(contexts)
    nonce = secrets.token_bytes(SEAL_NONCE_BYTES)
    sealed = AESGCM(_key(project)).encrypt(nonce, orjson.dumps(contexts), protocol.encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def _within(contexts: list[str]) -> list[str]:
    fitting, room = [], SEALED_MAX
    for context in contexts:
        room -= len(context)
        if room < 0:
            break
        fitting.append(context)
    return fitting


def unseal(project: Project, protocol: str, state: object) -> list[str] | None:
    """The contexts in a state that was sealed for this session; None for anything else."""
    if not isinstance(state, str) or len(state) > STATE_MAX or not state.isascii():
        return None
    try:
        raw = base64.urlsafe_b64decode(state)
        opened = AESGCM(_key(project)).decrypt(raw[:SEAL_NONCE_BYTES], raw[SEAL_NONCE_BYTES:], protocol.encode())
    except (ValueError, InvalidTag):
        return None
    contexts: list[str] = orjson.loads(opened)
    return contexts


def _key(project: Project) -> bytes:
    return hashlib.sha256(f"relay state:{project.id}:{project.signing_key}".encode()).digest()
