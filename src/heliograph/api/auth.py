"""Who calls, and whether that caller may (contract, section 1).

HTTP Basic with a project's id, in either form of `ids.project_id`, and one of its tokens. The command line of this
machine may instead send ``Authorization: Bearer <local secret>`` with the project's id in ``X-Heliograph-Project``, for
the operations of `accepts_local` alone. Every refusal looks the same: 401.
"""

import base64
import binascii
import hashlib
import hmac

from heliograph.api.errors import Unauthorized
from heliograph.api.services import Services
from heliograph.core import ids
from heliograph.core.directory import SCOPES, Project
from heliograph.core.errors import NotFound
from heliograph.engine.directory import Directory, Principal

LOCAL_PROJECT_HEADER = "X-Heliograph-Project"

LOCAL_TOKEN_ID = "local"  # noqa: S105 (the name that stands where a token's id would)

_REMEMBERED_MAX = 10_000
"""Credentials remembered at once, a few MB; beyond it all are forgotten and looked up again."""


class Credentials:
    """Reads Authorization headers. The hot path is one hash and one look-up.

    A principal is remembered under the header's SHA-256, so that no secret stays in memory, with the directory's
    version: any change to the directory, such as a revoked token, makes every header be checked anew.
    """

    def __init__(self, directory: Directory, local_secret: str) -> None:
        self._directory = directory
        self._local = local_secret.encode()
        self._remembered: dict[bytes, Principal] = {}
        self._version = directory.version

    def basic(self, header: str | None) -> Principal | None:
        """The caller of a Basic header, or None."""
        if header is None:
            return None
        if self._version != self._directory.version or len(self._remembered) >= _REMEMBERED_MAX:
            self._remembered.clear()
            self._version = self._directory.version
        digest = hashlib.sha256(header.encode("latin-1", "replace")).digest()
        known = self._remembered.get(digest)
        if known is None:
            known = self._look_up(header)
            if known is not None:
                self._remembered[digest] = known
        return known

    def local(self, header: str | None, project_id: str | None) -> Principal | None:
        """The command line's caller, with every scope of the project that it names, or None."""
        scheme, _, secret = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not self._local or not project_id:
            return None
        given = secret.strip().encode("latin-1", "replace")
        project = self._directory.project(project_id.lower())
        if not hmac.compare_digest(given, self._local) or project is None:
            return None
        return Principal(project_id=project.id, token_id=LOCAL_TOKEN_ID, scopes=frozenset(SCOPES))

    def _look_up(self, header: str) -> Principal | None:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            account, colon, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return self._directory.authenticate(ids.project_id(account), token) if colon else None


def accepts_local(method: str, path: str) -> bool:
    """Whether the command line's secret is taken here."""
    return path.startswith("/api/heliograph/") or (method == "POST" and path == "/api/messaging/messages")


def admit(
    services: Services, caller: Principal | None, scopes: frozenset[str], project_id: str | None = None
) -> Project:
    """The project that is acted on: the caller's own, or the one that `project_id` names.

    Any one of `scopes` lets a token in, none at all lets every token in. Raises Unauthorized, or NotFound for a
    project that is neither the caller's nor a subproject of it.
    """
    if caller is None or (scopes and scopes.isdisjoint(caller.scopes)):
        raise Unauthorized
    if project_id is None:
        project = services.directory.project(caller.project_id)
    else:
        project = services.directory.acts_on(caller, project_id)
    if project is None:
        raise NotFound
    return project
