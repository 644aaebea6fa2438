"""Bars are drawn on a terminal, and nowhere else; what is printed beside them stays as it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from snr_keras.reid import bars
from tests import terminal

WORK = """
import sys
sys.argv = ["snr"]
from snr_keras.cli.console import say, say_error
from snr_keras.reid import bars

bars.PAUSE = 0
with bars.line("trainings") as trainings:
    for number, name in enumerate(("none", "snr")):
        within = trainings.within(number, 2)
        within(0)
        say(f"{name} begins")
        with bars.progress_bar(f"embedding {name}") as move:
            for done in range(1, 5):
                move(done, 4)
                within(done / 4)
                if (name, done) == ERROR_AT:
                    raise ValueError("the disk is full")
        say_error("beware", label="warning:")
say("the end")
"""
PRINTED = "none begins\nsnr begins\nthe end\n"


def work(error_at: tuple[str, int] | None = None) -> list[str]:
    return [sys.executable, "-c", WORK.replace("ERROR_AT", repr(error_at))]


def test_a_terminal_shows_a_line_for_each_work_and_none_in_the_end(tmp_path: Path) -> None:
    status, written = terminal.run(work(), folder=tmp_path)
    assert status == 0
    assert terminal.screen(written) == [
        "none begins",
        "warning: beware",
        "snr begins",
        "warning: beware",
        "the end",
    ]
    seen = [terminal.screen(written[:end]) for end in range(len(written)) if written.startswith("\x1b[2K", end)]
    shown = {" ".join(word for word in line.split() if "━" not in word) for lines in seen for line in lines}
    assert {"trainings 0/2", "embedding none 1/4", "embedding none 4/4", "embedding snr 4/4", "trainings 2/2"} <= shown
    assert any(line.startswith("embedding none 2/4 0:00:0") and line.endswith(" left") for line in shown)
    assert any(line.startswith("trainings 1/2 0:00:0") and line.endswith(" left") for line in shown)


def test_what_is_sent_elsewhere_has_no_bars_in_it(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        status, written = terminal.run(work(), folder=tmp_path, stdout=out)
    assert status == 0
    assert (tmp_path / "out").read_text() == PRINTED
    assert terminal.screen(written) == ["warning: beware", "warning: beware"]
    assert "4/4" in written


def test_a_pipe_and_a_dumb_terminal_have_none(tmp_path: Path) -> None:
    done = subprocess.run(work(), cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (PRINTED, "warning: beware\nwarning: beware\n")
    _, written = terminal.run(work(), folder=tmp_path, term="dumb")
    assert written == "none begins\nwarning: beware\nsnr begins\nwarning: beware\nthe end\n"


def test_without_standard_error_the_work_goes_on() -> None:
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *work()]
    done = subprocess.run(closed, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, PRINTED)


def test_after_an_error_its_message_stands_alone(tmp_path: Path) -> None:
    status, written = terminal.run(work(("snr", 3)), folder=tmp_path)
    assert status == 1
    assert terminal.screen(written)[2:4] == ["snr begins", "Traceback (most recent call last):"]
    assert terminal.screen(written)[-1] == "ValueError: the disk is full"
    assert "\x1b[?25l" not in written  # the cursor was never hidden


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    return now


def test_the_time_left_is_by_the_pace_since_the_bar_began(clock: list[float]) -> None:
    with bars.line("runs") as line:
        line.show(10, 40)  # those were there before
        assert line.details() == "10/40"
        clock[0] += 60
        line.show(11.5, 40)
        assert line.details() == "11/40  0:19:00 left"
        clock[0] += 30
        assert line.details() == "11/40  0:28:30 left"
        line.show(40, 40)
        assert line.details() == "40/40"


def test_a_bar_of_one_work_after_another_begins_anew_with_each(clock: list[float]) -> None:
    with bars.line("search") as line:
        for done, total in ((1, 2), (2, 2), (1, 3)):
            clock[0] += 3600
            line.show(done, total)
        assert line.details() == "1/3"
        clock[0] += 5
        line.show(2, 3)
        assert line.details() == "2/3  0:00:05 left"


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", r"人 [b]\x1b[2J"), ("ascii", r"\u4eba [b]\x1b[2J")])
def test_names_give_no_orders_and_are_in_characters_that_there_are(monkeypatch, encoding: str, shown: str) -> None:
    with terminal.standard_error(monkeypatch) as written:
        sys.stderr.reconfigure(encoding=encoding, errors="strict")
        with bars.progress_bar("人 [b]\x1b[2J") as move:
            move(1, 2)
    assert shown in written[0]
    assert "\x1b[2J" not in written[0]
