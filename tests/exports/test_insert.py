"""`export` of a model that SNR was inserted into, as Keras' users call it."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from snr_keras.models import SNRNetwork, insert_snr


def model_with_scaling() -> keras.Model:
    """A scaling of pixels, two stages and two outputs, one of them in a model within the model."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 12, 3), name="image")
    x = layers.Normalization(mean=(124.0, 116.0, 104.0), variance=(3411.0, 3260.0, 3294.0))(image)
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="first")(x)
    inner = keras.Input((None, None, 8))
    trunk = keras.Model(inner, layers.Conv2D(12, 3, strides=2, activation="relu", name="second")(inner), name="trunk")
    pooled = layers.GlobalAveragePooling2D()(trunk(x))
    return keras.Model(image, [layers.Dense(3, name="who")(pooled), layers.Dense(1, name="age")(pooled)])


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (count, 16, 12, 3)).astype("float32")


@pytest.mark.parametrize("which", ["model", "network", "own"])
def test_onnx_runtime_gives_what_the_network_gives(which: str, tmp_path: Path) -> None:
    model = insert_snr(model_with_scaling(), verbose=False)
    own = SNRNetwork(model.network.input, list(model.network.output.values()))
    path = tmp_path / "model.onnx"
    {"model": model, "network": model.network, "own": own}[which].export(path, format="onnx", verbose=False)
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    batches = (3, 1) if keras.backend.backend() != "torch" else (1,)  # where Keras leaves no size open
    for count in batches:
        found = session.run(None, {given.name: images(count)})
        expected = [keras.ops.convert_to_numpy(x) for x in own(images(count))]
        for one, other in zip(sorted(found, key=np.size), sorted(expected, key=np.size), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_model_can_be_trained_and_exported_again_after_an_export(tmp_path: Path) -> None:
    model = insert_snr(model_with_scaling(), verbose=False)
    model.compile("sgd", ["mse", "mse"], identities=lambda y: keras.ops.cast(y[1][:, 0], "int32"))
    labels = [np.zeros((4, 3), "float32"), np.array([[0.0], [0.0], [1.0], [1.0]], "float32")]
    model.export(tmp_path / "a.onnx", format="onnx", verbose=False)
    assert np.isfinite(model.fit(images(4), labels, verbose=0).history["loss"][0])
    model.export(tmp_path / "b.onnx", format="onnx", verbose=False)
    import onnxruntime

    before, after = (onnxruntime.InferenceSession(tmp_path / name) for name in ("a.onnx", "b.onnx"))
    given = {"image": images(1)}
    assert not np.array_equal(before.run(None, given)[0], after.run(None, given)[0])
