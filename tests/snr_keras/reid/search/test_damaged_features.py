"""A file of features that is damaged, hostile or of an earlier version: nothing of it is taken for what was written."""

import random
from pathlib import Path

import h5py
import numpy as np
import pytest

from snr_keras.reid.data.report import Excluded
from snr_keras.reid.search import Features, open_features, search
from snr_keras.reid.search.features import new_features
from tests.snr_keras.reid.runs.test_full_disk import largest_file

NAMES = tuple(f"{n}.jpg" for n in range(300))
ROWS = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
LEFT_OUT = (Excluded("broken.jpg", "empty file"),)


@pytest.fixture
def path(identity, tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with new_features("f.h5", "/photos", identity, 4, 7) as writer:
        for start in (0, 150):
            writer.append(NAMES[start : start + 150], ROWS[start : start + 150])
        writer.leave_out(LEFT_OUT)
    return Path("f.h5")


def said(features: Features) -> tuple[object, ...]:
    """All that a file of features says."""
    return (
        features.names,
        features.embeddings[...].tobytes(),
        features.folder,
        features.model,
        features.left_out,
    )


def test_of_flipped_bits_and_cut_ends_none_changes_what_is_read(path: Path, identity) -> None:
    whole, rng = path.read_bytes(), random.Random(0)
    expected = said(open_features(path))
    assert expected == (NAMES, ROWS.tobytes(), "/photos", identity, LEFT_OUT)
    refused = 0
    for trial in range(120):
        damaged = bytearray(whole)
        if trial % 6:
            damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        else:
            del damaged[rng.randrange(len(whole)) :]
        Path("damaged.h5").write_bytes(damaged)
        try:
            assert said(open_features("damaged.h5")) == expected
        except ValueError as error:
            assert "a file of features" in str(error)  # noqa: PT017
            assert "'damaged.h5'" in str(error)  # noqa: PT017
            refused += 1
    assert refused > 60  # a part of the file is gaps


def test_damage_that_only_reading_finds_names_the_file(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(ROWS[299].tobytes())] ^= 1
    path.write_bytes(content)
    features = open_features(path)
    assert features.embeddings[:10].shape == (10, 4)
    with pytest.raises(ValueError, match=r"'f\.h5', which is damaged"):
        search(features, features, top=2)


def test_what_reaches_beyond_the_file_or_is_not_as_it_was_written_is_refused(path: Path) -> None:
    Path("secret").write_bytes(bytes(2100))

    def changed(name: str, **new: object) -> Path:
        with h5py.File(path) as old, h5py.File("hostile.h5", "w") as file:
            for member in old:
                old.copy(member, file)
            file.attrs.update(old.attrs)
            del file[name]
            file.create_dataset(name, **new)
        return Path("hostile.h5")

    for name, new, message in (
        ("names", {"shape": (300,), "dtype": "S7", "external": [("secret", 0, 2100)]}, "/names must have numbers that"),
        ("names", {"data": np.arange(300)}, "/names must be a list of texts"),
        ("names", {"data": np.array(NAMES[1:], "S")}, r"embeddings \(300, 4\) float32 of 299 names"),
        ("embeddings", {"data": ROWS.astype(float)}, "float64 of 300 names"),
        ("embeddings", {"shape": (10**12, 4), "dtype": "f4", "chunks": (1, 4)}, "Received: 0 bytes"),
        ("model", {"data": 1}, "run"),
    ):
        with pytest.raises(ValueError, match=rf"a file of features.*hostile\.h5.*{message}"):
            open_features(changed(name, **new))


def test_settings_that_are_no_object_and_a_missing_attribute_are_refused(path: Path) -> None:
    for part, name, value, message in (
        ("model", "settings", np.bytes_(b"[1]"), "settings of the model"),
        ("model", "settings", np.bytes_(b"[" * 9999), "settings of the model"),
        ("model", "run", 3, "must be a text"),
        ("preprocessing", "image_size", np.arange(3), "unpack"),
        ("preprocessing", "image_size", None, "image_size"),
    ):
        content = path.read_bytes()
        with h5py.File(path, "a") as file:
            del file[part].attrs[name]
            if value is not None:
                file[part].attrs[name] = value
        with pytest.raises(ValueError, match=rf"a file of features.*f\.h5.*{message}"):
            open_features(path)
        path.write_bytes(content)


def test_a_file_of_the_first_version_is_to_be_made_again(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs.update({"format": "snr features", "format_version": 1})
        file["names"] = ["1.jpg"]
    with pytest.raises(ValueError, match=r"old\.h5.*version 1, which lacks checksums.*extract the pictures again"):
        open_features(tmp_path / "old.h5")


def test_without_room_the_file_is_named_nothing_is_left_and_the_next_try_works(identity, path: Path) -> None:
    before = sorted(Path().iterdir())

    def write() -> None:
        with new_features("large.h5", "/photos", identity, 512, 7) as writer:
            writer.append(NAMES, np.zeros((300, 512), np.float32))
            writer.leave_out(())

    with pytest.raises(OSError, match=r"large\.h5 could not be written: (File too large|No space)"), largest_file(9999):
        write()
    assert sorted(Path().iterdir()) == before
    write()
    assert len(open_features("large.h5")) == 300
