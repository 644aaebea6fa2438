"""The fuzzer's eyes: each bad end is seen as what it is."""

import pytest

from tests.fuzz.outcomes import Table, outcome_of
from tests.fuzz.worker import Ended


@pytest.mark.parametrize(
    ("ended", "same", "sealed", "outcome"),
    [
        (Ended(0, "done"), True, True, "the same"),
        (Ended(0, "done"), False, True, "silent"),
        (Ended(0, "done"), False, False, "taken"),
        (Ended(0, "UserWarning: 'run/config.json' is damaged"), False, True, "told"),
        (Ended(0, "UserWarning: something is damaged"), False, True, "silent"),
        (Ended(1, "error: 'run/config.json' is damaged"), False, True, "refused"),
        (Ended(1, "error: Expecting ':' delimiter"), False, True, "nameless"),
        (Ended(1, "Traceback (most recent call last): config.json", "traceback"), False, True, "traceback"),
        (Ended(None, "", "hang"), False, False, "hang"),
        (Ended(1, "error: config.json", "", 1.5), False, True, "memory"),
        (Ended(1, "error: config.json: \x1b[2J"), False, True, "escape"),
    ],
)
def test_an_end_has_one_word(ended: Ended, same: bool, sealed: bool, outcome: str) -> None:
    assert outcome_of(ended, names=("config.json",), same=same, sealed=sealed) == outcome


def test_the_table_counts_each_and_keeps_what_was_bad() -> None:
    table = Table()
    table.add("config.json", "refused", "bit 0 of byte 1 flipped", Ended(1, "error"))
    table.add("config.json", "silent", "bit 0 of byte 2 flipped", Ended(0, "done"))
    assert table.bad() == 1
    assert table.examples == ["config.json: silent: bit 0 of byte 2 flipped\ndone"]
    assert [line.split() for line in table.lines()] == [
        ["tried", "refused", "silent", "traceback", "hang"],
        ["config.json", "2", "1", "1", "0", "0"],
        ["all", "2", "1", "1", "0", "0"],
    ]
