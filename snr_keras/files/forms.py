"""JSON files, checked against their form when they are read.

A form is a type: a dataclass, a `TypedDict`, or any other type that pydantic supports. Types are strict: "1" is not a
number.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from snr_keras.files.text import read_text

Form = TypeVar("Form")

_MOST_BYTES = 2**30
_NAMED = 3  # maximal number of mistakes that an error names


def read_json(path: str | os.PathLike[str], form: type[Form]) -> Form:
    """The content of a JSON file.

    Args:
        path: Path of the file.
        form: Type of the content.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not text, not JSON, or not of that form; the message names the file, the place in it, and
            what was expected there.
    """
    return parse_json(read_text(path, most=_MOST_BYTES), form, repr(os.fspath(path)))


def parse_json(content: str | bytes, form: type[Form], where: str) -> Form:
    """The content of a JSON text.

    Args:
        content: The text, or its bytes in UTF-8.
        form: Type of the content.
        where: Name of the text in errors: that of a file, of a line, or of its content.

    Raises:
        ValueError: As for `read_json`.
    """
    try:
        return TypeAdapter(form).validate_json(content, strict=True)
    except ValidationError as error:
        wrong = [_told(detail) for detail in error.errors(include_url=False, include_context=False)]
        more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise ValueError(f"{where}: {'; '.join(wrong[:_NAMED])}{more}") from None


def _told(detail: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in detail["loc"]) or "the whole"
    if detail["type"] == "json_invalid":
        return detail["msg"]
    return f"{place}: {detail['msg']}. Received: {_shortened(repr(detail['input']))}"


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
