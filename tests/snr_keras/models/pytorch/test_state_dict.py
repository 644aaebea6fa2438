"""Files of weights: what is read, what is refused, and what is said when a package is missing."""

import json
import random
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from snr_keras.models.pytorch.state_dict import METADATA, read_state_dict, write_state_dict
from tests.snr_keras.reid.runs.test_full_disk import largest_file

TENSORS = {"conv1.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "count": np.array(7, np.int64)}


def test_what_is_written_is_read_bit_for_bit_without_pytorch(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    file = tmp_path / "new folder" / "x.safetensors"
    write_state_dict(file, {**TENSORS, "transposed": TENSORS["conv1.weight"].T}, {"said": "something"})
    found = read_state_dict(file)
    assert found.metadata == {"said": "something"}
    assert found.tensors.keys() == {*TENSORS, "transposed"}
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(found.tensors[name], tensor)
        assert found.tensors[name].dtype == tensor.dtype
    np.testing.assert_array_equal(found.tensors["transposed"], TENSORS["conv1.weight"].T)
    assert [path.name for path in file.parent.iterdir()] == ["x.safetensors"]


def raw_safetensors(dtype: str, data: bytes, length: int) -> bytes:
    """A file as the format's description has it: the length of a header, the header, the data."""
    header = json.dumps({"x": {"dtype": dtype, "shape": [length], "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def test_other_precisions_are_read_and_what_is_no_weight_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(raw_safetensors("BF16", struct.pack("<3H", 0x3F80, 0xC049, 0x7F80), 3))
    np.testing.assert_array_equal(read_state_dict(file).tensors["x"], np.float32([1, -3.140625, np.inf]))
    for dtype, name in (("F16", "float16"), ("F64", "float64")):
        file.write_bytes(raw_safetensors(dtype, np.array([1.5, -2], name).tobytes(), 2))
        np.testing.assert_array_equal(read_state_dict(file).tensors["x"], [1.5, -2])
    file.write_bytes(raw_safetensors("F8_E4M3", b"88", 2))
    with pytest.raises(ValueError, match=r"x in .* has the dtype F8_E4M3"):
        read_state_dict(file)


def test_damaged_files_are_said_to_be_damaged(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    write_state_dict(file, TENSORS, {})
    whole = file.read_bytes()
    for content in (whole[:-3], whole[:20], b"not a safetensors file", b"\xff" * 64):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"Expected a complete safetensors file. Received: .*x\.safetensors"):
            read_state_dict(file)


def test_a_file_that_is_not_there_or_has_another_name_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Received: 'nowhere\.pth'"):
        read_state_dict("nowhere.pth")
    with pytest.raises(FileNotFoundError, match="Received: "):
        read_state_dict(tmp_path)
    with pytest.raises(ValueError, match=r"must end in \.safetensors. Received: .*x\.pth"):
        write_state_dict(tmp_path / "x.pth", TENSORS, {})


@pytest.mark.parametrize(
    ("package", "extra", "name"), [("safetensors", "weights", "x.safetensors"), ("torch", "torch", "x.pth")]
)
def test_a_missing_package_is_named_with_its_install_command(
    package: str, extra: str, name: str, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / name).write_bytes(b"whatever")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'pip install "snr-reid\[{extra}\]"'):
        read_state_dict(tmp_path / name)


def test_a_flipped_bit_never_changes_what_is_read(tmp_path: Path) -> None:
    file, rng = tmp_path / "x.safetensors", random.Random(0)
    write_state_dict(file, TENSORS, {METADATA: '{"last_stride": 2}'})
    whole, expected = file.read_bytes(), read_state_dict(file)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*has no checksum")
            try:
                found = read_state_dict(file)
            except (ValueError, UserWarning) as error:
                assert "x.safetensors" in str(error)  # noqa: PT017
                continue
        assert found.metadata == expected.metadata
        assert found.tensors.keys() == expected.tensors.keys()
        for name, tensor in expected.tensors.items():
            np.testing.assert_array_equal(found.tensors[name], tensor)


def test_what_is_often_saved_in_place_of_weights_is_named(tmp_path: Path) -> None:
    for content, what in (
        (b"\n<!DOCTYPE html><html><body>404", "a web page"),
        (b"<?xml version='1.0'?><Error>AccessDenied", "XML, which servers send"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"", "an empty file"),
    ):
        for name in ("x.pth", "x.safetensors"):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ValueError, match=rf"Expected a file of weights.*{name}', {what}"):
                read_state_dict(tmp_path / name)


def test_without_room_the_file_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    with pytest.raises(OSError, match=r"x\.safetensors could not be written: File too large"), largest_file(999):
        write_state_dict(file, {"w": np.zeros(10**4)}, {})
    assert not [*tmp_path.iterdir()]
    write_state_dict(file, {"w": np.zeros(10**4)}, {})
    assert read_state_dict(file).tensors["w"].shape == (10**4,)
