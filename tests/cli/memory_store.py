"""A store in memory, as far as the command line needs one."""

from collections.abc import Sequence

from heliograph.core.directory import Number, Project, SmppCredential, Snapshot, Token
from heliograph.core.errors import NotFound, StoreUnavailable
from heliograph.core.inventory import FreeNumber, Search
from heliograph.ports import NumberTaken, StoreHeld, SystemIdTaken


class MemoryStore:
    """The directory half of a store: all or nothing per call, a number only once."""

    def __init__(self) -> None:
        self.projects: list[Project] = []
        self.tokens: list[Token] = []
        self.numbers: list[Number] = []
        self.smpp_credentials: list[SmppCredential] = []
        self.free: dict[str, FreeNumber] = {}
        self.writes = 0
        self.opened = 0
        self.closed = 0
        self.fault: StoreHeld | StoreUnavailable | None = None

    async def open(self) -> None:
        if self.fault:
            raise self.fault
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1

    async def ping(self) -> None:
        return None

    async def directory(self) -> Snapshot:
        return Snapshot(
            version=self.writes,
            projects=tuple(self.projects),
            tokens=tuple(self.tokens),
            numbers=tuple(self.numbers),
            applications=(),
            smpp_credentials=tuple(self.smpp_credentials),
        )

    async def route_projects(self) -> dict[str, str]:
        return {}

    async def add_project(self, project: Project, token: Token | None, numbers: Sequence[Number]) -> None:
        for number in numbers:
            self._refuse_taken(number)
        self.writes += 1
        self.projects.append(project)
        self.tokens += [token] if token else []
        self.numbers += numbers

    async def stock(self, free: Sequence[FreeNumber], at: int) -> None:
        self.free |= {number.number: number for number in free}

    async def free_numbers(self, search: Search) -> list[FreeNumber]:
        found = [n for n in self.free.values() if n.kind == search.kind and search.country in (None, n.country)]
        return [n for n in found if n.national.startswith(search.area_code or "")][: search.limit]

    async def put_token(self, token: Token) -> None:
        self._refuse_homeless(token.project_id)
        self.writes += 1
        self.tokens.append(token)

    async def remove_token(self, project_id: str, token_id: str) -> bool:
        self.writes += 1
        kept = [token for token in self.tokens if (token.project_id, token.id) != (project_id, token_id)]
        removed = len(kept) < len(self.tokens)
        self.tokens = kept
        return removed

    async def put_number(self, number: Number) -> None:
        self._refuse_homeless(number.project_id)
        self._refuse_taken(number)
        self.writes += 1
        self.numbers.append(number)

    async def update_number(self, number: Number) -> bool:
        self.writes += 1
        known = [each.id for each in self.numbers]
        self.numbers = [number if each.id == number.id else each for each in self.numbers]
        return number.id in known

    async def add_smpp_credential(self, credential: SmppCredential) -> None:
        self._refuse_homeless(credential.project_id)
        if any(each.system_id == credential.system_id for each in self.smpp_credentials):
            raise SystemIdTaken(credential.system_id)
        self.writes += 1
        self.smpp_credentials.append(credential)

    async def update_smpp_credential(self, credential: SmppCredential) -> bool:
        self.writes += 1
        before = self.smpp_credentials
        others = [each for each in before if each.system_id != credential.system_id]
        self.smpp_credentials = [*others, credential] if len(others) < len(before) else before
        return len(others) < len(before)

    async def remove_smpp_credential(self, project_id: str, system_id: str) -> bool:
        self.writes += 1
        before = self.smpp_credentials
        self.smpp_credentials = [c for c in before if (c.project_id, c.system_id) != (project_id, system_id)]
        return len(self.smpp_credentials) < len(before)

    def _refuse_homeless(self, project_id: str) -> None:
        if all(each.id != project_id for each in self.projects):
            raise NotFound

    def _refuse_taken(self, number: Number) -> None:
        if any(known.number == number.number and known.id != number.id for known in self.numbers):
            raise NumberTaken
