"""JSON is what it must be, or the error names the file, the place and what was expected."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from snr_keras.files.forms import parse_json, read_json


@dataclass(frozen=True)
class Figures:
    name: str
    mAP: float
    size: tuple[int, int] = (64, 32)


def test_what_has_the_form_is_read(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text('{"name": "ü", "mAP": 1, "size": [1, 2]}', encoding="utf-8")
    assert read_json(path, Figures) == Figures("ü", 1.0, (1, 2))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"name": "day", "mAP": "0.5"}', r"mAP: Input should be a valid number. Received: '0.5'"),
        ('{"mAP": 0.5}', "name: Field required"),
        ('{"name": "day", "mAP": 0.5, "size": [1]}', "size.1: Field required"),
        ('{"name": "day", "mAP" 0.5}', "Invalid JSON: expected `:` at line 1 column 23"),
        ("", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b"\xff\xfe", "Invalid JSON"),
        ("[" * 100_000, "Invalid JSON: recursion limit exceeded"),
        ("[]", "the whole: Input should be an object"),
    ],
)
def test_what_has_not_is_told_with_its_place(content: str | bytes, told: str) -> None:
    with pytest.raises(ValueError, match=f"^'figures.json': {told}"):
        parse_json(content, Figures, "'figures.json'")
