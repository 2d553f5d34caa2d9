"""What goes back to customers: receipts and inbound messages, as deliver_sm (SMPP 3.4, 4.6 and Appendix B).

Each is a callback that is owed on disk until its deliver_sm is answered ESME_ROK; engine/callbacks.py hands it here
when the customer has a bind. A bind that is lost before the answer means that it is told again over the next one, so a
customer may see the same one twice, never none.
"""

import zlib
from typing import Final

from heliograph.carriers.smpp.link import LinkLost, NoAnswer
from heliograph.core import segments
from heliograph.core.directory import SmppCredential
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Message
from heliograph.core.retry import RetryPolicy
from heliograph.core.segments import Encoding
from heliograph.engine import notify
from heliograph.ports import DueCallback, Told
from heliograph.smsc import addresses, queries
from heliograph.smsc.clients import Bound, Client, Clients, NoBind
from heliograph.wire.smpp import receipt, text
from heliograph.wire.smpp.pdu import DeliverSm, Status, Tag
from heliograph.wire.smpp.receipt import Receipt
from heliograph.wire.smpp.text import CODINGS, Alphabet, Coding, LongMode

FINAL: Final = frozenset({Status.RX_P_APPN, Status.RX_R_APPN})
"""Answers by which a customer says that it will never take this one (SMPP 3.4, 5.1.3)."""


class Deliveries:
    """A ports.Notifier for the origins `smpp:SYSTEM_ID`."""

    policy: RetryPolicy | None = None

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def reachable(self, origin: str) -> bool:
        client = self._clients.get(notify.customer_of(origin))
        return client is not None and bool(client.receivers())

    def concurrency(self, origin: str) -> int:
        client = self._clients.get(notify.customer_of(origin))
        return sum(bound.window for bound in client.receivers()) if client is not None else 0

    async def attempt(self, due: DueCallback) -> Told:
        callback = due.message.callback
        client = self._clients.get(notify.customer_of(callback.url)) if callback else None
        if client is None:
            return Told(reached=False)
        if client.credential.project_id != due.message.project_id:
            return Told(error="the credential belongs to another project now", final=True)
        try:
            return await self._deliver(client, due)
        except (NoBind, LinkLost):
            return Told(reached=False)
        except NoAnswer:
            return Told(error="deliver_sm was not answered in time")
        except ValueError as error:
            return Told(error=f"it can't be written as deliver_sm: {error}", final=True)

    async def _deliver(self, client: Client, due: DueCallback) -> Told:
        """All that one callback comes to, over one bind and in order."""
        bound = await client.place()
        placed = True
        try:
            for pdu in pdus_of(due, bound):
                if not placed:
                    await client.place(bound)
                    placed = True
                response = await bound.link.request(pdu)
                client.free(bound)
                placed = False
                if response.status != Status.ROK:
                    return _not_taken(response.status)
        finally:
            if placed:
                client.free(bound)
        return Told(code=Status.ROK)


def pdus_of(due: DueCallback, bound: Bound) -> list[DeliverSm]:
    if due.message.direction is Direction.INBOUND:
        return inbound(due.message, bound.client.credential, tlvs=bound.tlvs)
    return receipts(due, tlvs=bound.tlvs)


def receipts(due: DueCallback, *, tlvs: bool) -> list[DeliverSm]:
    """One for each id that the customer was given and asked to hear of."""
    message = due.message
    ids = message.options.reply_ids if message.options else ()
    return [_receipt(due, known_as, tlvs=tlvs) for known_as in ids or (message.id,)]


def _receipt(due: DueCallback, known_as: str, *, tlvs: bool) -> DeliverSm:
    """From the recipient to the sender, as if it had answered (SMPP 3.4, 2.11)."""
    message = due.message
    source, destination = addresses.address_of(message.to_number), addresses.address_of(message.from_number)
    told = Receipt(
        message_id=known_as,
        state=queries.state_of(due.state, due.error_code),
        error=f"{queries.error_of(due.error_code):03d}",
        submit_date=receipt.date(message.created_at),
        done_date=receipt.date(due.at if due.done_at is None else due.done_at),
        text=message.body or "",
    )
    is_final = due.state is not State.SENT
    return DeliverSm(
        source_addr_ton=source.ton,
        source_addr_npi=source.npi,
        source_addr=source.text,
        dest_addr_ton=destination.ton,
        dest_addr_npi=destination.npi,
        destination_addr=destination.text,
        esm_class=receipt.DELIVERY_RECEIPT if is_final else receipt.INTERMEDIATE_NOTIFICATION,
        short_message=receipt.compose(told),
        tlvs=receipt.compose_tlvs(told) | _reference(message) if tlvs else {},
    )


def _reference(message: Message) -> dict[int, bytes]:
    """SMPP 3.4, 5.3.2.17: what the customer put into its submit comes back."""
    given = message.options.tlvs.get(Tag.USER_MESSAGE_REFERENCE) if message.options else None
    return {} if given is None else {int(Tag.USER_MESSAGE_REFERENCE): given}


def inbound(message: Message, credential: SmppCredential, *, tlvs: bool) -> list[DeliverSm]:
    """A message to one of the customer's numbers; a long one as the credential says. Without TLVs only a header can
    say what belongs together."""
    source, destination = addresses.address_of(message.from_number), addresses.address_of(message.to_number)
    mode = LongMode(credential.long_mode)
    if not tlvs and mode in (LongMode.SAR, LongMode.PAYLOAD):
        mode = LongMode.UDH8
    alphabet = Alphabet(credential.alphabet)
    body = message.body or ""
    is_wide = alphabet is Alphabet.UCS2
    segmentation = segments.segment(body, encoding=Encoding.UCS2) if is_wide else segments.segment(body)
    codings = {**CODINGS, Encoding.GSM7: CODINGS[Encoding.UCS2] if is_wide else Coding(alphabet, 0)}
    reference = zlib.crc32(message.id.encode())  # the same when it is told again
    return [
        DeliverSm(
            source_addr_ton=source.ton,
            source_addr_npi=source.npi,
            source_addr=source.text,
            dest_addr_ton=destination.ton,
            dest_addr_npi=destination.npi,
            destination_addr=destination.text,
            esm_class=part.esm_class,
            data_coding=part.data_coding,
            short_message=part.short_message,
            tlvs=part.tlvs,
        )
        for part in text.parts(segmentation, reference=reference, mode=mode, codings=codings)
    ]


def _not_taken(status: int) -> Told:
    name = f"ESME_{_NAMES[status]}" if status in _NAMES else f"{status:#010x}"
    return Told(code=status, error=f"answered {name}", final=status in FINAL)


_NAMES: Final = {int(status): status.name for status in Status}
