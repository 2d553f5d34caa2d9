"""Who calls, and whether that caller may (contract, section 1).

HTTP Basic with a project's id, in either form of `ids.project_id`, and one of its tokens. Every refusal looks the
same, 401, except to the users of a machine that serves only itself (`explains`): there it says what was wrong.

The deployment's operator sends ``Authorization: Bearer <secret>``, with the id of the project acted for in
``X-Heliograph-Project``. The secret is the local one, which a running server writes into its data folder for the
command line, or the operator's token, of which the setting `operator_token_sha256` has the hash. Views of the whole
deployment need one of the two; a project's token never gets them (403).
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from enum import Enum
from urllib.parse import urlsplit

from heliograph.api.errors import Forbidden, Unauthorized
from heliograph.api.services import Services
from heliograph.config import Config
from heliograph.core import ids
from heliograph.core.directory import SCOPES, Project
from heliograph.core.errors import NotFound
from heliograph.core.texts import quoted
from heliograph.engine.directory import Directory, Principal

PROJECT_HEADER = "X-Heliograph-Project"

LOCAL_TOKEN_ID = "local"  # noqa: S105 (the name that stands where a token's id would)

OPERATOR_TOKEN_ID = "operator"  # noqa: S105 (likewise)

_REMEMBERED_MAX = 10_000
"""Credentials remembered at once, a few MB; beyond it all are forgotten and looked up again."""


def explains(config: Config) -> bool:
    """Whether a 401 may say what was wrong: on a server with the simulated carrier that nobody else can reach, a
    developer's own."""
    urls = [urlsplit(config.public_url).hostname or ""] if config.public_url else []
    return bool(config.simulator) and all(map(_is_loopback, [config.host, *urls]))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Operators(Enum):
    """LOCAL: the local secret alone, for a project. PROJECT: any operator, for a project. DEPLOYMENT: any operator; no
    project need be named."""

    LOCAL = "local"
    PROJECT = "project"
    DEPLOYMENT = "deployment"


class Credentials:
    """Reads Authorization headers. The hot path is one hash and one look-up.

    A principal is remembered under the header's SHA-256, so that no secret stays in memory, with the directory's
    version: any change to the directory, such as a revoked token, makes every header be checked anew.
    """

    def __init__(self, directory: Directory, local_secret: str, operator_token_sha256: str | None = None) -> None:
        self._directory = directory
        self._local = hashlib.sha256(local_secret.encode()).hexdigest() if local_secret else ""
        self._operator = (operator_token_sha256 or "").lower()
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

    def operator(self, header: str | None, project_id: str | None, where: Operators) -> Principal | None:
        """The operator, with every scope of the project that is named, or None."""
        scheme, _, secret = (header or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        given = hashlib.sha256(secret.strip().encode("latin-1", "replace")).hexdigest()
        is_local = hmac.compare_digest(given, self._local)
        is_remote = hmac.compare_digest(given, self._operator) and where is not Operators.LOCAL
        if not (is_local or is_remote):
            return None
        project = self._directory.project((project_id or "").lower())
        if project is None and where is not Operators.DEPLOYMENT:
            return None
        return Principal(
            project_id=project.id if project else "",
            token_id=LOCAL_TOKEN_ID if is_local else OPERATOR_TOKEN_ID,
            scopes=frozenset(SCOPES),
            is_operator=True,
        )

    def _look_up(self, header: str) -> Principal | None:
        given = _pair(header)
        return self._directory.authenticate(ids.project_id(given[0]), given[1]) if given else None

    def fault(self, header: str | None) -> str:
        """What is wrong with a header that lets nobody in; only for those whom `explains` allows."""
        given = _pair(header or "")
        if given is None:
            return "Send HTTP Basic credentials: the project's id as user name, an API token as password."
        if self._directory.project(ids.project_id(given[0])) is None:
            return f"No project has the id {quoted(given[0])}: see `heliograph project list`."
        return "Unknown or revoked API token: `heliograph token create` makes one."


def _pair(header: str) -> tuple[str, str] | None:
    """The user name and the password of a Basic header."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        account, colon, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (account, token) if colon else None


def accepts_operator(method: str, path: str) -> Operators | None:
    """Which operator's credentials an operation accepts, if any."""
    if path.startswith("/api/heliograph/"):
        return Operators.PROJECT
    return Operators.LOCAL if method == "POST" and path == "/api/messaging/messages" else None


def require_operator(caller: Principal | None) -> None:
    """Raise Forbidden for a project's token, Unauthorized for nobody."""
    if caller is None:
        raise Unauthorized
    if not caller.is_operator:
        raise Forbidden("Operator only: use the local secret, or the operator's token as a Bearer token.")


def admit(
    services: Services, caller: Principal | None, scopes: frozenset[str], project_id: str | None = None
) -> Project:
    """The project that is acted on: the caller's own, or the one that `project_id` names.

    Any one of `scopes` lets a token in, none at all lets every token in. Raises Unauthorized, or NotFound for a
    project that is neither the caller's nor a subproject of it.
    """
    if caller is None:
        raise Unauthorized
    if scopes and scopes.isdisjoint(caller.scopes):
        needed = f"The API token lacks the scope {' or '.join(sorted(scopes))}."
        raise Unauthorized(needed if explains(services.config) else "")
    if project_id is None:
        project = services.directory.project(caller.project_id)
    else:
        project = services.directory.acts_on(caller, project_id)
    if project is None:
        raise NotFound("There is no such account: it is neither this project's nor one of its subprojects'.")
    return project
