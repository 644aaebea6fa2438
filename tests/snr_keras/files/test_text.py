"""Text is read in one way, and what is no text is refused with its file and line."""

import codecs
import os
from pathlib import Path

import pytest

from snr_keras.files.text import decimal_number, decode, file_names, numbered_lines, read_text, whole_number

TEXT = "人物/a.jpg\r\nb.jpg\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf_8_needs_no_mark_and_utf_16_has_one(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(TEXT.encode(encoding))
    assert read_text(tmp_path / "list") == TEXT


def test_utf_16_is_read_in_both_orders_of_bytes() -> None:
    assert decode(codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "x") == TEXT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"one\ntw\xe9\n", "'list', line 2: expected text in UTF-8.* Received: invalid .*, byte 0xe9"),
        ("one\ntwo\n".encode("utf-16-le"), "'list', line 1: expected text in UTF-8.* Received: a zero byte"),
        ("one\ntwo\n".encode("utf-32"), "'list', line 1: .* Received: a zero byte"),
        (b"one\ntwo\nth\0ree", "'list', line 3: .* Received: a zero byte"),
        ("one\n".encode("utf-16") + b"a", "'list', line 2: .* Received: truncated data, byte 0x61"),
    ],
)
def test_what_is_no_text_is_refused_with_file_and_line(
    content: bytes, message: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_text("list")


@pytest.mark.parametrize(
    "content",
    [b"caf\xe9.jpg\nb.jpg", b"caf\xe9.jpg\r\n\r\nb.jpg\r\n", b"caf\xe9.jpg\0b.jpg\0", b"caf\xe9.jpg\0\0b.jpg\0"],
)
def test_names_of_files_are_any_bytes(content: bytes) -> None:
    assert [os.fsencode(name) for name in file_names(content, "x")] == [b"caf\xe9.jpg", b"b.jpg"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("names", [TEXT, "人\n", "人\r\n物"])
def test_a_list_with_a_byte_order_mark_is_text(encoding: str, names: str) -> None:
    assert file_names(names.encode(encoding), "x") == names.split()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("names", ["a.jpg", "a.jpg\r\n", "人物/1.jpg\n", "a\0b.jpg\n"])
def test_a_list_in_utf_16_without_a_mark_is_refused(encoding: str, names: str) -> None:
    with pytest.raises(ValueError, match="'x', line 1: expected text in UTF-8, or in UTF-16 with its byte order mark"):
        file_names(names.encode(encoding), "'x'")


def test_a_zero_byte_in_a_list_of_lines_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x, line 2: .* Received: a zero byte"):
        file_names(b"a.jpg\nb\0.jpg\nc.jpg\n", "x")


def test_lines_keep_their_numbers_and_lose_their_ends() -> None:
    assert list(numbered_lines("one\r\n\r\n \ntwo\x0bthree")) == [(1, "one"), (4, "two\x0bthree")]


@pytest.mark.parametrize(
    ("text", "least", "number"), [("0", 0, 0), (" 0012 ", 0, 12), ("-1", -1, -1), (str(2**63 - 1), 0, 2**63 - 1)]
)
def test_a_whole_number_is_digits(text: str, least: int, number: int) -> None:
    assert whole_number(text, least=least) == number


@pytest.mark.parametrize("text", ["", "1_001", "٣", "²", "+1", "1.0", "1e3", "0x1", "-1", "1 2", str(2**63), "9" * 99])
def test_what_int_takes_besides_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a whole number from 0 to 2\^63 - 1, in digits"):
        whole_number(text)


@pytest.mark.parametrize(("text", "number"), [("0.1", 0.1), ("-2", -2.0), (" 1e-3 ", 1e-3), (".5", 0.5), ("3.", 3.0)])
def test_a_decimal_number_is_digits(text: str, number: float) -> None:
    assert decimal_number(text) == number


@pytest.mark.parametrize("text", ["", ".", "nan", "inf", "1_0", "٣", "1e999", "e3"])
def test_what_float_takes_besides_is_no_decimal_number(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number, such as"):
        decimal_number(text)
