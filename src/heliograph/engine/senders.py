"""Which number of a group sends a message (contract, section 4.1).

Only members that can send its kind are asked, those of the recipient's country before the others. Where the group is
sticky, whoever sent to the recipient last sends again; else the one with the fewest unsent messages, or any.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from heliograph.core import numbers
from heliograph.core.directory import Number, NumberGroup
from heliograph.core.errors import Fault, refuse
from heliograph.engine.directory import Directory
from heliograph.engine.sticky import Choice, StickySenders
from heliograph.engine.transition import Transitions

LEAST_LOADED = "least_loaded"

LISTS_MAX = 10_000
"""Lists of members kept in memory: one for each group, kind and country that was asked for since the directory was last
read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a message needs of its sender."""

    group: NumberGroup
    to_number: str
    mms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """The number that sends, and why, for the message's timeline. choice: what is remembered of it, where the group is
    sticky."""

    member: Number
    why: str
    choice: Choice | None = None


class Senders:
    def __init__(
        self,
        directory: Directory,
        transitions: Transitions,
        sticky: StickySenders,
        chance: Callable[[], float],
        choice: str = LEAST_LOADED,
    ) -> None:
        """`chance`: evenly from 0 to below 1."""
        self._directory = directory
        self._transitions = transitions
        self._sticky = sticky
        self._chance = chance
        self._by_load = choice == LEAST_LOADED
        self._version = directory.version
        self._able: dict[tuple[str, bool], dict[str, Number]] = {}
        self._fitting: dict[tuple[str, bool, str | None], Sequence[Number]] = {}

    def remembered(self, need: Need) -> AbstractAsyncContextManager[Choice]:
        """Who sent to the recipient last, for as long as the message is on its way to disk."""
        return self._sticky.choice(need.group, need.to_number)

    def again(self, need: Need, choice: Choice) -> Pick:
        """The one who sent last; another where there is none such, or it left the group or can't send this kind. Raises
        Refused where nobody can."""
        member = self._able_for(need).get(choice.number_id or "")
        if member is not None:
            return Pick(member=member, why="the group's number that sent to the recipient before", choice=choice)
        pick = self.any(need)
        why = pick.why if choice.number_id is None else f"{pick.why}; the one before can't send this any more"
        choice.number_id = pick.member.id
        return Pick(member=pick.member, why=why, choice=choice)

    def any(self, need: Need) -> Pick:
        """Raises Refused where no member can send it."""
        fitting = self.fitting(need)
        if not fitting:
            raise refuse(Fault.GROUP_UNFIT)
        if len(fitting) == 1:
            return Pick(member=fitting[0], why="the group's only number that fits")
        best = self._least_loaded(fitting) if self._by_load else fitting
        loaded = f", {len(best)} of them with the fewest unsent messages" if self._by_load else ""
        why = f"one of the group's {len(fitting)} numbers that fit{loaded}"
        return Pick(member=best[int(self._chance() * len(best))], why=why)

    def fitting(self, need: Need) -> Sequence[Number]:
        """Those to choose from: of the recipient's country, or of any where it has none there."""
        country = numbers.country_of(need.to_number)
        able = self._able_for(need)
        key = (need.group.id, need.mms, country)
        found = self._fitting.get(key)
        if found is None:
            near = [
                each for each in able.values() if country is not None and numbers.country_of(each.number) == country
            ]
            found = self._fitting[key] = near or list(able.values())
        return found

    def _able_for(self, need: Need) -> dict[str, Number]:
        """The members that can send this kind, by id."""
        if self._version != self._directory.version or len(self._fitting) >= LISTS_MAX:
            self._able.clear()
            self._fitting.clear()
            self._version = self._directory.version
        key = (need.group.id, need.mms)
        found = self._able.get(key)
        if found is None:
            capability = "mms" if need.mms else "sms"
            members = self._directory.members_of(need.group)
            found = self._able[key] = {each.id: each for each in members if each.can(capability)}
        return found

    def _least_loaded(self, fitting: Sequence[Number]) -> Sequence[Number]:
        unsent = self._transitions.unsent
        loads = [unsent[each.number] for each in fitting]
        least = min(loads)
        return [each for each, load in zip(fitting, loads, strict=True) if load == least]
