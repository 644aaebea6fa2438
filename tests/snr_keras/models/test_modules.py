"""Where the modules of each normalization are, in both backbones, and what happens to pretrained weights."""

from pathlib import Path

import keras
import numpy as np
import pytest

from snr_keras.layers import (
    IBN,
    SNR,
    AdaptiveInstanceBatchNormalization,
    BatchInstanceNormalization,
    ChannelGate,
    EFDMix,
    MixStyle,
)
from snr_keras.models import NORMALIZATIONS, module_stages, reid_model
from snr_keras.networks import gate_reduction

IMAGES = np.random.default_rng(0).uniform(0, 255, (6, 32, 16, 3)).astype("float32")
INSTANCE_NORM = keras.layers.GroupNormalization
EVERY_BATCH_NORM = [
    "stem_bn", "stage1_1_bn", "stage1_2_bn",
    *(f"stage{stage}_{position}_bn" for stage in (2, 3, 4) for position in (0, 1, 2)),
]  # fmt: skip
EARLY_BLOCKS = [f"conv{stage}_block{b}" for stage, blocks in ((2, 3), (3, 4), (4, 6)) for b in range(1, blocks + 1)]


def small(normalization: str, stages: tuple[int, ...] | None = None) -> keras.Model:
    return reid_model(5, normalization=normalization, stages=stages, image_size=(32, 16))


def named(model: keras.Model, kind: type) -> list[str]:
    return sorted(layer.name for layer in model.layers if isinstance(layer, kind))


def before(model: keras.Model, name: str) -> str:
    return model.get_layer(name).input._keras_history.operation.name


@pytest.mark.parametrize(
    ("normalization", "stages", "kind", "places"),
    [
        ("ibn_a", None, IBN, ["stage1_1_bn", "stage2_1_bn", "stage3_1_bn"]),
        ("ibn_a", (4,), IBN, ["stage4_1_bn"]),
        ("ibn_b", None, INSTANCE_NORM, ["stem_bn", "stage1_in", "stage2_in"]),
        ("ibn_b", (2,), INSTANCE_NORM, ["stage2_in"]),
        ("bin", None, BatchInstanceNormalization, EVERY_BATCH_NORM),
        ("bin", (1,), BatchInstanceNormalization, ["stem_bn", "stage1_1_bn", "stage1_2_bn"]),
        ("aibn", None, AdaptiveInstanceBatchNormalization, EVERY_BATCH_NORM),
        ("aibn", (2,), AdaptiveInstanceBatchNormalization, ["stage2_0_bn", "stage2_1_bn", "stage2_2_bn"]),
        ("mixstyle", None, MixStyle, ["stage1_mixstyle", "stage2_mixstyle"]),
        ("efdmix", (3,), EFDMix, ["stage3_efdmix"]),
        ("dualnorm", None, INSTANCE_NORM, ["stage1_in", "stage2_in", "stage3_in"]),
        ("gate", None, ChannelGate, ["stage1_gate", "stage2_gate", "stage3_gate", "stage4_gate"]),
    ],
)
def test_modules_sit_where_they_should_and_the_rest_is_the_plain_network(normalization, stages, kind, places) -> None:
    model, plain = small(normalization, stages), small("none")
    assert named(model, kind) == sorted(places)
    shared = [layer.name for layer in model.layers if layer.name not in places or layer.name.endswith("_bn")]
    assert shared == [layer.name for layer in plain.layers]
    kinds = {layer.name: type(layer) for layer in plain.layers}
    assert all(type(layer) is kinds[layer.name] for layer in model.layers if layer.name not in places)
    outputs = model(IMAGES, training=True)
    assert outputs["embedding"].shape == (6, 128)
    assert all(np.all(np.isfinite(x)) for x in keras.tree.flatten(outputs))


def test_instance_norms_stand_before_or_after_the_relu_as_their_papers_say() -> None:
    for normalization in ("ibn_b", "dualnorm"):
        model = small(normalization)
        assert (before(model, "stage2_in"), before(model, "stage2_out")) == ("stage2_add", "stage2_in")
    model = small("in")
    assert (before(model, "stage2_in"), before(model, "stage3_1_conv")) == ("stage2_out", "stage2_in")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("normalization", "kind", "places"),
    [
        ("ibn_a", IBN, [f"{block}_1_bn" for block in EARLY_BLOCKS]),
        ("ibn_b", INSTANCE_NORM, ["conv1_bn", "stage1_in", "stage2_in"]),
        ("dualnorm", INSTANCE_NORM, ["stage1_in", "stage2_in", "stage3_in"]),
    ],
)
def test_resnet50_has_them_in_the_blocks_of_its_paper(normalization, kind, places) -> None:
    model = reid_model(5, backbone="resnet50", normalization=normalization, image_size=(64, 32))
    assert named(model, kind) == sorted(places)
    assert len(named(model, (keras.layers.BatchNormalization, kind))) == 54 + sum(p.endswith("_in") for p in places)
    if normalization != "ibn_a":
        assert (before(model, "stage2_in"), before(model, "conv3_block4_out")) == ("conv3_block4_add", "stage2_in")


@pytest.mark.slow
def test_pretrained_weights_land_where_there_is_a_place_for_them(tmp_path: Path) -> None:
    source = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 32, 3), pooling="avg")
    rng = np.random.default_rng(0)
    for layer in source.layers:
        layer.set_weights([w + 0.01 * rng.random(w.shape, dtype="float32") for w in layer.get_weights()])
    source.save_weights(tmp_path / "r50.weights.h5")
    for normalization, absent in (("bin", set()), ("ibn_b", {"conv1_bn/moving_mean", "conv1_bn/moving_variance"})):
        model = reid_model(
            5,
            backbone="resnet50",
            normalization=normalization,
            image_size=(64, 32),
            weights=str(tmp_path / "r50.weights.h5"),
        )
        ours = {weight.path: weight for weight in model.weights}
        assert {weight.path for weight in source.weights} - set(ours) == absent
        for weight in source.weights:
            if weight.path not in absent:
                np.testing.assert_array_equal(ours[weight.path], weight, err_msg=weight.path)


def test_every_replaced_batch_norm_has_the_momentum_and_epsilon_of_the_plain_one() -> None:
    for normalization in ("ibn_a", "bin", "aibn"):
        model = reid_model(5, normalization=normalization, image_size=(32, 16), batch_norm_momentum=0.7)
        norms = [layer for layer in model.layers if layer.name.endswith("_bn")]
        assert len(norms) == 12
        assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.7, 1e-5)}


@pytest.mark.parametrize("normalization", ["mixstyle", "efdmix"])
def test_mixing_styles_changes_training_alone(normalization) -> None:
    model, plain = small(normalization), small("none")
    plain.set_weights(model.get_weights())
    np.testing.assert_array_equal(model(IMAGES)["embedding"], plain(IMAGES)["embedding"])
    trained = [model(IMAGES, training=True)["features"] for _ in range(8)]  # all unmixed once in 65000 times
    expected = plain(IMAGES, training=True)["features"]
    assert not all(np.array_equal(features, expected) for features in trained)


def test_the_gate_has_the_reduction_of_the_model() -> None:
    model = reid_model(5, normalization="gate", reduction=4, image_size=(32, 16))
    assert model.get_layer("stage4_gate").w1.shape == (128, 32)


def test_without_a_reduction_every_gate_has_units_to_learn_with() -> None:
    assert [layer.w1.shape[1] for layer in reid_model(5).layers if isinstance(layer, SNR)] == [12, 20, 40, 64]
    assert gate_reduction("resnet50") == gate_reduction("torchvision_resnet18") == 16
    assert gate_reduction("resnet_small", 16) == 16


def test_a_gate_that_is_fixed_is_one_half_and_a_random_one_as_initialized() -> None:
    models = {}
    for gate in ("learned", "fixed", "random"):
        keras.utils.set_random_seed(3)
        models[gate] = reid_model(5, snr_gate=gate, image_size=(32, 16))
    for stage, width in enumerate((24, 40, 80, 128), 1):
        learned, fixed, random = (model.get_layer(f"stage{stage}_snr") for model in models.values())
        assert len(learned.trainable_weights) == 4
        assert (
            [w.name for w in fixed.trainable_weights] == [w.name for w in random.trainable_weights] == ["gamma", "beta"]
        )
        a = fixed.decompose(np.random.default_rng(stage).normal(size=(3, 2, 2, width))).a
        np.testing.assert_array_equal(a, 0.5)
        np.testing.assert_array_equal(random.w1, learned.w1)
        np.testing.assert_array_equal(random.w2, learned.w2)
    with pytest.raises(ValueError, match=r"`snr_gate` must be one of .* Received: snr_gate='half'"):
        reid_model(5, snr_gate="half")


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_default_stages_are_stages_that_may_be_chosen(normalization) -> None:
    assert module_stages(normalization, module_stages(normalization)) == module_stages(normalization)


def test_only_instance_norm_right_before_the_pooling_is_refused() -> None:
    for normalization in set(NORMALIZATIONS) - {"none", "in"}:
        assert module_stages(normalization, (4, 1)) == (1, 4)


def test_instance_norm_before_the_last_relu_keeps_images_apart_after_the_pooling() -> None:
    for normalization in ("ibn_b", "dualnorm"):
        features = np.asarray(small(normalization, (4,))(IMAGES)["features"])
        assert features.std(0).mean() > 1e-3


@pytest.mark.parametrize("normalization", ["ibn_a", "bin", "aibn", "efdmix", "gate"])
def test_files_give_the_same_outputs(normalization, tmp_path: Path) -> None:
    model = small(normalization)
    model(IMAGES, training=True)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(IMAGES)["embedding"], model(IMAGES)["embedding"])
