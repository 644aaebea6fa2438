"""A file or a folder is complete or absent, and the error for a full disk has its name."""

import errno
import os
from pathlib import Path

import pytest

from snr_keras.files.atomic import UNFINISHED, new_file, new_folder, write_json, write_text


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    write_json(path, {"mAP": 0.5})
    with pytest.raises(KeyboardInterrupt), new_file(path) as unfinished:
        _write_half(unfinished)
    assert path.read_text() == '{\n  "mAP": 0.5\n}\n'
    assert os.listdir(tmp_path) == ["figures.json"]


def test_two_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with new_file(path) as one, new_file(path) as other:
        assert one != other
        assert one.suffix == other.suffix == ".keras"
        assert one.name.startswith(UNFINISHED)
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # the last that was finished


def test_any_name_that_the_disk_takes_can_be_written(tmp_path: Path) -> None:
    name = "ü" * 125 + ".json"
    write_text(tmp_path / "new" / name, "{}")
    assert os.listdir(tmp_path / "new") == [name]


def test_a_folder_takes_the_place_of_an_empty_one_and_of_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    with new_folder(folder) as unfinished:
        write_text(unfinished / "page.html", "1")
    with pytest.raises(OSError, match="report"), new_folder(folder) as unfinished:
        write_text(unfinished / "page.html", "2")
    assert (folder / "page.html").read_text() == "1"
    assert os.listdir(tmp_path) == ["report"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("Can't write data (file write failed: errno = 28, error message = ...)"), "No space left on device"),
        (RuntimeError("Error: write error in x: 3 != 4 (No space left on device)"), "No space left on device"),
        (OSError(errno.EFBIG, "File too large"), "File too large"),
    ],
)
def test_a_full_disk_names_the_file_whoever_finds_it(tmp_path: Path, error: Exception, reason: str) -> None:
    with (
        pytest.raises(OSError, match=rf"vectors\.h5 could not be written: {reason}"),
        new_file(tmp_path / "vectors.h5"),
    ):
        raise error
    assert os.listdir(tmp_path) == []


def test_other_errors_are_left_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no picture"), new_file(tmp_path / "vectors.h5"):
        raise ValueError("no picture")


def _write_half(path: Path) -> None:
    path.write_text("half of")
    raise KeyboardInterrupt
