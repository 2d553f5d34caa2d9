"""What stands in where no carrier is configured: every message fails with "no route", and says so."""

import asyncio

from heliograph.core.errors import Permanent
from heliograph.ports import Answer, ReceiptHandler, Submission

NO_ROUTE = 30006


class NoRoute:
    name = "none"
    window = 1000

    async def start(self, on_receipt: ReceiptHandler) -> None:
        """Nothing to connect to."""

    def submit(self, submission: Submission) -> asyncio.Future[str]:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        answer.set_exception(Permanent(NO_ROUTE, "no carrier is configured"))
        return answer

    async def query(self, message_id: str) -> Answer | None:
        """Nothing was ever taken here."""
        return Answer(carrier_ref=None)

    async def stop(self) -> None:
        """Nothing to let go."""
