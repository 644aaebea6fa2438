"""Text: the one way in which bytes that somebody wrote become lines and numbers."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator

from snr_keras.files.regular import read_bytes

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_WHOLE = re.compile(r"-?[0-9]{1,99}")
_DECIMAL = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")

LARGEST = 2**63 - 1
"""The largest whole number that 64 bits hold, with a sign."""


def read_text(path: str | os.PathLike[str], *, most: int | None = None) -> str:
    """The text in a file.

    Args:
        path: Of the file.
        most: The largest number of bytes that such a file can have; None for any.

    Raises:
        OSError: If it cannot be read, or is not a regular file.
        ValueError: As `decode`, or if the file is larger than that.
    """
    return decode(read_bytes(path, most=most), repr(os.fspath(path)))


def decode(content: bytes, where: str, *, names: bool = False) -> str:
    """Bytes as text: UTF-8, with a byte order mark or without, or UTF-16 with one.

    Args:
        content: The bytes.
        where: What errors call the text: the name of a file, most often.
        names: Whether it is made of names of files, which are any bytes: then what is not UTF-8 is kept, as by
            `os.fsdecode`.

    Returns:
        The text without its mark, ends of lines as they are.

    Raises:
        ValueError: If it is no such text, or has a zero byte; the message says where, and the line.
    """
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    encoding, content = _MARKS.get(mark, "utf-8"), content[len(mark) :]
    try:
        text = os.fsdecode(content) if names and not mark else content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding)
        raise ValueError(
            f"{_line(where, before)}: expected text in UTF-8, or in UTF-16 with its byte order mark. "
            f"Received: {error.reason}, byte 0x{content[error.start]:02x}"
        ) from None
    if "\0" in text:
        raise ValueError(
            f"{_line(where, text[: text.index(chr(0))])}: expected text in UTF-8, or in UTF-16 with its byte order "
            "mark. Received: a zero byte"
        )
    return text


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not blank, without their ends (LF or CRLF), each with its number from 1 up."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.removesuffix("\r")


def whole_number(text: str, *, least: int = 0) -> int:
    """A whole number in digits, which `int` alone is not: that takes 1_001, and digits of any script.

    Args:
        text: The number, with blanks around it or not; a minus in front where `least` is negative.
        least: The smallest number that is taken. The largest is that of 64 bits.

    Raises:
        ValueError: If it is no such number.
    """
    number = text.strip()
    if not _WHOLE.fullmatch(number) or not least <= int(number) <= LARGEST:
        raise ValueError(f"expected a whole number from {least} to 2^63 - 1, in digits. Received: {text!r}")
    return int(number)


def decimal_number(text: str) -> float:
    """A finite number in digits, such as 0.5, -2 or 1e-3.

    Raises:
        ValueError: If it is no such number.
    """
    number = text.strip()
    if not _DECIMAL.fullmatch(number) or abs(float(number)) == float("inf"):
        raise ValueError(f"expected a number, such as 0.5 or 1e-3. Received: {text!r}")
    return float(number)


def _line(where: str, before: str) -> str:
    return f"{where}, line {1 + before.count(chr(10))}"
