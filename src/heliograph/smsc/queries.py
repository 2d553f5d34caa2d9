"""What a customer asks about its own messages: query_sm and cancel_sm (SMPP 3.4, 4.8 and 4.9)."""

import re
from collections.abc import Callable
from typing import Final

from heliograph.core import lifecycle, numbers
from heliograph.core.ids import is_uuid
from heliograph.core.lifecycle import State
from heliograph.core.message import Message, smpp_callback
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import IdempotencyClaim, Store
from heliograph.smsc import addresses, references
from heliograph.smsc.clients import Client
from heliograph.smsc.references import Reference
from heliograph.smsc.statuses import Rejected
from heliograph.smsc.submits import part_id
from heliograph.wire.smpp import times
from heliograph.wire.smpp.pdu import CancelSm, CancelSmResp, QuerySm, QuerySmResp, Status
from heliograph.wire.smpp.receipt import MessageState

UUID_CHARACTERS: Final = 36
_is_part: Final = re.compile("-[0-9]{1,3}").fullmatch
EXPIRED: Final = frozenset({30001, 30009})
"""Delivery codes of messages whose validity ended."""


class Queries:
    def __init__(self, store: Store, transitions: Transitions) -> None:
        self._store = store
        self._transitions = transitions
        self.cancelled: Callable[[Message], None] = lambda message: None
        """Told of each message that was cancelled, so that nobody keeps it in memory."""

    async def query(self, client: Client, pdu: QuerySm) -> QuerySmResp:
        """What became of a message, by its id."""
        message = await self._own(client, pdu.message_id)
        if not _matches(message.from_number, pdu.source_addr_ton, pdu.source_addr):
            raise Rejected(Status.RQUERYFAIL, "another source_addr than the message's")
        is_final = message.state in lifecycle.TERMINAL
        return QuerySmResp(
            message_id=pdu.message_id,
            final_date=times.absolute(message.updated_at) if is_final else "",
            message_state=state_of(message.state, message.error_code),
            error_code=min(error_of(message.error_code), 255),
        )

    async def taken(self, client: Client, reference: Reference) -> str | None:
        """The id of what was submitted with this reference and is in a message."""
        system_id, project_id = client.credential.system_id, client.credential.project_id
        claim = IdempotencyClaim(key=reference.key(system_id), fingerprint=references.COMPLETE)
        earlier = await self._store.claimed(project_id, claim)
        if earlier is None or earlier.clash:
            return None
        return part_id(earlier.message_id, reference.part)

    async def cancel(self, client: Client, pdu: CancelSm) -> CancelSmResp:
        """Only what is queued yet can be called back."""
        if not pdu.message_id:
            raise Rejected(Status.RCANCELFAIL, "messages are cancelled one by one, by their id")
        message = await self._own(client, pdu.message_id)
        same_from = _matches(message.from_number, pdu.source_addr_ton, pdu.source_addr)
        same_to = _matches(message.to_number, pdu.dest_addr_ton, pdu.destination_addr)
        if not (same_from and same_to) or message.state is not State.QUEUED:
            raise Rejected(Status.RCANCELFAIL, f"the message is {message.state}")
        step = Step(message=message, states=(State.FAILED,), detail="cancelled by the SMPP customer")
        (ended,) = await self._transitions.apply([step])
        if ended is None:
            raise Rejected(Status.RCANCELFAIL, "the message is on its way")
        self.cancelled(ended)
        return CancelSmResp()

    async def _own(self, client: Client, message_id: str) -> Message:
        """The customer's own message, by an id that it was given; raises Rejected."""
        ours = message_id[:UUID_CHARACTERS].lower()
        rest = message_id[UUID_CHARACTERS:]
        if is_uuid(ours) and (not rest or _is_part(rest)):
            message = await self._store.message(client.credential.project_id, ours)
            mine = smpp_callback(client.credential.system_id)
            if message is not None and message.callback == mine and message.deleted_at is None:
                return message
        raise Rejected(Status.RINVMSGID, "no message of this customer's has that id")


def state_of(state: State, error_code: int | None) -> MessageState:
    """A state in SMPP's words (SMPP 3.4, 5.2.28). Failed without a code is what the customer cancelled."""
    match state:
        case State.DELIVERED:
            return MessageState.DELIVERED
        case State.UNDELIVERED | State.FAILED if error_code in EXPIRED:
            return MessageState.EXPIRED
        case State.UNDELIVERED:
            return MessageState.UNDELIVERABLE
        case State.FAILED:
            return MessageState.DELETED if error_code is None else MessageState.REJECTED
        case State.SENT:
            return MessageState.ACCEPTED
        case _:
            return MessageState.ENROUTE


def error_of(error_code: int | None) -> int:
    """A delivery code in the three digits that a receipt has: 30005 is 005, 63011 is 911."""
    if error_code is None:
        return 0
    return error_code % 1000 + (900 if error_code >= _OTHER_CODES else 0)


_OTHER_CODES: Final = 60_000


def _matches(number: str, ton: int, address: str) -> bool:
    """An address that is left out matches (SMPP 3.4, 4.8.1 would have it given)."""
    if not address:
        return True
    given = addresses.number_of(ton, address)
    return number == (numbers.normalize_from(given) or given)
