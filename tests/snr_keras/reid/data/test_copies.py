"""Images that stand in two places are counted and named: of one file, or of equal contents."""

import os
import shutil
from pathlib import Path

import pytest

from snr_keras.reid.data.combine import combine
from snr_keras.reid.data.copies import copies_between
from snr_keras.reid.data.market1501 import read_market1501
from tests.snr_keras.reid.data.folders import GALLERY, QUERY, TRAIN, write_dataset

FIRST, SECOND = "0003_c1s1_000001_00.jpg", "0004_c2s1_000001_00.jpg"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "people")


def told(root: Path) -> list[str]:
    return [note for note in read_market1501(root).report.notes if "file" in note]


def test_where_every_image_is_another_nothing_is_said(root):
    assert told(root) == []


def test_queries_in_the_gallery_are_told_by_file_and_by_contents(root):
    os.link(root / QUERY / FIRST, root / GALLERY / "0003_c1s1_000009_00.jpg")
    (root / GALLERY / "0003_c1s1_000008_00.jpg").symlink_to(root / QUERY / FIRST)
    shutil.copy(root / QUERY / SECOND, root / GALLERY / "0004_c2s1_000009_00.jpg")
    same_file, equal = told(root)
    assert same_file.startswith("1 of 4 queries are gallery images too, the same file, and left out of their own ")
    assert same_file.endswith(f": {FIRST!r}")
    assert equal.startswith("1 of 4 queries have a copy in the gallery, another file of equal contents, ")
    assert equal.endswith(f": {SECOND!r}")


def test_training_images_in_the_test_are_told(root):
    shutil.copy(root / TRAIN / "0001_c1s1_000001_00.jpg", root / GALLERY / "0003_c1s1_000009_00.jpg")
    (root / QUERY / "0004_c2s1_000009_00.jpg").symlink_to(root / TRAIN / "0002_c2s1_000002_00.jpg")
    (note,) = told(root)
    assert note.startswith(
        "2 of 8 training images are test images too (1 the same file, 1 another file of equal contents)"
    )
    assert note.endswith(": '0001_c1s1_000001_00.jpg', '0002_c2s1_000002_00.jpg'")


def test_also_between_a_source_and_a_target(root, tmp_path):
    source = read_market1501(root, splits=("train",))
    other = read_market1501(write_dataset(tmp_path / "others"), splits=("train",))
    shutil.copy(source.train.paths[0], root / GALLERY / "0003_c1s1_000009_00.jpg")
    (root / QUERY / "0004_c2s1_000009_00.jpg").symlink_to(other.train.paths[1])
    (note,) = copies_between(combine([source, other]), read_market1501(root, splits=("query", "gallery")))
    assert note.startswith("4 of 16 training images are test images too (1 the same file, 3 another file")
