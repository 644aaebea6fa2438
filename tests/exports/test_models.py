"""Whole exports: a batch size left open, open spatial sizes, maps of one pixel, and a network for re-identification."""

import keras
import numpy as np
import pytest

from snr_keras.layers import SNR
from snr_keras.models import embedder, reid_model
from tests.exports.runtimes import litert, litert_xnnpack, onnx_runtime

all_runtimes = pytest.mark.parametrize("export", [onnx_runtime, litert, litert_xnnpack])
exact_runtimes = pytest.mark.parametrize("export", [onnx_runtime, litert])


@all_runtimes
def test_one_export_serves_every_batch_size(export) -> None:
    F = maps(5, 8, 4, 12)
    model = layer_model(8, 4, 12)
    run = export(model)
    for images in (1, 2, 5, 3):
        assert_same(run(F[:images]), model(F[:images]))


@exact_runtimes
@pytest.mark.parametrize("shape", [(3, 9, 4, 12), (2, 16, 8, 12), (4, 2, 1, 12)], ids=str)
def test_spatial_sizes_may_be_open(export, shape) -> None:
    model = layer_model(None, None, 12)
    assert_same(export(model)(maps(*shape)), model(maps(*shape)))


@exact_runtimes
def test_a_map_of_one_pixel_is_normalized_to_beta(export) -> None:
    """The layer adds up no stretches of no pixels, of which XNNPACK makes garbage."""
    model = layer_model(1, 1, 12)
    assert_same(export(model)(maps(3, 1, 1, 12)), model(maps(3, 1, 1, 12)))


@all_runtimes
def test_the_embeddings_of_a_network_are_those_of_keras(export) -> None:
    keras.utils.set_random_seed(0)
    network = embedder(reid_model(5, image_size=(64, 32)))
    model = keras.Model(network.inputs, {"embedding": network.outputs[0]})
    images = np.random.default_rng(0).uniform(0, 255, (3, 64, 32, 3)).astype("float32")
    ours, theirs = np.asarray(model(images)["embedding"]), export(model)(images)["embedding"]
    # Some thirty layers deep: each rounds by about 2^-24 of what it sums, in an order of its own.
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=2**-15 * np.abs(ours).max())


def layer_model(*shape: int | None) -> keras.Model:
    """A model that is one layer, with its embeddings."""
    keras.utils.set_random_seed(0)
    F = keras.Input(shape)
    F_plus, embeddings = SNR(reduction=4, beta_initializer="normal", data_format="channels_last")(
        F, return_embeddings=True
    )
    return keras.Model(F, {"F_plus": F_plus, **embeddings._asdict()})


def maps(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def assert_same(theirs, ours) -> None:
    assert set(theirs) == set(ours)
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value, atol=4e-6, err_msg=name)
