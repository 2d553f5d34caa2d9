import json
import os
from pathlib import Path

import pytest

from heliograph.carriers import journal as journal_module
from heliograph.carriers.journal import Entry, Journal, accepted_counts, carrier_ref


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "simulator.journal"


def entry(message_id: str, number: int = 1, receipts: int = 1) -> Entry:
    return Entry(message_id, number, "+12025550101", "+12025550100", 2, 1_000, receipts, 2_000, 30005)


def test_reads_back_what_is_accepted_and_owed(path: Path) -> None:
    first = Journal(path)
    first.accept([entry("a"), entry("b", receipts=2), entry("c", receipts=0)])
    first.take([entry("a"), entry("b", receipts=2)])
    # no close: the process was killed
    second = Journal(path)
    assert second.owed() == [entry("b", receipts=1)] == first.owed()
    assert [second.times_accepted(each) for each in "abcd"] == [1, 1, 1, 0]
    second.take([entry("b")])
    assert second.owed() == Journal(path).owed() == []


def test_a_message_accepted_again_is_counted_and_gets_another_reference(path: Path) -> None:
    journal = Journal(path)
    journal.accept([entry("a")])
    assert journal.next_numbers(["a", "b", "a", "b"]) == [2, 1, 3, 2]
    journal.accept([entry("a", 2), entry("b")])
    assert accepted_counts(path) == {"a": 2, "b": 1}
    assert Journal(path).times_accepted("a") == 2
    assert [carrier_ref("a", number) for number in (1, 2)] == ["sim-a", "sim-a-2"]


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_torn_last_line_is_cut_off(path: Path, cut: int) -> None:
    journal = Journal(path)
    journal.accept([entry("a")])
    whole = path.read_bytes()
    journal.accept([entry("b")])
    path.write_bytes(path.read_bytes()[:-cut])
    assert accepted_counts(path) == {"a": 1}
    again = Journal(path)
    assert path.read_bytes() == whole
    assert (again.times_accepted("b"), again.unreadable) == (0, 0)
    again.accept([entry("b")])
    assert accepted_counts(path) == {"a": 1, "b": 1}


@pytest.mark.parametrize("damage", [b"\x00\x00\n", b"{}\n", b'["accepted","x",1]\n', b'["lost"]\n', b"\xff\n", b"\n"])
def test_unreadable_lines_are_skipped_and_counted(path: Path, damage: bytes) -> None:
    Journal(path).accept([entry("a")])
    with path.open("ab") as file:
        file.write(damage)
    Journal(path).accept([entry("b")])
    journal = Journal(path)
    assert journal.unreadable == 1
    assert [each.message_id for each in journal.owed()] == ["a", "b"]


def test_a_full_disk_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    journal.accept([entry("a")])
    before, write = path.read_bytes(), os.write
    left = [60]

    def short(file: int, data: memoryview) -> int:
        if not left[0]:
            raise OSError(28, "No space left on device")
        taken = write(file, data[: left[0]])
        left[0] = 0
        return taken

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space"):
        journal.accept([entry("b")])
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert journal.times_accepted("b") == 0
    assert len(journal.owed()) == 1
    journal.accept([entry("b")])
    assert Journal(path).times_accepted("b") == 1


def test_only_the_owner_may_read_it_and_it_has_no_bodies(path: Path) -> None:
    Journal(path).accept([entry("a")])
    assert path.stat().st_mode & 0o777 == 0o600
    line = ["accepted", "a", 1, "+12025550101", "+12025550100", 2, 1_000, 1, 2_000, 30005]
    assert json.loads(path.read_bytes()) == line


class TestBounds:
    """With small limits: 4 acceptances in a file, 2 in a generation of memory."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(journal_module, "ACCEPTED_MAX", 4)
        monkeypatch.setattr(journal_module, "RECENT_MAX", 2)

    def fill(self, journal: Journal, ids: str) -> None:
        for each in ids:
            journal.accept([entry(each)])
            if each != "a":
                journal.take([entry(each)])

    @pytest.mark.parametrize("restart", [False, True])
    def test_keeps_two_files_and_carries_over_what_is_owed(self, path: Path, restart: bool) -> None:
        journal = Journal(path)
        for part in ("abcd", "efgh", "ij"):
            self.fill(journal, part)
            if restart:
                journal.close()
                journal = Journal(path)
        assert accepted_counts(path) == dict.fromkeys("efghij", 1)
        assert sorted(each.name for each in path.parent.iterdir()) == [path.name, path.name + ".1"]
        assert journal.owed() == [entry("a")]
        journal.take([entry("a")])
        assert Journal(path).owed() == []

    @pytest.mark.parametrize("restart", [False, True])
    def test_says_what_it_can_and_admits_what_it_cannot(self, path: Path, restart: bool) -> None:
        journal = Journal(path)
        self.fill(journal, "abcdefghij")
        if restart:
            journal = Journal(path)
        gone, kept, never, never_maybe = "abcd", "efghij", ["d0", "f0", "z"], ["a0", "b0"]
        assert [journal.times_accepted(each) for each in kept] == [1] * 6
        assert [journal.times_accepted(each) for each in never] == [0] * 3
        assert [journal.times_accepted(each) for each in (*gone, *never_maybe)] == [None] * 6
        journal.accept([entry("e", 2)])
        assert journal.times_accepted("e") == 2

    def test_an_old_message_accepted_again_is_recognised_from_the_files(self, path: Path) -> None:
        journal = Journal(path)
        self.fill(journal, "bcdefgh")
        assert journal.next_numbers(["b", "b", "z"]) == [2, 3, 1]

    def test_a_crash_between_the_renames_loses_nothing(self, path: Path) -> None:
        self.fill(Journal(path), "abcde")
        new = path.with_name(path.name + ".new")
        path.rename(new)
        assert accepted_counts(path) == dict.fromkeys("abcd", 1)
        journal = Journal(path)
        assert accepted_counts(path) == dict.fromkeys("abcde", 1)
        assert journal.owed() == [entry("a")]

    def test_a_new_file_that_was_half_written_is_ignored(self, path: Path) -> None:
        self.fill(Journal(path), "abc")
        path.with_name(path.name + ".new").write_bytes(b'["earlier","z"')
        journal = Journal(path)
        self.fill(journal, "def")
        assert accepted_counts(path) == dict.fromkeys("abcdef", 1)
        assert Journal(path).owed() == [entry("a")]
