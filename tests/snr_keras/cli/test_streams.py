"""What a stream cannot encode is escaped, and the exit status is that of the work."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snr_keras.cli import console as consoles
from snr_keras.cli import main
from snr_ref.conformance.cli import main as conformance


class Streams:
    """Standard output and standard error of a process whose encoding lacks much."""

    def __init__(self, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._encoding, self._monkeypatch = encoding, monkeypatch
        monkeypatch.setenv("COLUMNS", "200")

    def __call__(self, program: Callable[[], object]) -> tuple[object, str]:
        """What a program returns or exits with, and what it prints."""
        buffer = io.BytesIO()
        out, err = (io.TextIOWrapper(buffer, self._encoding, write_through=True) for _ in range(2))
        with self._monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            try:
                status = program()
            except SystemExit as stop:
                status = stop.code or 0
        return status, buffer.getvalue().decode(self._encoding)

    def snr(self, *arguments: object) -> tuple[object, str]:
        """The same of a command."""
        self._monkeypatch.setattr(sys, "argv", ["snr", *map(str, arguments)])
        return self(main)


@pytest.fixture(params=["cp1252", "ascii"])
def streams(request, monkeypatch) -> Streams:
    return Streams(request.param, monkeypatch)


@pytest.fixture
def people(world, tmp_path) -> Path:
    """A data set whose name is in no code page of the West."""
    (tmp_path / "人物").symlink_to(world / "day")
    return tmp_path / "人物"


def test_a_data_set_is_told_of(streams, people) -> None:
    status, output = streams.snr("data", "info", people)
    assert status == 0
    assert output.startswith(r"\u4eba\u7269")


def test_a_search_ends_as_its_work_does(monkeypatch, people, tmp_path) -> None:
    streams = Streams("cp1252", monkeypatch)
    assert streams.snr("extract", people / "query", "--out", tmp_path / "物.h5")[0] == 0
    picture = next((people / "query").iterdir())
    status, output = streams.snr("search", tmp_path / "物.h5", picture, "--top", 1, "--out", tmp_path / "找.csv")
    assert status == 0
    assert rf"\u4eba\u7269/query/{picture.name}" in output
    assert r"\u627e.csv" in output


def test_an_error_shows_its_own_message(streams, tmp_path) -> None:
    status, output = streams.snr("data", "info", tmp_path / "没有")
    assert status == 1
    assert r"\u6ca1\u6709" in output
    assert "codec" not in output


def test_a_wrong_option_and_help_are_shown(streams) -> None:
    status, output = streams.snr("evaluate", "--人")
    assert (status, r"--\u4eba" in output) == (2, True)
    assert streams.snr("train", "--help")[0] == 0


def test_bytes_that_are_no_characters_are_shown(monkeypatch, world, tmp_path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).symlink_to(world / "day")
    status, output = Streams("utf-8", monkeypatch).snr("data", "info", tmp_path / os.fsdecode(b"caf\xe9"))
    assert (status, output.startswith(r"caf\udce9")) == (0, True)


def test_a_cell_is_as_wide_as_it_looks(streams) -> None:
    assert streams(lambda: consoles.shown("人 [b]\x1b"))[0] == r"\u4eba \[b]\x1b"


def test_the_kit_shows_what_it_can(streams) -> None:
    status, output = streams(lambda: conformance(["check", "没有"]))
    assert status == 3
    assert r"There is no module '\u6ca1\u6709' to check" in output
