"""Text: the one way in which bytes that somebody wrote become lines and numbers."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator

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


def decode(content: bytes, where: str) -> str:
    """Bytes as text: UTF-8, with a byte order mark or without, or UTF-16 with one.

    Args:
        content: The bytes.
        where: What errors call the text: the name of a file, most often.

    Returns:
        The text without its mark, ends of lines as they are.

    Raises:
        ValueError: If it is no such text, or has a zero byte; the message says where, and the line.
    """
    mark = _mark(content)
    return _decode(content[len(mark) :], where, lambda text: text.decode(_MARKS.get(mark, "utf-8")))


def file_names(content: bytes, where: str) -> list[str]:
    """The names of files in a list, a name a line, or each ended by a zero byte, as by `find -print0`.

    Names of files are any bytes: what is not UTF-8 is kept, as by `os.fsdecode`. A list that begins with a byte order
    mark is text as any other.

    Args:
        content: The bytes of the list.
        where: What errors call it.

    Raises:
        ValueError: If it is not such a list; the message says where, and the line.
    """
    if _mark(content):
        return [line for _, line in numbered_lines(decode(content, where))]
    names = content.split(b"\0")
    # Of UTF-16 without its mark, characters stand alone between zeros: no list, though its end is a zero byte too.
    if names[-1] == b"" and all(len(name) != 1 or name == b"." for name in names):
        return [os.fsdecode(name) for name in names if name]
    return [line for _, line in numbered_lines(_decode(content, where, os.fsdecode))]


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


def _mark(content: bytes) -> bytes:
    return next((mark for mark in _MARKS if content.startswith(mark)), b"")


def _decode(content: bytes, where: str, decoded: Callable[[bytes], str]) -> str:
    try:
        text = decoded(content)
        before, received = text.partition("\0")[0], "a zero byte" if "\0" in text else None
    except UnicodeDecodeError as error:
        before, received = decoded(content[: error.start]), f"{error.reason}, byte 0x{content[error.start]:02x}"
    if received is not None:
        line = 1 + before.count("\n")
        raise ValueError(
            f"{where}, line {line}: expected text in UTF-8, or in UTF-16 with its byte order mark. Received: {received}"
        )
    return text
