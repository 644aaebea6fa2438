"""Whole exports: a batch size left open, open spatial sizes, maps of one pixel, and a network for re-identification."""

import keras
import numpy as np
import pytest

from snr_keras.layers import SNR
from snr_ref import SNRParams
from snr_ref import snr as specified
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import PRECISIONS
from tests.exports.runtimes import litert, onnx_runtime, openvino, saved_model
from tests.frameworks.run_model import PERTURBED, build, embeddings, moved, weights
from tests.frameworks.test_models import LONGEST

both_runtimes = pytest.mark.parametrize("export", [onnx_runtime, litert])
all_runtimes = pytest.mark.parametrize("export", [onnx_runtime, litert, openvino, saved_model])


@all_runtimes
def test_one_export_serves_every_batch_size(export) -> None:
    snr, model = layer_model(8, 4, 12)
    run, F = export(model), maps(5, 8, 4, 12)
    for images in (1, 2, 5, 3):
        assert_conforms(run(F[:images]), snr, F[:images])


@both_runtimes
@pytest.mark.parametrize("shape", [(3, 9, 4, 12), (2, 16, 8, 12), (4, 2, 1, 12)], ids=str)
def test_spatial_sizes_may_be_open(export, shape) -> None:
    snr, model = layer_model(None, None, 12)
    assert_conforms(export(model)(maps(*shape)), snr, maps(*shape))


@both_runtimes
@pytest.mark.parametrize("pixels", [1, 2, 7])
def test_few_pixels_after_many_are_summed(export, pixels) -> None:
    """TensorFlow traces the layer for an open number of pixels once it has seen two; then stretches may have none."""
    keras.utils.set_random_seed(0)
    F = keras.Input((9, 8, 12))
    many, few = SNR(data_format="channels_last"), SNR(data_format="channels_last")
    cropped = keras.layers.Cropping2D(((0, 8), (0, 8 - pixels)))(F)
    run = export(keras.Model(F, {"many": many(F), "few": few(cropped)}))
    values = maps(3, 9, 8, 12)
    for _ in range(3):  # what is left undefined may be right by chance
        found = run(values)
        assert_conforms({"F_plus": found["many"]}, many, values)
        assert_conforms({"F_plus": found["few"]}, few, values[:, :1, :pixels])


@all_runtimes
def test_a_scaling_of_pixels_is_in_the_graph_and_no_input(export) -> None:
    """Pixels are scaled as in `resnet50` and the networks with PyTorch's topology."""
    images, mean, variance = keras.Input((2, 4, 3)), (124.0, 116.0, 104.0), (3411.0, 3260.0, 3294.0)
    scaling = keras.layers.Normalization(mean=mean, variance=variance)
    model = keras.Model(images, {"scaled": scaling(images)})
    before = scaling.mean
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 2, 4, 3)).astype("float32")
    np.testing.assert_allclose(export(model)(pixels)["scaled"], (pixels - mean) / np.sqrt(variance), atol=1e-6)
    assert scaling.mean is before


@all_runtimes
def test_the_embeddings_of_a_network_are_those_of_keras(export) -> None:
    """Within the bound that the network's own backends are held to."""
    network, exact = build("resnet_small", "float32"), build("resnet_small", "float64")
    network.set_weights(weights(network))
    images = np.random.default_rng(0).uniform(0, 255, (3, 64, 32, 3)).astype("float32")
    found = export(keras.Model(network.inputs[0], {"embedding": network.output["embedding"]}))(images)["embedding"]
    expected = []
    for run in range(PERTURBED + 1):
        exact.set_weights(moved(weights(network), run))
        expected.append(embeddings(exact, moved([images], run)[0], "float64"))
    allowed = np.sqrt(LONGEST["small"]) * np.abs(np.subtract(expected[1:], expected[0])).max()
    assert allowed < 0.01 * np.abs(expected[0]).max(), "a bound that means something"
    assert np.abs(found - expected[0]).max() <= allowed


def layer_model(*shape: int | None) -> tuple[SNR, keras.Model]:
    """A layer, and a model that is nothing else, with its embeddings."""
    keras.utils.set_random_seed(0)
    F = keras.Input(shape)
    snr = SNR(reduction=4, beta_initializer="normal", data_format="channels_last")
    F_plus, embeddings = snr(F, return_embeddings=True)
    return snr, keras.Model(F, {"F_plus": F_plus, **embeddings._asdict()})


def maps(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def assert_conforms(found, snr: SNR, F: np.ndarray) -> None:
    """The outputs are within the conformance kit's bounds of the specification."""
    weights = {name: np.float64(getattr(snr, name)) for name in ("gamma", "beta", "w1", "w2")}
    arguments = {"F": np.float64(F), "params": SNRParams(**weights), "epsilon": snr.epsilon}
    expected, bounds = specified(**arguments), FUNCTIONS["snr"].bounds(arguments, PRECISIONS["float32"])
    for name, values in found.items():
        difference = np.abs(values - getattr(expected, name))
        assert (difference <= bounds[name]).all(), f"{name} is off by {(difference / bounds[name]).max()} bounds"
