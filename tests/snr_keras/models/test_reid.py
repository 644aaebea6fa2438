"""The ReID model: outputs, the switch, the last stage, half precision, and files."""

import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from snr_keras.models import NORMALIZATIONS, embedder, module_stages, reid_model

IMAGES = np.random.default_rng(0).uniform(0, 255, (6, 32, 16, 3)).astype("float32")


def layers_of(model: keras.Model, suffix: str) -> list[str]:
    return [layer.name for layer in model.layers if layer.name.endswith(suffix)]


@pytest.mark.parametrize(("normalization", "in_layers", "snr_layers"), [("none", 0, 0), ("in", 3, 0), ("snr", 0, 4)])
def test_the_switch_decides_which_modules_there_are_and_nothing_else(normalization, in_layers, snr_layers):
    model = reid_model(5, normalization=normalization, image_size=(32, 16))
    assert (len(layers_of(model, "_in")), len(layers_of(model, "_snr"))) == (in_layers, snr_layers)
    outputs = model(IMAGES)
    assert {k: tuple(outputs[k].shape) for k in ("features", "embedding", "logits")} == {
        "features": (6, 128),
        "embedding": (6, 128),
        "logits": (6, 5),
    }
    if snr_layers:
        assert [tuple(e.f_plus.shape) for e in outputs["snr"]] == [(6, 24), (6, 40), (6, 80), (6, 128)]
    else:
        assert "snr" not in outputs
    plain = reid_model(5, normalization="none", image_size=(32, 16))
    shared = [v.path for v in plain.weights]
    assert [v.path for v in model.weights if "stage" not in v.path or "_bn" in v.path or "_conv" in v.path] == shared


def test_the_small_net_has_a_few_hundred_thousand_parameters_and_pools_an_eighth_of_the_image():
    model = reid_model(100, normalization="none", image_size=(64, 32))
    assert 300_000 < model.count_params() < 500_000
    assert model.get_layer("stage4_out").output.shape == (None, 8, 4, 128)


def test_the_image_size_may_be_open():
    model = reid_model(5, image_size=(None, None))
    for size in ((32, 16), (17, 9)):
        assert model(np.ones((2, *size, 3), "float32"))["embedding"].shape == (2, 128)


def test_pixels_are_scaled_inside_the_model():
    model = reid_model(5, normalization="none", image_size=(None, None))
    scaled = keras.Model(model.input, model.get_layer("scaling").output)(np.array([[[[0.0, 127.5, 255.0]]]]))
    np.testing.assert_allclose(np.ravel(scaled), [-1, 0, 1], atol=1e-6)


def test_the_bnneck_has_no_beta_and_the_classifier_no_bias():
    model = reid_model(5, image_size=(32, 16))
    assert [v.name for v in model.get_layer("embedding").trainable_variables] == ["gamma"]
    assert [v.name for v in model.get_layer("logits").variables] == ["kernel"]


def test_batch_norm_momentum_reaches_every_batch_norm():
    for backbone, size in (("resnet_small", (32, 16)), ("resnet50", (64, 32))):
        model = reid_model(5, backbone=backbone, normalization="none", image_size=size, batch_norm_momentum=0.7)
        momenta = {x.momentum for x in model.layers if isinstance(x, keras.layers.BatchNormalization)}
        assert momenta == {0.7}


def test_instance_norm_before_global_pooling_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"the same vector for every image(.|\n)*Received: stages=\(3, 4\)"):
        reid_model(5, normalization="in", stages=(3, 4))


def test_the_reason_given_for_refusing_it_is_true():
    pooled = keras.layers.GlobalAveragePooling2D()(
        keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)(IMAGES * np.arange(1, 7)[:, None, None, None])
    )
    np.testing.assert_allclose(pooled, 0, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"normalization": "bn"}, "Received: normalization='bn'"),
        ({"normalization": "none", "stages": (1,)}, "must be empty or None"),
        ({"stages": (0, 1)}, r"distinct numbers out of \(1, 2, 3, 4\). Received: stages=\(0, 1\)"),
        ({"stages": (1, 1)}, r"Received: stages=\(1, 1\)"),
        ({"backbone": "vgg"}, "Received: backbone='vgg'"),
        ({"num_identities": 0}, "Received: num_identities=0"),
        ({"last_stride": 3}, "Received: last_stride=3"),
        ({"weights": "imagenet"}, "no pretrained weights"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        reid_model(**{"num_identities": 5, "image_size": (32, 16), **arguments})


def test_stages_come_out_sorted():
    assert module_stages("snr", [3, 1]) == (1, 3)
    assert layers_of(reid_model(5, stages=(3, 1), image_size=(32, 16)), "_snr") == ["stage1_snr", "stage3_snr"]


def test_the_embedder_shares_its_weights_with_the_model():
    model = reid_model(5, image_size=(32, 16))
    embed = embedder(model)
    model.get_layer("stem_conv").kernel.assign(model.get_layer("stem_conv").kernel * 2 + 0.1)
    np.testing.assert_array_equal(embed(IMAGES), model(IMAGES)["embedding"])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_half_precision_convolves_in_half_and_pools_in_single(policy, normalization):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = reid_model(5, normalization=normalization, image_size=(32, 16))
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("stage4_2_conv").compute_dtype == policy.removeprefix("mixed_")
    outputs = model(IMAGES)
    assert {keras.backend.standardize_dtype(x.dtype) for x in keras.tree.flatten(outputs)} == {"float32"}
    assert all(np.all(np.isfinite(x)) for x in keras.tree.flatten(outputs))


@pytest.mark.slow
def test_resnet50_pools_16x8_at_256x128_and_has_its_modules_after_the_four_stages():
    model = reid_model(7, backbone="resnet50", normalization="snr", image_size=(256, 128))
    assert model.get_layer("conv5_block3_out").output.shape == (None, 16, 8, 2048)
    assert [model.get_layer(n).output[0].shape[1:] for n in layers_of(model, "_snr")] == [
        (64, 32, 256),
        (32, 16, 512),
        (16, 8, 1024),
        (16, 8, 2048),
    ]
    inputs = {n: model.get_layer(n).input.shape[1:] for n in layers_of(model, "_snr")}
    assert model.get_layer("conv3_block1_1_conv").input is model.get_layer("stage1_snr").output[0], inputs
    assert model.get_layer("features").input is model.get_layer("stage4_snr").output[0]


@pytest.mark.parametrize(
    ("backbone", "last_stride", "parameters", "channels"),
    [("torchvision_resnet18", 2, 11_176_512, 512), ("fastreid_resnet50", 1, 23_508_032, 2048)],
)
def test_networks_of_pytorchs_topology_have_its_parameters_and_its_maps(
    backbone: str, last_stride: int, parameters: int, channels: int
) -> None:
    """Torchvision's numbers of parameters, 11 689 512 and 25 557 032, without its classifiers."""
    model = reid_model(7, backbone=backbone, normalization="none", image_size=(256, 128), last_stride=last_stride)
    trunk = keras.Model(model.input, model.get_layer("features").input)
    assert sum(np.prod(weight.shape) for weight in trunk.trainable_weights) == parameters
    assert trunk.output.shape == (None, 16 // last_stride, 8 // last_stride, channels)


@pytest.mark.parametrize(("backbone", "pixels"), [("resnet_small", (4, 2)), ("resnet50", (2, 1))])
def test_the_last_stride_of_any_backbone_may_be_2(backbone: str, pixels: tuple[int, int]) -> None:
    model = reid_model(7, backbone=backbone, normalization="none", image_size=(64, 32), last_stride=2)
    assert model.get_layer("features").input.shape[1:3] == pixels


@pytest.mark.slow
def test_resnet50_computes_what_keras_computes_from_a_weights_file(tmp_path: Path):
    """Up to stage 3 the maps are Keras' own with its own preprocessing; stage 4 has the same weights at stride 1."""
    source = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 32, 3), pooling="avg")
    rng = np.random.default_rng(0)
    for layer in source.layers:  # weights unlike any initializer's, moving statistics included
        layer.set_weights([w + 0.01 * rng.random(w.shape, dtype="float32") for w in layer.get_weights()])
    source.save_weights(tmp_path / "r50.weights.h5")
    model = reid_model(
        5, backbone="resnet50", normalization="none", image_size=(64, 32), weights=str(tmp_path / "r50.weights.h5")
    )
    images = rng.uniform(0, 255, (2, 64, 32, 3)).astype("float32")
    expected = keras.Model(source.input, source.get_layer("conv4_block6_out").output)(
        keras.applications.resnet50.preprocess_input(images.copy())
    )
    actual = keras.Model(model.input, model.get_layer("conv4_block6_out").output)(images)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * float(np.max(np.abs(expected))))
    for layer in source.layers:
        if layer.name.startswith("conv5"):
            for ours, theirs in zip(model.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_a_weights_file_of_keras_that_is_damaged_or_reaches_elsewhere_is_named(tmp_path: Path):
    file = tmp_path / "r50.weights.h5"
    settings = {"backbone": "resnet50", "normalization": "none", "image_size": (64, 32), "weights": str(file)}
    file.write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match=r"Expected weights of Keras' ResNet-50. Received: .*r50\.weights\.h5"):
        reid_model(5, **settings)
    with h5py.File(file, "w") as hostile:
        hostile["layers"] = h5py.ExternalLink("other.h5", "/layers")
    with pytest.raises(ValueError, match=r"r50\.weights\.h5.*/layers must have the object itself, not a link"):
        reid_model(5, **settings)


def test_a_failed_download_says_which_file_to_put_where(monkeypatch):
    def no_network(**kwargs):
        raise Exception("URL fetch failure on https://storage.googleapis.com/...: None -- unreachable")

    monkeypatch.setattr(keras.applications, "ResNet50", no_network)
    with pytest.raises(ConnectionError, match=r"put the file at .*\.keras/models/resnet50_weights_.*_notop\.h5"):
        reid_model(5, backbone="resnet50", image_size=(64, 32), weights="imagenet")


def test_a_missing_weights_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"Received: weights='nowhere\.h5'"):
        reid_model(5, backbone="resnet50", image_size=(64, 32), weights="nowhere.h5")


LOAD_IN_A_FRESH_PROCESS = """
import sys, numpy as np
import snr_keras, keras
model = keras.models.load_model(sys.argv[1])
outputs = keras.tree.flatten(model(np.load(sys.argv[2])))
np.savez(sys.argv[3], *[np.asarray(x) for x in outputs])
"""


@pytest.mark.slow
def test_files_load_in_a_fresh_process_with_bit_equal_outputs(tmp_path: Path):
    np.save(tmp_path / "images.npy", IMAGES)
    model = reid_model(5, normalization="snr", image_size=(None, None))
    model.save(tmp_path / "m.keras")
    subprocess.run(
        [sys.executable, "-c", LOAD_IN_A_FRESH_PROCESS, "m.keras", "images.npy", "out.npz"],
        cwd=tmp_path,
        check=True,
        env={**__import__("os").environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with np.load(tmp_path / "out.npz") as loaded:
        expected = keras.tree.flatten(model(IMAGES))
        assert len(loaded.files) == len(expected) == 15
        for name, value in zip(loaded.files, expected, strict=True):
            np.testing.assert_array_equal(loaded[name], value)


@pytest.mark.slow
@pytest.mark.parametrize("normalization", ["none", "in"])
def test_resnet50_survives_its_file(tmp_path: Path, normalization):
    model = reid_model(5, backbone="resnet50", normalization=normalization, image_size=(64, 32))
    model.save(tmp_path / "m.keras")
    images = np.random.default_rng(1).uniform(0, 255, (2, 64, 32, 3)).astype("float32")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(images)["features"], model(images)["features"])
