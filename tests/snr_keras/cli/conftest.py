"""The command line as a user calls it, and a small world to call it on; frameworks are imported where tests run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.snr_keras.reid.conftest import no_learning, small_networks

if TYPE_CHECKING:
    from snr_keras.reid import bars

__all__ = ["no_learning", "small_networks"]  # fixtures


class Outcome(NamedTuple):
    """What a command left behind."""

    status: int
    output: str


def moves_of(patch: pytest.MonkeyPatch, description: str) -> list[tuple[float, int]]:
    """A list that will hold how much a bar says is done, and of how much, each time that it moves."""
    from snr_keras.reid import bars

    moves: list[tuple[float, int]] = []
    show = bars.Line.show

    def noted(line: bars.Line, done: float, total: int, **details: str) -> None:
        if line.description == description:
            moves.append((done, total))
        show(line, done, total, **details)

    patch.setattr(bars.Line, "show", noted)
    return moves


@pytest.fixture
def snr(monkeypatch, capsys):
    """Run a command in this process: `snr("train", "--source", ...)`."""

    def call(*arguments: object) -> Outcome:
        from snr_keras.cli import main

        monkeypatch.setattr(sys, "argv", ["snr", *map(str, arguments)])
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # Typer sets its own
        monkeypatch.setenv("COLUMNS", "200")
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        captured = capsys.readouterr()
        return Outcome(status, captured.out + captured.err)

    return call


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """The domains day and night of a world of few people, in Market-1501 layout."""
    from snr_keras.reid.data.synthetic import synthesize

    folder = tmp_path_factory.mktemp("a world with spaces")
    for domain in ("day", "night"):
        synthesize(
            folder / domain,
            domain=domain,
            train_identities=4,
            test_identities=3,
            cameras=2,
            images_per_camera=2,
            image_size=(32, 16),
        )
    return folder
