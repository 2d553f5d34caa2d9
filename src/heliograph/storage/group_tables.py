"""The store's verbs (ports.Store) for number groups, their members, and who sent last to whom."""

from heliograph.core.directory import Key, Membership, NumberGroup
from heliograph.core.errors import NotFound
from heliograph.ports import AlreadyMember, StickySender
from heliograph.storage import rows, scripts
from heliograph.storage.database import Conflict, Database
from heliograph.storage.scripts import Step, touch

FORGOTTEN_AT_ONCE = 1000
"""Senders forgotten in one transaction when their group goes, so that it never holds up an accept for long."""

_OF_GROUP = frozenset({"of_group"})
_AGED = frozenset({"aged"})


class GroupTables:
    """A part of SqlStore."""

    _database: Database

    async def put_group(self, group: NumberGroup) -> None:
        item = (
            group.project_id,
            [Key("groups", group.project_id, group.id)],
            [Step("group_put", rows.group_params(group))],
        )
        if not await self._database.write(scripts.add_owned, item):
            raise NotFound

    async def update_group(self, group: NumberGroup) -> bool:
        touched = touch(Key("groups", group.project_id, group.id))
        return bool(await self._database.write(scripts.run, [*touched, Step("group_update", rows.group_params(group))]))

    async def remove_group(self, project_id: str, group_id: str) -> bool:
        removed = bool(await self._database.write(scripts.remove_groups, (project_id, group_id)))
        keys = {"project_id": project_id, "group_id": group_id, "limit": FORGOTTEN_AT_ONCE}
        forget = Step("sticky_forget", keys, _OF_GROUP, counted=True)
        while removed and await self._forget(forget) == FORGOTTEN_AT_ONCE:
            pass
        return removed

    async def add_membership(self, membership: Membership) -> bool:
        touched = touch(Key("memberships", membership.project_id, membership.id))
        step = Step("membership_add", rows.membership_params(membership))
        try:
            return bool(await self._database.write(scripts.run, [*touched, step]))
        except Conflict as error:
            raise AlreadyMember(membership.number_id) from error

    async def remove_membership(self, project_id: str, membership_id: str) -> bool:
        touched = touch(Key("memberships", project_id, membership_id))
        step = Step("membership_remove", {"project_id": project_id, "membership_id": membership_id})
        return bool(await self._database.write(scripts.run, [*touched, step]))

    async def sticky_sender(self, project_id: str, group_id: str, to_number: str) -> StickySender | None:
        keys = {"project_id": project_id, "group_id": group_id, "to_number": to_number}
        found = await self._database.read("sticky_get", keys)
        return StickySender(**keys, number_id=str(found[0][0]), used_at=found[0][1]) if found else None

    async def forget_sticky_senders(self, before: int, limit: int) -> int:
        return await self._forget(Step("sticky_forget", {"before": before, "limit": limit}, _AGED, counted=True))

    async def _forget(self, step: Step) -> int:
        ((forgotten,),) = await self._database.write(scripts.run, [step])
        return int(forgotten)
