"""An outage is told in two lines, whatever happens between them."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from heliograph.core.errors import StoreUnavailable
from heliograph.storage.outage import SETTLED_SECONDS, Outage

FULL = StoreUnavailable("the disk is full")


class Hand:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def outage(hand: Hand) -> Outage:
    return Outage(hand)


def test_a_hundred_failures_are_two_lines(outage: Outage, hand: Hand) -> None:
    with capture_logs() as lines:
        for _ in range(50):
            hand.time += 0.1
            outage.failed("write", FULL, 2)
            outage.failed("read", FULL)
        hand.time += SETTLED_SECONDS
        outage.worked("read")
        outage.worked("write")
        outage.worked("write")
    begun, ended = lines
    assert (begun["event"], begun["operation"], begun["error"]) == ("store.unavailable", "write", "the disk is full")
    assert (ended["event"], ended["writes_refused"], ended["reads_refused"]) == ("store.available_again", 100, 50)
    assert ended["after_seconds"] == pytest.approx(4.9 + SETTLED_SECONDS)
    assert not outage.lasts


def test_one_write_that_succeeds_between_others_that_fail_is_no_end(outage: Outage, hand: Hand) -> None:
    lines: list[Any]
    with capture_logs() as lines:
        for _ in range(20):
            outage.failed("write", FULL)
            hand.time += SETTLED_SECONDS / 2
            outage.worked("write")
    assert len(lines) == 1 and outage.lasts


def test_what_failed_must_work_before_it_is_over(outage: Outage, hand: Hand) -> None:
    outage.failed("write", FULL)
    hand.time += 60
    outage.worked("read")
    assert outage.lasts
    outage.worked("write")
    assert not outage.lasts
