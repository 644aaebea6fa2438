"""From files on disk to the figures of a target domain."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from snr_keras.evaluation import evaluate_embeddings
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.synthetic import synthesize
from snr_keras.reid.targets import embed_dataset, extract_embeddings, score


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> ReIDDataset:
    people = {"train_identities": 2, "test_identities": 3, "cameras": 2, "images_per_camera": 2}
    folder = tmp_path_factory.mktemp("data") / "day"
    return read_market1501(synthesize(folder, domain="day", image_size=(32, 16), **people))


@pytest.fixture(scope="module")
def flattener() -> keras.Model:
    """Embeds an image as its own pixels, left to right: mirroring it shows."""
    images = keras.Input((32, 16, 3))
    return keras.Model(images, keras.layers.Reshape((32 * 16 * 3,))(images))


def test_embeddings_are_in_the_order_of_the_images_whatever_the_batch(dataset, flattener) -> None:
    whole = extract_embeddings(flattener, dataset.gallery, batch_size=100)
    for batch_size in (1, 4, 5):
        np.testing.assert_array_equal(extract_embeddings(flattener, dataset.gallery, batch_size=batch_size), whole)
    assert whole.dtype == np.float32
    assert whole.shape == (6, 32 * 16 * 3)


def test_flip_averages_with_the_mirrored_image(dataset, flattener) -> None:
    plain = extract_embeddings(flattener, dataset.query).reshape(-1, 32, 16, 3)
    flipped = extract_embeddings(flattener, dataset.query, flip=True).reshape(-1, 32, 16, 3)
    np.testing.assert_array_equal(flipped, (plain + plain[:, :, ::-1]) / 2)


def test_progress_ends_with_every_image_of_both_splits(dataset, flattener) -> None:
    seen = []
    embed_dataset(flattener, dataset, batch_size=4, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_the_score_is_that_of_the_embeddings(dataset, flattener) -> None:
    embedded = embed_dataset(flattener, dataset)
    result = score(embedded)
    q, g = dataset.query, dataset.gallery
    expected = evaluate_embeddings(embedded.query, embedded.gallery, q.identities, g.identities, q.cameras, g.cameras)
    assert (result.mAP, result.mINP, result.rank(1)) == (expected.mAP, expected.mINP, expected.cmc[0])
    assert (result.num_queries, result.num_valid_queries, result.num_gallery) == (6, 6, 6)
    assert result.protocol == "market1501"


def test_without_camera_labels_the_protocol_is_no_camera(dataset, flattener) -> None:
    unlabelled = replace(dataset, query=replace(dataset.query, cameras=None))
    assert score(embed_dataset(flattener, unlabelled)).protocol == "no_camera"


def test_an_error_names_the_data_set(dataset, flattener, tmp_path: Path) -> None:
    strangers = replace(dataset, query=replace(dataset.query, identities=dataset.query.identities + 1000))
    with pytest.raises(ValueError, match=r"^day: .*query identities occurs in the gallery"):
        score(embed_dataset(flattener, strangers))
