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

from snr_keras import layers
from snr_keras.layers import SNR
from snr_keras.losses import BatchHardTripletLoss, CrossEntropyLoss, DualCausalityLoss, DualRestitutionLoss
from snr_keras.models import SNRModel
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


@pytest.mark.slow
def test_keras_and_weight_files_load_in_a_fresh_process(tmp_path: Path) -> None:
    model = branched_model()
    model.save(tmp_path / "model.keras")
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    in_a_fresh_process(
        "import numpy as np, keras, snr_keras\n"
        "from pathlib import Path\n"
        "to_numpy = keras.ops.convert_to_numpy\n"
        "def save(model, path):\n"
        "    outputs = model(np.load('images.npy'))\n"
        "    f = {f'f{i}': to_numpy(f) for i, f in enumerate(outputs['snr'][0])}\n"
        "    np.savez(path, x=to_numpy(outputs['x']), **f)\n"
        "save(keras.saving.load_model('model.keras', safe_mode=True), 'keras.npz')\n"
        "again = keras.models.model_from_json(Path('model.json').read_text())\n"
        "again.load_weights('model.weights.h5')\n"
        "save(again, 'weights.npz')\n",
        tmp_path,
    )
    expected = outputs_of(model)
    for file in ("keras.npz", "weights.npz"):
        with np.load(tmp_path / file) as loaded:
            assert set(loaded) == set(expected)
            for name in expected:
                np.testing.assert_array_equal(loaded[name], expected[name], err_msg=f"{file}: {name}")


def test_compiled_models_come_back_with_their_loss(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4, 3, 8)), SNR(data_format="channels_last"), keras.layers.Flatten()])
    model.compile("adam", BatchHardTripletLoss(margin="soft"))
    batch = np.random.default_rng(0).normal(size=(8, 4, 3, 8)).astype(np.float32), np.arange(8) // 2
    model.fit(*batch, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == model.loss.get_config()
    assert again.evaluate(*batch, verbose=0) == model.evaluate(*batch, verbose=0)


def test_everything_that_is_saved_is_registered() -> None:
    saved = [getattr(layers, name) for name in layers.__all__ if name not in ("SNREmbeddings", "SNRMaps")]
    for cls in (*saved, SNRModel, BatchHardTripletLoss, CrossEntropyLoss, DualCausalityLoss, DualRestitutionLoss):
        assert keras.saving.get_registered_name(cls) == f"snr_keras>{cls.__name__}"


@pytest.mark.slow
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
        expected = flat([images()])
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


def test_int8_quantization_leaves_the_layer_in_floating_point(tmp_path: Path) -> None:
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
    model.save(tmp_path / "int8.keras")
    np.testing.assert_array_equal(to_numpy(keras.saving.load_model(tmp_path / "int8.keras")(F)), after)


def test_importing_the_package_imports_nothing_optional() -> None:
    script = "import sys; sys.modules.update(typer=None, matplotlib=None); import snr_keras"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": _root()}
    )
    assert result.returncode == 0, result.stderr


def _root() -> str:
    return str(Path(__file__).parents[3])
