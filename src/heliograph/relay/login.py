"""Judging credentials: a project's id and one of its tokens, with the scope for messages.

Whatever is wrong is answered alike. The right token connects, however many wrong ones came from its address: a token
has 192 bits, which nobody finds by trying. After too many failures of an address in a minute the next ones are answered
by another code, and not logged.
"""

from heliograph.core import ids
from heliograph.engine.directory import Directory, Principal
from heliograph.engine.failures import FailedLogins
from heliograph.wire.jsonrpc import RpcError

SCOPE = "messaging"
WRONG = -32002
PUT_OFF = -32000


class Login:
    def __init__(self, directory: Directory, failed: FailedLogins) -> None:
        self._directory = directory
        self._failed = failed

    def check(self, authentication: object, address: str) -> Principal:
        """Raises RpcError."""
        principal = self._principal(authentication)
        if principal is not None:
            return principal
        if self._failed.is_over_limit(address):
            raise RpcError(PUT_OFF, "Too many failed logins from this address. Try again in a minute.")
        self._failed.count(address)
        raise RpcError(WRONG, "Unauthorized: check the project id, the API token and its scope messaging.")

    def _principal(self, authentication: object) -> Principal | None:
        if not isinstance(authentication, dict):
            return None
        project, token = authentication.get("project"), authentication.get("token")
        if not isinstance(project, str) or not isinstance(token, str):
            return None
        principal = self._directory.authenticate(ids.project_id(project), token)
        return principal if principal is not None and SCOPE in principal.scopes else None

    def tokens(self) -> set[tuple[str, str]]:
        """(project_id, token_id) of those that let in, now."""
        tokens = self._directory.tokens()
        return {(token.project_id, token.id) for token in tokens if SCOPE in token.scopes}
