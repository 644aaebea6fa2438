"""A domain of few people, tiny networks, and how to tell that something was drawn."""

from pathlib import Path

import keras
import numpy as np
import pytest
from matplotlib.image import imread

from snr_keras.models import reid_model
from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.synthetic import synthesize

SIZE = (32, 16)


@pytest.fixture(scope="session")
def day(tmp_path_factory) -> ReIDDataset:
    people = {"train_identities": 2, "test_identities": 3, "cameras": 2, "images_per_camera": 2}
    folder = tmp_path_factory.mktemp("data") / "day"
    return read_market1501(synthesize(folder, domain="day", image_size=SIZE, **people))


@pytest.fixture(scope="session")
def few(day: ReIDDataset) -> Split:
    """Five images."""
    return Split(day.gallery.paths[:5], day.gallery.identities[:5], None)


def untrained(normalization: str, stages: tuple[int, ...] | None = None) -> keras.Model:
    """A network of random weights, whose SNR modules are none of those that a training starts from."""
    keras.utils.set_random_seed(0)
    model = reid_model(3, normalization=normalization, stages=stages, image_size=SIZE)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.rsplit("/", 1)[0].endswith("_snr"):
            weight.assign(rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="session")
def with_snr() -> keras.Model:
    """SNR after the stages 2 and 3 alone."""
    return untrained("snr", (2, 3))


@pytest.fixture(scope="session")
def plain() -> keras.Model:
    return untrained("none")


def is_drawn(picture: Path, least: int = 200) -> bool:
    """Whether it is a PNG of a plausible size that shows something."""
    pixels = imread(picture, format="png")
    return min(pixels.shape[:2]) > least and max(pixels.shape[:2]) < 4000 and pixels[..., :3].std() > 0.03
