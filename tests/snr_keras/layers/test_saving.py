"""Models with SNR come back from disk as they were, in a process that knows nothing but `import snr_keras`."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from snr_keras.layers import SNR
from tests.snr_keras.backend import to_numpy

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="SavedModel is TensorFlow's")


def branched_model() -> keras.Model:
    """Two kinds of layers, one with its embeddings among the outputs, on maps of any size."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3)(inputs)
    x = SNR(reduction=2, use_bias=True, beta_initializer="random_normal", data_format="channels_last")(x)
    x, embeddings = SNR(gamma_constraint="non_neg", data_format="channels_last")(x, return_embeddings=True)
    return keras.Model(inputs, {"x": x, "snr": [embeddings]})


def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 9, 7, 3)).astype(np.float32)


def outputs_of(model: Any) -> dict[str, np.ndarray]:
    outputs = model(images())
    return {"x": to_numpy(outputs["x"]), **{f"f{i}": to_numpy(f) for i, f in enumerate(outputs["snr"][0])}}


def in_a_fresh_process(script: str, folder: Path) -> None:
    np.save(folder / "images.npy", images())
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": _root()},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_keras_files_load_in_a_fresh_process(tmp_path: Path) -> None:
    model = branched_model()
    model.save(tmp_path / "model.keras")
    in_a_fresh_process(
        "import numpy as np, keras, snr_keras\n"
        "outputs = keras.saving.load_model('model.keras')(np.load('images.npy'))\n"
        "to_numpy = keras.ops.convert_to_numpy\n"
        "f = {f'f{i}': to_numpy(f) for i, f in enumerate(outputs['snr'][0])}\n"
        "np.savez('outputs.npz', x=to_numpy(outputs['x']), **f)\n",
        tmp_path,
    )
    with np.load(tmp_path / "outputs.npz") as loaded:
        expected = outputs_of(model)
        assert set(loaded) == set(expected)
        for name in expected:
            np.testing.assert_array_equal(loaded[name], expected[name])


def test_weight_files_restore_every_weight(tmp_path: Path) -> None:
    model, other = branched_model(), branched_model()
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    for name, expected in outputs_of(model).items():
        np.testing.assert_array_equal(outputs_of(other)[name], expected)


@tensorflow_only
def test_saved_models_serve_any_batch_and_size_without_this_package(tmp_path: Path) -> None:
    model = branched_model()
    outputs = [model.outputs[-1], *model.outputs[:-1]]
    flat = keras.Model(
        model.inputs, {f"output{i}": output for i, output in enumerate(outputs)}
    )  # what signatures allow
    flat.export(tmp_path / "exported", verbose=False)
    in_a_fresh_process(
        "import numpy as np, tensorflow as tf\n"
        "model = tf.saved_model.load('exported')\n"
        "outputs = model.serve([np.load('images.npy')])\n"
        "np.savez('outputs.npz', **{name: output.numpy() for name, output in outputs.items()})\n",
        tmp_path,
    )
    with np.load(tmp_path / "outputs.npz") as loaded:
        expected = flat(images())
        assert set(loaded) == set(expected)
        for name in expected:
            np.testing.assert_array_equal(loaded[name], expected[name])


def test_a_config_restores_every_argument() -> None:
    layer = SNR(
        reduction=3,
        epsilon=1e-4,
        use_bias=True,
        data_format="channels_first",
        w1_initializer=keras.initializers.RandomNormal(stddev=0.1, seed=1),
        b2_regularizer=keras.regularizers.L1(0.2),
        gamma_constraint=keras.constraints.NonNeg(),
        dtype="mixed_bfloat16",
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert again.epsilon == 1e-4
    assert again.data_format == "channels_first"


def test_int8_quantization_leaves_the_layer_in_floating_point() -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = SNR(data_format="channels_last")(keras.layers.Conv2D(8, 3)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(4)(x))
    F = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    before = to_numpy(model(F))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras names the layers that stay as they are
        model.quantize("int8")
    assert {keras.backend.standardize_dtype(w.dtype) for w in model.layers[2].weights} == {"float32"}
    assert "int8" in {keras.backend.standardize_dtype(w.dtype) for w in model.layers[-1].weights}
    after = to_numpy(model(F))
    np.testing.assert_allclose(after, before, atol=0.03 * np.abs(before).max())


def test_importing_the_package_imports_nothing_optional() -> None:
    script = "import sys; sys.modules.update(typer=None, matplotlib=None); import snr_keras"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": _root()}
    )
    assert result.returncode == 0, result.stderr


def _root() -> str:
    return str(Path(__file__).parents[3])
