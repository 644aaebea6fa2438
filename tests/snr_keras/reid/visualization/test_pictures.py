"""Pictures are drawn from what runs and evaluations leave behind."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.synthetic import synthesize
from snr_keras.reid.targets import EmbeddedDataset
from snr_keras.reid.visualization import save_loss_curves, save_ranked_gallery
from snr_keras.reid.visualization.ranked_gallery import RIGHT, WRONG
from tests.snr_keras.reid.small import epoch_record


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> ReIDDataset:
    people = {"train_identities": 2, "test_identities": 3, "cameras": 2, "images_per_camera": 2}
    folder = tmp_path_factory.mktemp("data") / "day"
    return read_market1501(synthesize(folder, domain="day", image_size=(32, 16), **people))


def embedded(dataset: ReIDDataset, *, right: bool) -> EmbeddedDataset:
    """Embeddings that put every match first, or last."""

    def by_identity(split: Split) -> np.ndarray:
        return np.eye(dataset.gallery.identities.max() + 1)[split.identities]

    sign = 1 if right else -1
    return EmbeddedDataset(dataset, sign * by_identity(dataset.query), by_identity(dataset.gallery))


def count_pixels(picture: Path, colour: str) -> int:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return int((np.abs(imread(picture)[..., :3] - rgb).max(axis=-1) < 0.02).sum())


def test_right_images_are_framed_green_and_wrong_ones_red(dataset: ReIDDataset, tmp_path: Path) -> None:
    one_a_query = {"num_queries": 2, "top": 1}  # for each query has one match
    right = save_ranked_gallery(embedded(dataset, right=True), tmp_path / "right.png", **one_a_query)
    wrong = save_ranked_gallery(embedded(dataset, right=False), tmp_path / "wrong.png", **one_a_query)
    assert count_pixels(right, RIGHT) > 4 * count_pixels(right, WRONG)
    assert count_pixels(wrong, RIGHT) < count_pixels(wrong, WRONG) / 4


def test_a_short_gallery_leaves_places_empty(dataset: ReIDDataset, tmp_path: Path) -> None:
    picture = save_ranked_gallery(embedded(dataset, right=True), tmp_path / "picture.png", top=len(dataset.gallery) + 3)
    assert imread(picture).ndim == 3


def write_metrics(run: Path, **losses: float) -> Path:
    run.mkdir()
    lines = [json.dumps(epoch_record(epoch, losses=losses)) for epoch in (1, 2)]
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return run


def test_loss_curves_of_runs_with_and_without_snr(tmp_path: Path) -> None:
    plain = write_metrics(tmp_path / "none", total=2.0, cross_entropy=1.5, triplet=0.5)
    snr = write_metrics(tmp_path / "snr", total=3.0, cross_entropy=1.5, triplet=0.5, snr1_plus=1.2, snr1_minus=1.4)
    one = imread(save_loss_curves({"none": plain}, tmp_path / "one.png"))
    both = imread(save_loss_curves({"none": plain, "snr": snr}, tmp_path / "both.png"))
    assert both.shape[0] > one.shape[0]  # L+ and L- have panels of their own, in a second row


def test_there_must_be_an_epoch_to_draw(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty"):
        save_loss_curves({"none": tmp_path / "empty"}, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
