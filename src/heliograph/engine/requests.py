"""What a door asks of the engine, in our own words. Texts are as the client gave them; the engine judges."""

from typing import Final

from msgspec import Struct

from heliograph.core.message import Direction, Message, Piece, SmppOptions, Source

DOORS: Final = ("cxml", "rest", "relay", "smpp", "document")
"""Where an outbound message enters."""


class SendRequest(Struct, frozen=True, kw_only=True):
    """One outbound message. None is "not given"; "" is given and empty.

    `validity` and `max_price` stay text, so that every door's bad value is refused in one place.
    `callback_url` overrides the application's. `fingerprint` is a hash of the whole request, used with
    `idempotency_key` only.
    """

    project_id: str
    source: Source
    direction: Direction = Direction.OUTBOUND_API
    to_number: str | None = None
    from_number: str | None = None
    group_id: str | None = None
    body: str | None = None
    media_urls: tuple[str, ...] = ()
    media_limit: int = 8
    force_mms: bool = False
    callback_url: str | None = None
    callback_method: str = "POST"
    application_id: str | None = None
    max_price: str | None = None
    validity: str | None = None
    custom_variables: dict[str, object] | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""
    options: SmppOptions | None = None
    receipts_to: str | None = None
    """The system_id of the SMPP customer who sends it, and gets its receipts."""
    sender_vouched: bool = False
    """From is a number of the deployment that any project may send from."""
    tags: tuple[str, ...] = ()
    region: str | None = None
    relay_context: str | None = None
    """The context in which a Relay client is told of its states."""
    relay_session: str | None = None
    """The `protocol` of the Relay session that sends it, which is told of them first."""
    message_id: str | None = None
    """The message's id, where its door had to name it before: minted by core.ids for this deployment."""
    pieces: tuple[Piece, ...] = ()
    """The parts that an SMPP customer's message was joined from."""
    is_counted: bool = False
    """The door has counted it against the project's rate before it read the whole request."""

    @property
    def door(self) -> str:
        """Which of DOORS the request came through."""
        if self.receipts_to is not None:
            return "smpp"
        if self.relay_context is not None:
            return "relay"
        if self.direction is Direction.OUTBOUND_REPLY:
            return "document"
        return "cxml" if self.source is Source.LAML else "rest"


class Sent(Struct, frozen=True, kw_only=True):
    """The message that stands for a SendRequest; `replayed` when an earlier request had made it."""

    message: Message
    replayed: bool = False


class InboundRequest(Struct, frozen=True, kw_only=True):
    """A message from a handset to one of our numbers, as a carrier (or the simulator) brings it."""

    from_number: str
    to_number: str
    body: str
    media_urls: tuple[str, ...] = ()
    carrier: str = "loopback"
    pieces: tuple[Piece, ...] = ()
    """The parts that it was joined from, where it came in several."""
