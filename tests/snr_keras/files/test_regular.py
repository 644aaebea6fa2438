"""Regular files are read, and nothing else: no pipe is waited for, no device read without end."""

import os
from pathlib import Path

import pytest

from snr_keras.files.regular import NotARegularFileError, open_regular, read_bytes


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_bytes(tmp_path / "link") == b"content"


@pytest.mark.parametrize(
    ("kind", "told"), [("pipe", "a named pipe"), ("folder", "a folder"), ("/dev/zero", "a device")]
)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str, told: str) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(NotARegularFileError, match=f"Expected a regular file. Received: {str(path)!r}, .* {told}"):
        open_regular(path)


def test_a_file_larger_than_any_of_its_kind_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match=r"at most 1024 bytes\. Received: .*large', of 1099511627776 bytes"):
        read_bytes(path, most=1024)
