"""Pictures are found where they are named, and what is not a picture is counted."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from snr_keras.reid.data.pictures import find_pictures, reasons
from tests.snr_keras.reid.data.folders import write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_searched_to_its_depth_by_name() -> None:
    write(Path("photos/b/c"), ["2.PNG", "1.jpeg"])
    write(Path("photos"), ["a.jpg", "z.bmp", "noending"])
    assert find_pictures("photos").names == (
        "photos/a.jpg",
        "photos/b/c/1.jpeg",
        "photos/b/c/2.PNG",
        "photos/noending",
        "photos/z.bmp",
    )


def test_what_is_no_picture_is_named_with_its_reason() -> None:
    write(Path("photos"), ["a.jpg", "notes.md", ".hidden.jpg"])
    os.mkfifo("photos/pipe.jpg")
    Path("photos/loop").symlink_to("..")
    found = find_pictures("photos")
    assert found.names == ("photos/a.jpg",)
    assert {e.name: e.reason for e in found.left_out} == {
        "photos/.hidden.jpg": "hidden",
        "photos/notes.md": "not one of .jpg .jpeg .png .bmp",
        "photos/pipe.jpg": "not a regular file",
        "photos/loop/photos": "a folder that was already entered",
    }


def test_what_is_named_is_taken_whatever_its_name() -> None:
    write(Path(), [".hidden", "portrait.md"])
    assert find_pictures([".hidden", Path("portrait.md")]).names == (".hidden", "portrait.md")


def test_a_picture_that_is_named_again_counts_once_and_a_link_to_it_is_another() -> None:
    write(Path("photos"), ["a.jpg", "b.jpg"])
    Path("photos/link.jpg").symlink_to("a.jpg")
    found = find_pictures(["photos/b.jpg", "photos", "./photos/a.jpg", os.path.abspath("photos/b.jpg")])
    assert found.names == ("photos/b.jpg", "photos/a.jpg", "photos/link.jpg")
    assert found.repeated == 3


@pytest.mark.parametrize(
    "contents",
    [
        b"photos/two words.jpg\nb.jpg\n",
        b"\xef\xbb\xbfphotos/two words.jpg\r\n\r\nb.jpg",
        "photos/two words.jpg\r\nb.jpg\r\n".encode("utf-16"),
        b"photos/two words.jpg\0b.jpg\0",
    ],
)
def test_a_list_has_a_path_a_line_or_paths_that_zero_bytes_end(contents: bytes, monkeypatch) -> None:
    expected = ("photos/two words.jpg", "b.jpg")
    Path("list.txt").write_bytes(contents)
    assert find_pictures("list.txt").names == expected
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(contents)))
    assert find_pictures("-").names == expected


def test_a_list_may_name_folders_and_names_with_line_breaks() -> None:
    write(Path("photos"), ["new\nline.jpg"])
    Path("list.txt").write_bytes(b"photos\0photos/new\nline.jpg\0")
    found = find_pictures("list.txt")
    assert found.names == ("photos/new\nline.jpg",)
    assert found.repeated == 1


def test_a_list_keeps_names_that_are_not_utf_8() -> None:
    Path("list.txt").write_bytes(b"caf\xe9.jpg\n")
    assert find_pictures("list.txt").names == (os.fsdecode(b"caf\xe9.jpg"),)


def test_a_list_in_utf_16_without_its_mark_is_refused_by_name_and_enters_nothing() -> None:
    write(Path(), ["a.jpg", "b.jpg"])
    Path("list.txt").write_bytes("./a.jpg\r\n".encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"'list\.txt', line 1: .* UTF-16 with its byte order mark.* a zero byte"):
        find_pictures("list.txt")


@pytest.mark.parametrize("line", [".", "./", "..", "../..", "/", "//", "photos/.."])
def test_a_list_does_not_enter_a_folder_that_it_does_not_name(line: str) -> None:
    write(Path("photos"), ["a.jpg", "b.jpg"])
    Path("list.txt").write_text(f"{line}\nphotos/a.jpg\n")
    found = find_pictures("list.txt")
    assert found.names == ("photos/a.jpg",)
    assert [str(e) for e in found.left_out] == [f"{line!r}: a folder without a name, which is not entered for a list"]


def test_a_list_is_a_regular_file() -> None:
    os.mkfifo("list.txt")
    with pytest.raises(OSError, match=r"'list\.txt', not a regular file but a named pipe"):
        find_pictures("list.txt")


def test_what_does_not_exist_is_an_error_that_names_it() -> None:
    with pytest.raises(FileNotFoundError, match="'nowhere'"):
        find_pictures(["nowhere"])


def test_an_empty_list_is_an_error() -> None:
    Path("list.txt").write_text("\n")
    with pytest.raises(ValueError, match="name nothing"):
        find_pictures("list.txt")


def test_reasons_count_and_name_the_first_few() -> None:
    write(Path("photos"), [f"{letter}.md" for letter in "abcde"])
    (line,) = reasons(find_pictures("photos").left_out)
    assert line.startswith("5 files left out, not one of .jpg")
    assert line.endswith("'photos/a.md', 'photos/b.md', 'photos/c.md', and 2 more")
