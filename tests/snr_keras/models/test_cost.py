"""Costs are those counted by hand, by Keras, and by the papers."""

import math

import keras
import pytest

from snr_keras.models import NORMALIZATIONS, reid_model
from snr_keras.models.cost import Cost, layer_cost, stage_costs, stage_of, uncounted


def total(model: keras.Model) -> Cost:
    return sum((layer_cost(layer) for layer in model.layers), Cost())


def small_by_hand() -> int:
    """Multiply-adds of resnet_small at 64x32: convolutions of (pixels, kernel area, channels in, channels out)."""
    p32, p16, p8 = 32 * 16, 16 * 8, 8 * 4
    stem = p32 * 27 * 24
    one = 2 * p32 * 9 * 24 * 24
    two = p16 * (9 * 24 * 40 + 9 * 40 * 40 + 24 * 40)
    three = p8 * (9 * 40 * 80 + 9 * 80 * 80 + 40 * 80)
    four = p8 * (9 * 80 * 128 + 9 * 128 * 128 + 80 * 128)
    return stem + one + two + three + four


def resnet50_by_hand(height: int, width: int, last_stride: int) -> int:
    """Multiply-adds of the convolutions of He et al.'s table 1, strides in the first 1x1 of a stage."""
    pixels = height * width // 4
    count = pixels * 49 * 3 * 64
    pixels, channels = pixels // 4, 64
    for blocks, middle, stride in ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, last_stride)):
        pixels //= stride * stride
        for block in range(blocks):
            count += pixels * (channels * middle + 9 * middle * middle + middle * 4 * middle)
            count += pixels * channels * 4 * middle if block == 0 else 0
            channels = 4 * middle
    return count


@pytest.fixture(scope="module", params=NORMALIZATIONS)
def small(request) -> keras.Model:
    return reid_model(10, normalization=request.param)


def test_parameters_are_those_that_keras_counts(small: keras.Model) -> None:
    assert sum(cost.parameters for cost in stage_costs(small).values()) == small.count_params()
    assert not uncounted(small)


def test_multiply_adds_of_resnet_small_are_those_counted_by_hand() -> None:
    assert total(reid_model(10, normalization="none")).multiply_adds == small_by_hand() + 128 * 10


def test_what_snr_adds_is_what_its_equations_say() -> None:
    without, with_it = (stage_costs(reid_model(10, normalization=n)) for n in ("none", "snr"))
    assert list(with_it) == ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "head"]
    maps = {
        "stage 1": (32 * 16, 24, 12),
        "stage 2": (16 * 8, 40, 20),
        "stage 3": (8 * 4, 80, 40),
        "stage 4": (8 * 4, 128, 64),
    }
    for stage, (pixels, channels, hidden) in maps.items():
        before, after = without[stage], with_it[stage]
        assert after.parameters - before.parameters == 2 * channels + 2 * channels * hidden
        assert after.multiply_adds - before.multiply_adds == 2 * channels * hidden
        assert after.elementwise - before.elementwise == 3 * pixels * channels
        assert after.activations - before.activations == 4 * (
            pixels * channels + 3 * channels
        )  # F~+, and three vectors
    assert (without["stem"], without["head"]) == (with_it["stem"], with_it["head"])


def test_what_the_baselines_add_is_what_their_formulas_say() -> None:
    maps = ((32 * 16, 24), (16 * 8, 40), (8 * 4, 80), (8 * 4, 128))  # pixels and channels after each stage
    values = [pixels * channels for pixels, channels in maps]
    norms = 32 * 16 * 24 + 2 * values[0] + 3 * sum(values[1:])  # values that batch norms normalize
    plain = total(reid_model(10, normalization="none"))
    added = {
        "in": (0, 3 * sum(values[:3])),
        "ibn_a": (0, sum(values[:3])),
        "ibn_b": (0, 2 * 32 * 16 * 24 + 3 * sum(values[:2])),
        "bin": (0, 2 * norms),
        "aibn": (0, 2 * norms),
        "dualnorm": (0, 3 * sum(values[:3])),
        "mixstyle": (0, 0),
        "efdmix": (0, 0),
        "gate": (sum(2 * c * (c // 2) for _, c in maps), sum(values)),
    }
    for normalization, expected in added.items():
        cost = total(reid_model(10, normalization=normalization))
        assert (cost.multiply_adds - plain.multiply_adds, cost.elementwise - plain.elementwise) == expected


def test_resnet50_of_keras_has_the_figure_of_its_paper() -> None:
    counted = total(keras.applications.ResNet50(weights=None))
    assert counted.multiply_adds == resnet50_by_hand(224, 224, 2) + 2048 * 1000
    assert counted.multiply_adds == pytest.approx(3.8e9, rel=0.02)  # "3.8 x 10^9 FLOPs", He et al., table 1
    assert counted.parameters == 25_636_712  # as keras.io says


def test_resnet50_for_people_is_counted_by_hand() -> None:
    costs = stage_costs(reid_model(751, backbone="resnet50", image_size=(256, 128), normalization="none"))
    assert sum(cost.multiply_adds for cost in costs.values()) == resnet50_by_hand(256, 128, 1) + 2048 * 751


def test_groups_strides_and_half_precision_count() -> None:
    images = keras.Input((9, 9, 8))
    layer = keras.layers.Conv2D(6, 3, strides=2, groups=2, dtype="mixed_float16")
    keras.Model(images, layer(images))
    assert layer_cost(layer) == Cost(9 * 4 * 6 + 6, 4 * 4 * 6 * 9 * 4, 0, 2 * 4 * 4 * 6)


def test_an_open_image_size_is_refused() -> None:
    with pytest.raises(ValueError, match="image size"):
        stage_costs(reid_model(10, normalization="none", image_size=(None, None)))


def test_kinds_of_layers_that_are_not_counted_are_named() -> None:
    images = keras.Input((4, 4, 3))
    model = keras.Model(images, keras.layers.SeparableConv2D(5, 3)(images))
    assert uncounted(model) == ["SeparableConv2D"]
    assert layer_cost(model.layers[1]).parameters == 9 * 3 + 3 * 5 + 5
    assert layer_cost(model.layers[1]).activations == 4 * math.prod((2, 2, 5))


@pytest.mark.parametrize(
    ("layer", "stage"),
    [
        ("images", "stem"),
        ("conv1_bn", "stem"),
        ("conv2_block1_add", "stage 1"),
        ("stage3_snr", "stage 3"),
        ("logits", "head"),
    ],
)
def test_layers_belong_to_stages_by_name(layer: str, stage: str) -> None:
    assert stage_of(layer) == stage
