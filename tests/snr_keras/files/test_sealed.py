"""A sealed file is what was written, or it is said that it is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from snr_keras.files.sealed import read_sealed, write_sealed

CONTENT = {"training": {"seed": 0, "stages": [1, 2], "rate": 1e-3, "weights": None}, "name": "Küche", "figures": {}}


def test_what_was_written_is_read_without_its_seal(tmp_path: Path) -> None:
    write_sealed(tmp_path / "record.json", CONTENT)
    assert list(json.loads((tmp_path / "record.json").read_text())) == [*CONTENT, "seal"]
    assert read_sealed(tmp_path / "record.json", dict[str, Any]) == CONTENT


def test_a_bit_that_is_flipped_anywhere_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_sealed(path, CONTENT)
    whole, accepted = path.read_bytes(), []
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            accepted.append(read_sealed(path, dict[str, Any]))
        except ValueError as error:
            assert "record.json" in str(error)  # noqa: PT017
    assert all({name: read[name] for name in CONTENT} == CONTENT for read in accepted)


def test_layout_is_nobodys_business_and_an_edit_is_told_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_sealed(path, CONTENT)
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert read_sealed(path, dict[str, Any]) == CONTENT
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    told = r"record\.json' was changed after it was written.* delete the entry 'seal'\. Expected: seal='"
    with pytest.raises(ValueError, match=told):
        read_sealed(path, dict[str, Any])
    edited = json.loads(path.read_text())
    del edited["seal"]
    path.write_text(json.dumps(edited))
    assert read_sealed(path, dict[str, Any])["training"]["seed"] == 1
