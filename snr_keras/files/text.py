"""Text: where bytes that a person or program wrote become lines and numbers, and how messages shorten long lists."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator, Sequence

from snr_keras.files.regular import read_bytes

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_WHOLE = re.compile(r"-?[0-9]{1,99}")
_DECIMAL = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")

_NAMED = 3  # maximal number of things of a kind that a message names
_LONGEST = 1000  # maximal length of such a name; a line of a damaged list may have a million characters

LARGEST = 2**63 - 1
"""The largest signed 64-bit integer."""


def read_text(path: str | os.PathLike[str], *, most: int | None = None) -> str:
    """The text in a file.

    Args:
        path: Path of the file.
        most: Maximal number of bytes of such a file; None for any.

    Raises:
        OSError: If it cannot be read, or is not a regular file.
        ValueError: As for `decode`, or if the file is larger than `most`.
    """
    return decode(read_bytes(path, most=most), repr(os.fspath(path)))


def decode(content: bytes, where: str) -> str:
    """Bytes as text: UTF-8, with a byte order mark or without, or UTF-16 with one.

    Args:
        content: The bytes.
        where: Name of the text in errors, usually that of a file.

    Returns:
        The text without its byte order mark, with its line ends unchanged.

    Raises:
        ValueError: If it is not such text, or has a zero byte; the message says where, with the line.
    """
    mark = _mark(content)
    return _decode(content[len(mark) :], where, lambda text: text.decode(_MARKS.get(mark, "utf-8")))


def file_names(content: bytes, where: str) -> list[str]:
    """The file names in a list: one per line, or each ended by a zero byte, as from `find -print0`.

    File names may be any bytes: bytes that are not UTF-8 are kept, as by `os.fsdecode`. A list that begins with a byte
    order mark is decoded like any other text.

    Args:
        content: Bytes of the list.
        where: Name of the list in errors.

    Raises:
        ValueError: If it is not such a list; the message says where, with the line.
    """
    if _mark(content):
        return [line for _, line in numbered_lines(decode(content, where))]
    names = content.split(b"\0")
    # UTF-16 without its mark has single characters between zeros: it is not a list, though it ends with a zero byte
    # too.
    if names[-1] == b"" and all(len(name) != 1 or name == b"." for name in names):
        return [os.fsdecode(name) for name in names if name]
    return [line for _, line in numbered_lines(_decode(content, where, os.fsdecode))]


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not blank, without their ends (LF or CRLF), with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.removesuffix("\r")


def whole_number(text: str, *, least: int = 0) -> int:
    """A whole number in digits; `int` would also accept 1_001 and digits of any script.

    Args:
        text: The number, with or without blanks around it, and with a minus sign if `least` is negative.
        least: Smallest number to accept. The largest is that of 64 bits.

    Raises:
        ValueError: If it is not such a number.
    """
    number = text.strip()
    if not _WHOLE.fullmatch(number) or not least <= int(number) <= LARGEST:
        raise ValueError(f"expected a whole number from {least} to 2^63 - 1, in digits. Received: {text!r}")
    return int(number)


def decimal_number(text: str) -> float:
    """A finite number in digits, such as 0.5, -2 or 1e-3.

    Raises:
        ValueError: If it is not such a number.
    """
    number = text.strip()
    if not _DECIMAL.fullmatch(number) or abs(float(number)) == float("inf"):
        raise ValueError(f"expected a number, such as 0.5 or 1e-3. Received: {text!r}")
    return float(number)


def first_few(things: Sequence[object]) -> str:
    """`'Thumbs.db': not an image, '.DS_Store': ..., and 5 more`."""
    named = ", ".join(_shortened(str(thing)) for thing in things[:_NAMED])
    more = len(things) - _NAMED
    return named + (f", and {more} more" if more > 0 else "")


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


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
