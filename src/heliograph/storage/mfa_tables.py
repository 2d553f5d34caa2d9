"""The store's verbs (ports.Store) for challenges: codes that were sent and are to be told back."""

from collections.abc import Sequence

from heliograph.ports import Challenge
from heliograph.storage import scripts
from heliograph.storage.database import Database
from heliograph.storage.scripts import Step


class MfaTables:
    """A part of SqlStore."""

    _database: Database

    async def put_challenge(self, challenge: Challenge) -> None:
        parameters = _key(challenge.project_id, challenge.id) | {
            "message_id": challenge.message_id,
            "code_hash": challenge.code_hash,
            "attempts_left": challenge.attempts_left,
            "expires_at": challenge.expires_at,
        }
        await self._database.write(scripts.run, [Step("challenge_put", parameters)])

    async def attempt_challenge(self, project_id: str, challenge_id: str, now: int) -> Challenge | None:
        step = Step("challenge_attempt", _key(project_id, challenge_id) | {"now": now})
        found = await self._database.write(scripts.run, [step])
        if not found:
            return None
        message_id, code_hash, attempts_left, expires_at = found[0]
        return Challenge(
            project_id=project_id,
            id=challenge_id,
            message_id=str(message_id),
            code_hash=code_hash,
            attempts_left=attempts_left,
            expires_at=expires_at,
        )

    async def use_challenge(self, project_id: str, challenge_id: str, now: int) -> bool:
        step = Step("challenge_use", _key(project_id, challenge_id) | {"now": now})
        return bool(await self._database.write(scripts.run, [step]))

    async def ended_challenges(self, now: int, limit: int) -> list[Challenge]:
        found = await self._database.read("challenges_ended", {"now": now, "limit": limit})
        return [
            Challenge(
                project_id=str(row[0]),
                id=str(row[1]),
                message_id=str(row[2]),
                code_hash=row[3],
                attempts_left=row[4],
                expires_at=row[5],
            )
            for row in found
        ]

    async def remove_challenges(self, challenges: Sequence[Challenge]) -> None:
        steps = [Step("challenge_remove", _key(each.project_id, each.id)) for each in challenges]
        await self._database.write(scripts.run, steps)


def _key(project_id: str, challenge_id: str) -> dict[str, object]:
    return {"project_id": project_id, "challenge_id": challenge_id}
