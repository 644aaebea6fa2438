"""Batches without identities: different images, all of them before any again, from a seed and a step alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from snr_keras.reid.data.augmentation import Augmentation
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.pipeline import training_batches
from snr_keras.reid.data.unlabeled import unlabeled, unlabeled_batches
from tests.snr_keras.reid.data.folders import png, write

PLAIN = Augmentation(padding=0, flip=0, brightness=0, contrast=0)


def pictures(folder: Path, number: int = 7) -> Split:
    """PNG files whose every pixel is their index, of cameras 5, 2, 900, 5, 2, 900, ..., and the split they make."""
    names = [f"{index}.png" for index in range(number)]
    write(folder, {name: png(np.full((4, 2, 3), index, np.uint8)) for index, name in enumerate(names)})
    cameras = np.resize(np.int64([5, 2, 900]), number)
    return Split(tuple(str(folder / name) for name in names), np.arange(number), cameras)


def batches(split: Split, *, stop_step: int, batch_size: int = 3, seed: int = 0, **settings) -> list:
    settings = {"augmentation": PLAIN, **settings}
    found = unlabeled_batches(
        split, image_size=(4, 2), batch_size=batch_size, seed=seed, stop_step=stop_step, **settings
    )
    return [tuple(part.numpy() for part in batch) for batch in found]


def test_an_image_comes_with_its_view_and_its_index(tmp_path):
    split = pictures(tmp_path)
    found = batches(split, stop_step=5)
    assert len(found) == 5
    for images, views, indices in found:
        assert (images.shape, images.dtype) == ((3, 4, 2, 3), np.float32)
        assert (views.dtype, indices.dtype) == (np.int32, np.int32)
        np.testing.assert_array_equal(images, np.broadcast_to(indices[:, None, None, None], images.shape))
        np.testing.assert_array_equal(np.array([2, 5, 900])[views], split.cameras[indices])


@pytest.mark.parametrize(("number", "size"), [(7, 3), (7, 5), (7, 7), (8, 2), (2, 1), (13, 8)])
def test_no_image_is_twice_in_a_batch_nor_again_before_all_were_there(tmp_path, number, size):
    found = batches(pictures(tmp_path, number), stop_step=5 * number // size, batch_size=size)
    found = np.array([indices for _, _, indices in found])
    assert all(len(set(batch)) == size for batch in found)
    for start in range(0, found.size, number):
        one_pass = found.ravel()[start : start + number]
        assert len(set(one_pass)) == len(one_pass)


def test_passes_are_shuffled_anew(tmp_path):
    split = pictures(tmp_path, 6)
    first, second, third = np.array([indices for _, _, indices in batches(split, stop_step=9, batch_size=2)]).reshape(
        3, 6
    )
    assert set(first) == set(second) == set(third) == set(range(6))
    assert len({tuple(first), tuple(second), tuple(third)}) == 3


@pytest.mark.parametrize("start", [1, 4])
def test_started_at_a_step_the_batches_continue_bit_for_bit(tmp_path, start):
    split = pictures(tmp_path)
    settings = {"stop_step": 6, "augmentation": Augmentation(erasing=0.5), "seed": 3}
    ran = batches(split, **settings)
    for batch, expected in zip(batches(split, **settings, start_step=start), ran[start:], strict=True):
        for part, expected_part in zip(batch, expected, strict=True):
            np.testing.assert_array_equal(part, expected_part)


def test_another_seed_gives_other_images_and_other_changes(tmp_path):
    split = pictures(tmp_path)
    bright = Augmentation(padding=0, flip=0, brightness=0.9, contrast=0)
    first, second = (batches(split, stop_step=2, seed=seed, augmentation=bright) for seed in (0, 1))
    assert [b[2].tolist() for b in first] != [b[2].tolist() for b in second]
    factors = [{f for b in run for f in (b[0][:, 0, 0, 0] / np.maximum(b[2], 1)) if f} for run in (first, second)]
    assert not factors[0] & factors[1]


def test_labeled_and_unlabeled_images_of_one_seed_are_changed_differently(tmp_path):
    alike = write(tmp_path, {f"{k}.png": png(np.full((4, 2, 3), 100, np.uint8)) for k in range(4)})
    split = Split(tuple(str(alike / f"{k}.png") for k in range(4)), np.int64([1, 1, 2, 2]), np.int64([1, 2, 1, 2]))
    settings = {"image_size": (4, 2), "seed": 0, "stop_step": 1}
    settings |= {"augmentation": Augmentation(padding=0, flip=0, brightness=0.9, contrast=0)}
    labeled, _ = next(iter(training_batches(split, identities_per_batch=2, images_per_identity=2, **settings)))
    free, _, _ = next(iter(unlabeled_batches(split, batch_size=4, **settings)))
    assert not set(labeled[:, 0, 0, 0].numpy()) & set(free[:, 0, 0, 0].numpy())


def test_identities_are_not_read(tmp_path):
    split = pictures(tmp_path)
    without = unlabeled(split)
    assert not without.identities.any()
    assert without.paths == split.paths
    np.testing.assert_array_equal(without.cameras, split.cameras)

    class Unreadable:
        shape = split.identities.shape

        def __array__(self, *arguments: object, **options: object) -> np.ndarray:
            raise AssertionError("identities were read")

    hidden = dataclasses.replace(split, identities=Unreadable())
    for batch, expected in zip(batches(hidden, stop_step=3), batches(split, stop_step=3), strict=True):
        np.testing.assert_array_equal(batch[0], expected[0])


def test_no_python_runs_within_the_pipeline(tmp_path):
    found = unlabeled_batches(
        pictures(tmp_path), image_size=(4, 2), batch_size=3, seed=0, augmentation=Augmentation(), stop_step=2
    )
    graph = tf.raw_ops.DatasetToGraphV2(input_dataset=tf.data.experimental.to_variant(found)).numpy()
    assert b"PrefetchDataset" in graph
    assert b"PyFunc" not in graph


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"cameras": None}, {}, "must have camera labels.*Received: 7 images without cameras"),
        ({}, {"batch_size": 8}, "set `target_batch_size` to 7 or fewer. Received: a split of 7 images"),
        ({}, {"batch_size": 0}, "Received: batch_size=0"),
        ({}, {"start_step": -1}, "start_step=-1"),
        ({}, {"seed": -1}, "seed=-1"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, change, settings, message):
    split = dataclasses.replace(pictures(tmp_path), **change)
    with pytest.raises(ValueError, match=message):
        batches(split, stop_step=1, **settings)


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_images_are_refused(number):
    split = Split(("a.png",) * number, np.zeros(number, np.int64), np.zeros(number, np.int64))
    with pytest.raises(ValueError, match=f"must be two or more. Received: a split of {number}"):
        batches(split, stop_step=1, batch_size=1)
