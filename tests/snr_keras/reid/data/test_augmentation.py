"""Random changes to training images, each held against its definition pixel by pixel."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from snr_keras.reid.data.augmentation import Augmentation, augment

NOTHING = {"padding": 0.0, "flip": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
LUMA = np.array([0.299, 0.587, 0.114])
fractions = st.floats(0, 1)


def images(number: int = 6, height: int = 10, width: int = 6, *, seed: int = 0, low: int = 0, high: int = 256):
    return np.random.default_rng(seed).integers(low, high, (number, height, width, 3), dtype=np.uint8)


def changed(batch: np.ndarray, *, seed: int = 0, step: int = 0, **settings: float) -> np.ndarray:
    return augment(tf.constant(batch), Augmentation(**NOTHING | settings), seed=seed, step=step).numpy()


@given(
    padding=st.floats(0, 0.4),
    flip=fractions,
    brightness=fractions,
    contrast=fractions,
    saturation=fractions,
    hue=st.floats(0, 0.5),
    erasing=fractions,
    seed=st.integers(0, 2**63 - 1),
    step=st.integers(0, 2**62),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
)
def test_whatever_the_settings_images_stay_images_and_the_same_draw_gives_the_same(seed, step, shape, **settings):
    batch = images(*shape, seed=seed)
    first, second = (changed(batch, seed=seed, step=step, **settings) for _ in range(2))
    assert (first.shape, first.dtype) == (batch.shape, np.float32)
    assert np.all((first >= 0) & (first <= 255))
    np.testing.assert_array_equal(first, second)


@given(seed=st.integers(0, 2**32))
def test_with_everything_off_nothing_changes(seed):
    batch = images(seed=seed)
    np.testing.assert_array_equal(changed(batch), batch)


def test_seeds_steps_and_images_draw_differently():
    same = np.repeat(images(1), 2, axis=0)
    settings = {"brightness": 0.5}
    first = changed(same, **settings)
    assert not np.allclose(first[0], first[1])
    assert not np.allclose(first, changed(same, seed=1, **settings))
    assert not np.allclose(first, changed(same, step=1, **settings))


def test_padding_shifts_by_up_to_the_border_and_fills_with_black():
    batch = images(200, low=1)
    seen = set()
    for before, after in zip(batch, changed(batch, padding=0.2), strict=True):
        padded = np.pad(before, ((2, 2), (2, 2), (0, 0)))
        shifts = [
            (y, x) for y in range(5) for x in range(5) if np.allclose(after, padded[y : y + 10, x : x + 6], atol=1e-3)
        ]
        assert len(shifts) == 1
        seen.update(shifts)
    assert seen == {(y, x) for y in range(5) for x in range(5)}


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_flip_mirrors_left_and_right_with_its_probability(probability):
    batch = images(400)
    mirrored = 0
    for before, after in zip(batch, changed(batch, flip=probability), strict=True):
        is_mirrored = np.allclose(after, before[:, ::-1], atol=1e-3)
        assert is_mirrored or np.allclose(after, before, atol=1e-3)
        mirrored += is_mirrored
    assert mirrored / 400 == pytest.approx(probability, abs=0.08)


def test_brightness_multiplies_and_clips():
    batch = images(100)
    factors = []
    for before, after in zip(batch.astype(float), changed(batch, brightness=0.5), strict=True):
        unclipped = (after > 0) & (after < 255) & (before > 50)
        factor = np.median(after[unclipped] / before[unclipped])
        np.testing.assert_allclose(after, np.clip(factor * before, 0, 255), atol=0.05)
        factors.append(factor)
    assert 0.5 <= min(factors) < 0.6 < 1.4 < max(factors) <= 1.5


def test_contrast_stretches_about_the_mean_grey():
    batch = images(100, low=100, high=156)
    factors = []
    for before, after in zip(batch.astype(float), changed(batch, contrast=0.5), strict=True):
        grey = np.mean(before @ LUMA)
        factor = np.sum((after - grey) * (before - grey)) / np.sum((before - grey) ** 2)
        np.testing.assert_allclose(after, grey + factor * (before - grey), atol=0.05)
        factors.append(factor)
    assert 0.5 <= min(factors) < 0.6 < 1.4 < max(factors) <= 1.5


def test_contrast_leaves_the_mean_grey_where_brightness_put_it():
    batch = images(100, low=60, high=90)
    after = changed(batch, brightness=0.5, contrast=0.5)
    brightness = np.mean(after @ LUMA, axis=(1, 2)) / np.mean(batch @ LUMA, axis=(1, 2))
    assert 0.5 <= brightness.min() < 0.6 < 1.4 < brightness.max() <= 1.5


def test_saturation_stretches_about_each_pixels_own_grey():
    batch = images(100, low=100, high=156)
    factors = []
    for before, after in zip(batch.astype(float), changed(batch, saturation=0.5), strict=True):
        grey = (before @ LUMA)[..., None]
        factor = np.sum((after - grey) * (before - grey)) / np.sum((before - grey) ** 2)
        np.testing.assert_allclose(after, grey + factor * (before - grey), atol=0.05)
        factors.append(factor)
    assert 0.5 <= min(factors) < 0.6 < 1.4 < max(factors) <= 1.5


def test_hue_turns_colours_about_the_grey_axis():
    batch = images(100, low=100, high=156)
    angles = []
    for before, after in zip(batch, changed(batch, hue=0.25), strict=True):
        np.testing.assert_allclose(after @ LUMA, before @ LUMA, atol=0.05)
        turns = []
        for old, new in zip(before.reshape(-1, 3) / 255.0, after.reshape(-1, 3) / 255.0, strict=True):
            (_, i, q), (_, new_i, new_q) = colorsys.rgb_to_yiq(*old), colorsys.rgb_to_yiq(*new)
            assert np.hypot(new_i, new_q) == pytest.approx(np.hypot(i, q), rel=0.03, abs=1e-3)
            if np.hypot(i, q) > 0.05:
                turns.append(np.angle((new_i + 1j * new_q) / (i + 1j * q)) / (2 * np.pi))
        assert np.ptp(turns) < 0.02
        angles.append(np.median(turns))
    assert -0.26 < min(angles) < -0.2 < 0.2 < max(angles) < 0.26


def test_grey_images_stay_grey_under_saturation_and_hue():
    grey = np.repeat(images()[..., :1], 3, axis=-1)
    np.testing.assert_allclose(changed(grey, saturation=1.0, hue=0.5), grey, atol=0.01)


def test_erasing_fills_one_rectangle_with_the_mean_colour():
    batch = images(300, 20, 10)
    shares, edges = [], []
    for before, after in zip(batch, changed(batch, erasing=0.6), strict=True):
        erased = np.any(np.abs(after - before) > 0.01, axis=-1)
        if not erased.any():
            continue
        shares.append(erased.mean())
        rows, columns = np.flatnonzero(erased.any(axis=1)), np.flatnonzero(erased.any(axis=0))
        edges.append((rows[0], rows[-1], columns[0], columns[-1]))
        inside = after[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        np.testing.assert_allclose(inside, np.broadcast_to(before.mean(axis=(0, 1)), inside.shape), atol=0.01)
    assert len(shares) / 300 == pytest.approx(0.6, abs=0.1)
    assert 0 < min(shares) < 0.05
    assert 0.3 < max(shares) < 0.5
    top, bottom, left, right = np.transpose(edges)
    assert (top.min(), bottom.max(), left.min(), right.max()) == (0, 19, 0, 9)


def test_erasing_is_off_by_default():
    assert Augmentation().erasing == 0


@pytest.mark.parametrize(
    "wrong", [{"padding": -0.1}, {"flip": 1.1}, {"brightness": -1.0}, {"hue": 0.6}, {"erasing": float("nan")}]
)
def test_a_setting_out_of_range_is_an_error_that_quotes_it(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"`{name}` must be between 0 and .* Received: {name}={value}"):
        Augmentation(**wrong)
