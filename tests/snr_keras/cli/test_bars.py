"""What takes long shows on a terminal how far it is, and prints what it prints without one."""

import re
from pathlib import Path

import pytest

from snr_keras.reid import bars
from tests import terminal


@pytest.fixture(autouse=True)
def every_move_is_drawn(monkeypatch) -> None:
    monkeypatch.setattr(bars, "PAUSE", 0)


def drawn(written: str) -> set[str]:
    """The lines with a bar that were on the screen, as a description and what stands behind the bar."""
    lines = re.sub(r"\x1b\[[0-9;]*[mKA]", "", written).replace("\r", "\n").split("\n")
    found = (re.match(r"(.+?) +[━╸╺]+ +(\d+/\d+)?", line) for line in lines)
    return {f"{match[1]} {match[2] or ''}".strip() for match in found if match}


def test_extraction_and_search(snr, monkeypatch, world: Path, tmp_path: Path) -> None:
    pictures = len(list((world / "night" / "query").iterdir()))
    features = tmp_path / "f.h5"
    with terminal.standard_error(monkeypatch) as written:
        extracted = snr("extract", world / "night" / "query", "--out", features)
    assert f"embedding {pictures}/{pictures}" in drawn(written[0])
    assert terminal.screen(written[0]) == []
    with terminal.standard_error(monkeypatch) as written:
        found = snr("search", features, features, "--top", 2)
    assert "searching 1/1" in drawn(written[0])
    assert snr("search", features, features, "--top", 2) == found
    features.unlink()
    assert snr("extract", world / "night" / "query", "--out", features) == extracted


def test_evaluation(snr, monkeypatch, world: Path, tmp_path: Path) -> None:
    night = world / "night"
    queries, gallery = (len(list((night / folder).iterdir())) for folder in ("query", "bounding_box_test"))
    images, rows = queries + gallery, 2 * (queries + gallery) + queries
    command = ("evaluate", "pretrained", "--target", night, "--out", tmp_path, "--verify", "--distance", "re_ranked")
    with terminal.standard_error(monkeypatch) as written:
        outcome = snr(*command)
    assert {
        f"embedding night {images}/{images}",
        f"evaluating night {rows}/{rows}",
        f"ranked galleries of night {rows}/{rows}",
        f"verifying night {2 * queries}/{2 * queries}",
    } <= drawn(written[0])
    assert terminal.screen(written[0]) == []
    assert snr(*command) == outcome


def test_an_error_in_the_middle_is_read_alone(snr, monkeypatch, world: Path, tmp_path: Path) -> None:
    def stop(*_: object, progress, **__: object) -> None:
        progress(1, 2)
        raise OSError("the disk is full")

    monkeypatch.setattr("snr_keras.reid.search.extract", stop)
    with terminal.standard_error(monkeypatch) as written:
        assert snr("extract", world / "night" / "query", "--out", tmp_path / "f.h5").status == 1
    assert "embedding 1/2" in drawn(written[0])
    assert terminal.screen(written[0]) == ["error: the disk is full", "(SNR_TRACEBACK=1 shows where it was raised)"]
