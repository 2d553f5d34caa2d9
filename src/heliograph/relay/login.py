"""Judging credentials: a project's id and one of its tokens, with the scope for messages.

Whatever is wrong is answered alike. An address that failed too often is put off for a while, and told so by another
code: SignalWire's SDKs give up at wrong credentials, and shall not for want of patience.
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
        if self._failed.is_put_off(address):
            raise RpcError(PUT_OFF, "Too many failed logins from this address. Try again in a minute.")
        principal = self._principal(authentication)
        if principal is None:
            self._failed.count(address)
            raise RpcError(WRONG, "Unauthorized: check the project id, the API token and its scope messaging.")
        return principal

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
