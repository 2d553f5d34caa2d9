"""What nobody could use is kept with its reason, bounded, and masked."""

from heliograph.core.lifecycle import State
from heliograph.engine.dropped import CHARACTERS_MAX, Dropped, Reason
from heliograph.engine.metrics import Metrics
from heliograph.ports import InboundPart, Receipt


def test_last_entries_of_each_carrier_are_kept_and_all_are_counted() -> None:
    metrics, moments = Metrics(), iter(range(100))
    dropped = Dropped(metrics, lambda: next(moments), 2)
    for number in range(5):
        dropped.add_receipt("acme", Receipt(carrier_ref=f"{number}", state=State.SENT), Reason.UNKNOWN_ID)
    dropped.add_receipt("bell", Receipt(carrier_ref="", state=State.SENT), Reason.NO_ID)
    assert [(each.carrier, each.at) for each in dropped.entries()] == [("bell", 5), ("acme", 4), ("acme", 3)]
    assert dropped.counts() == {"acme": {"unknown_id": 5}, "bell": {"no_id": 1}}
    assert metrics.dropped["unknown_id"].value == 5
    dropped.forget("acme")
    assert [each.carrier for each in dropped.entries()] == ["bell"]


def test_entry_is_bounded_and_shows_no_number() -> None:
    dropped = Dropped(Metrics(), lambda: 1, 10)
    long = "9" * 5000
    receipt = Receipt(carrier_ref=long, state=State.SENT, from_number=long, to_number="+12065550123", stat="X" * 5000)
    dropped.add_receipt("acme", receipt, Reason.AMBIGUOUS)
    dropped.add_inbound(
        InboundPart(carrier="acme", from_number="+12065550123", to_number="123", data=b"secret", alphabet="gsm")
    )
    inbound, entry = dropped.entries()
    for text in (entry.carrier_ref, entry.from_number, entry.stat):
        assert text is not None and len(text) == CHARACTERS_MAX
    assert (entry.to_number, inbound.reason, inbound.from_number) == ("+1******0123", "unroutable", "+1******0123")


def test_nothing_is_kept_where_none_is_wanted() -> None:
    dropped = Dropped(Metrics(), lambda: 1, 0)
    dropped.add_receipt("acme", Receipt(carrier_ref="1", state=State.SENT), Reason.UNKNOWN_ID)
    assert dropped.entries() == []
    assert dropped.counts() == {"acme": {"unknown_id": 1}}
