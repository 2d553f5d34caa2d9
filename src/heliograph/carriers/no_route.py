"""What stands in where no carrier is configured: every message fails with "no route", and says so."""

import asyncio

from heliograph.core.errors import Permanent
from heliograph.core.message import Message
from heliograph.ports import Answer, CarrierEvents, CarrierStatus, Submission, Submitted

NO_ROUTE = 30006


class NoRoute:
    name = "none"
    window = 1000
    available = True
    attempts = 1

    def status(self) -> CarrierStatus:
        return CarrierStatus(name=self.name, kind="none", available=True, window=self.window, in_flight=0)

    async def start(self, events: CarrierEvents) -> None:
        """Nothing to connect to."""

    def submit(self, submission: Submission) -> asyncio.Future[Submitted]:
        answer: asyncio.Future[Submitted] = asyncio.get_running_loop().create_future()
        answer.set_exception(Permanent(NO_ROUTE, "no carrier is configured"))
        return answer

    async def query(self, message: Message) -> Answer | None:
        """Nothing was ever taken here."""
        return Answer(refs=None)

    async def stop(self) -> None:
        """Nothing to let go."""
