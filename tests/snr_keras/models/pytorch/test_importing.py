"""PyTorch's names and shapes, and what is taken, left and refused; tests/frameworks holds the rest to PyTorch."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from snr_keras.models import NORMALIZATIONS, reid_model
from snr_keras.models.pytorch.importing import import_state_dict, state_dict_of
from snr_keras.models.pytorch.recognition import METADATA, describe, network_of
from snr_keras.models.pytorch.state_dict import StateDict, read_state_dict, write_state_dict

Tensors = dict[str, NDArray]


def model_of(backbone: str = "torchvision_resnet18", normalization: str = "snr", identities: int = 5) -> keras.Model:
    """A model with weights unlike any initializer's."""
    model = reid_model(identities, backbone=backbone, normalization=normalization, image_size=(32, 16), snr_bias=True)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape).astype(np.float32))
    return model


@pytest.fixture(scope="module")
def source() -> keras.Model:
    return model_of()


@pytest.fixture(scope="module")
def target() -> keras.Model:
    return model_of()


@pytest.fixture(scope="module")
def tensors(source: keras.Model) -> Tensors:
    return state_dict_of(source)


def file_of(tensors: Mapping[str, NDArray]) -> StateDict:
    return StateDict("weights.pth", tensors)


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """The names in torchvision's resnet18 but for `fc` and the counters, and in the public SNR codes."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7)}

    def norm(name: str, channels: int) -> None:
        shapes.update({f"{name}.{kind}": (channels,) for kind in ("weight", "bias", "running_mean", "running_var")})

    norm("bn1", 64)
    before = 64
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            shapes[f"{name}.conv1.weight"] = (width, before, 3, 3)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            norm(f"{name}.bn1", width)
            norm(f"{name}.bn2", width)
            if before != width:
                shapes[f"{name}.downsample.0.weight"] = (width, before, 1, 1)
                norm(f"{name}.downsample.1", width)
            before = width
        gate = f"style_reid_laye{stage}"
        shapes |= {f"IN{stage}.weight": (width,), f"IN{stage}.bias": (width,)}
        shapes |= {f"{gate}.fc1.weight": (width // 16, width, 1, 1), f"{gate}.fc1.bias": (width // 16,)}
        shapes |= {f"{gate}.fc2.weight": (width, width // 16, 1, 1), f"{gate}.fc2.bias": (width,)}
    norm("bottleneck", 512)
    return shapes | {"classifier.weight": (5, 512)}


def test_names_and_shapes_are_those_of_torchvision_and_of_the_public_snr_codes(tensors: Tensors) -> None:
    assert {name: tensor.shape for name, tensor in tensors.items()} == expected_shapes()


@pytest.mark.parametrize(
    ("backbone", "normalization"),
    [
        ("torchvision_resnet18", "snr"),
        ("fastreid_resnet18", "ibn_a"),
        ("resnet_small", "in"),
        ("resnet_small", "snr"),
        ("resnet_small", "none"),
    ],
)
def test_a_model_comes_back_from_a_file_bit_for_bit(backbone: str, normalization: str, tmp_path) -> None:
    model, other = model_of(backbone, normalization), model_of(backbone, normalization)
    for weight in other.weights:
        weight.assign(np.zeros(weight.shape))
    file = tmp_path / "x.safetensors"
    write_state_dict(file, state_dict_of(model), describe(model))
    account = import_state_dict(other, read_state_dict(file))
    assert not account.anew
    assert not account.left
    for mine, its in zip(other.weights, model.weights, strict=True):
        if normalization == "ibn_a" and "1_bn/moving" in mine.path and not mine.path.startswith("stage4"):
            half = mine.shape[0] // 2  # of an instance norm, which has no use for them, nor a place in PyTorch
            np.testing.assert_array_equal(mine[half:], its[half:])
        else:
            np.testing.assert_array_equal(mine, its, err_msg=mine.path)
    again = tmp_path / "again.safetensors"
    write_state_dict(again, state_dict_of(other), describe(other))
    first, second = read_state_dict(file), read_state_dict(again)  # safetensors puts nothing in an order
    assert second.metadata == first.metadata
    assert set(second.tensors) == set(first.tensors)
    for name, tensor in first.tensors.items():
        assert (second.tensors[name].dtype, second.tensors[name].tobytes()) == (tensor.dtype, tensor.tobytes()), name


def without(*names: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if name not in names}


REFUSED: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "a weight is missing": (without("layer2.1.conv1.weight"), r"layer2.1.conv1.weight \(128, 128, 3, 3\) is missing"),
    "statistics are missing": (without("bn1.running_var"), r"bn1.running_var \(64,\) is missing"),
    "half of a module is missing": (without("IN2.weight"), r"IN2.weight \(128,\) is missing"),
    "another shape": (
        lambda x: x | {"layer1.0.conv1.weight": np.zeros((64, 64, 1, 1), np.float32)},
        r"layer1.0.conv1.weight is \(64, 64, 1, 1\) instead of \(64, 64, 3, 3\)",
    ),
    "a name without a place": (
        lambda x: x | {"NL_2.0.g.weight": np.zeros((2, 2), np.float32)},
        r"NL_2.0.g.weight \(2, 2\) has no place",
    ),
    "a deeper network": (
        lambda x: x | {"layer3.2.conv1.weight": np.zeros((256, 256, 3, 3), np.float32)},
        r"layer3.2.conv1.weight \(256, 256, 3, 3\) has no place",
    ),
    "numbers that are not finite": (
        lambda x: x | {"bn1.bias": np.full(64, np.nan, np.float32)},
        "bn1.bias has numbers that are not finite",
    ),
    "another scaling of images": (
        lambda x: x | {"pixel_mean": np.float32([127.5, 127.5, 127.5])},
        r"pixel_mean \(3,\) has no place",
    ),
    "two networks": (
        lambda x: {f"{which}.{name}": tensor for which in ("student", "teacher") for name, tensor in x.items()},
        r"2 networks, under \['student.', 'teacher.'\]",
    ),
    "none": (lambda x: {"features.0.weight": x["conv1.weight"]}, r"names such as \['features.0.weight'\]"),
    "one thing twice": (
        lambda x: x | {"heads.weight": x["classifier.weight"]},
        "classifier.weight and heads.weight are both classifier.weight",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_another_network_is_refused_with_the_names_and_nothing_is_set(
    what: str, tensors: Tensors, target: keras.Model
) -> None:
    change, message = REFUSED[what]
    target.get_layer("stem_bn").gamma.assign(np.full(64, 17.0))
    with pytest.raises(ValueError, match=message):
        import_state_dict(target, file_of(change(tensors)))
    np.testing.assert_array_equal(target.get_layer("stem_bn").gamma, 17)


def test_all_that_is_wrong_is_counted(tensors: Tensors, target: keras.Model) -> None:
    gone = [name for name in tensors if name.startswith("layer4")]
    with pytest.raises(ValueError, match=f"and {len(gone) - 12} more"):
        import_state_dict(target, file_of(without(*gone)(tensors)))


def test_an_exponent_of_pooling_is_left_with_its_own_reason(tensors: Tensors, target: keras.Model) -> None:
    account = import_state_dict(target, file_of(tensors | {"heads.pool_layer.p": np.float32([3])}))
    assert account.left == {"heads.pool_layer.p": "an exponent of pooling; here features are pooled by the mean"}


HEADS: dict[str, tuple[Callable[[Tensors], Tensors], str, set[str]]] = {
    "a classifier of another size": (
        lambda x: x | {"classifier.weight": np.zeros((751, 512), np.float32)},
        r"classifier.weight is (751, 512) instead of (5, 512)",
        {"classifier"},
    ),
    "a classifier with a bias": (lambda x: x | {"classifier.bias": np.zeros(5)}, "it has a bias", {"classifier"}),
    "a neck with a bias": (lambda x: x | {"bottleneck.bias": np.ones(512)}, "bottleneck.bias is not zero", {"BNNeck"}),
    "a neck behind a reduction": (
        lambda x: (
            without("bottleneck.running_mean", "bottleneck.running_var")(x)
            | {"bottleneck.weight": np.zeros((256, 512, 1, 1), np.float32)}
        ),
        "bottleneck.weight is (256, 512, 1, 1) instead of (512,)",
        {"BNNeck"},
    ),
    "torchvision's": (
        lambda x: (
            {name: tensor for name, tensor in x.items() if not name.startswith(("bottleneck", "classifier"))}
            | {"fc.weight": np.zeros((1000, 512)), "fc.bias": np.zeros(1000)}
        ),
        "another head",
        {"BNNeck", "classifier"},
    ),
}


@pytest.mark.parametrize("what", HEADS)
def test_heads_that_do_not_fit_are_left_and_it_is_said_why(what: str, tensors: Tensors, target: keras.Model) -> None:
    change, reason, anew = HEADS[what]
    account = import_state_dict(target, file_of(change(tensors)))
    assert account.anew.keys() == anew
    assert any(reason in its for its in account.left.values())
    everything = {name for weight in account.taken for name in weight.names} | account.left.keys()
    assert everything | {"bottleneck.bias"} == change(tensors).keys() | {"bottleneck.bias"}


def test_names_of_other_codes_are_taken(source: keras.Model, tensors: Tensors, target: keras.Model) -> None:
    def renamed(name: str) -> str:
        if name.startswith("bottleneck"):
            return name.replace("bottleneck", "heads.bottleneck.0")
        return "heads.weight" if name == "classifier.weight" else f"backbone.{name}"

    fastreid = {f"module.{renamed(name)}": tensor for name, tensor in tensors.items()}
    counters = {"module.backbone.bn1.num_batches_tracked": np.array(3)}
    scaling = {"module.pixel_mean": 255 * np.float32([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)}
    account = import_state_dict(target, file_of(fastreid | counters | scaling))
    assert account.prefix == "module.backbone."
    assert account.left.keys() == counters.keys() | scaling.keys()
    for mine, its in zip(target.weights, source.weights, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_linear_layers_and_other_precisions_are_adapted_and_told(tensors: Tensors, target: keras.Model) -> None:
    changed = {name: x[:, :, 0, 0] if ".fc" in name and x.ndim == 4 else x for name, x in tensors.items()}
    changed["bn1.weight"] = tensors["bn1.weight"].astype(np.float64)
    account = import_state_dict(target, file_of(changed))
    np.testing.assert_array_equal(
        target.get_layer("stage3_snr").w1, tensors["style_reid_laye3.fc1.weight"][:, :, 0, 0].T
    )
    how = {weight.names[0]: weight.adapted for weight in account.taken}
    assert how["bn1.weight"] == "from float64"
    assert how["style_reid_laye3.fc1.weight"] == how["conv1.weight"] == "transposed"
    assert how["bn1.bias"] == ""


def test_biases_of_an_attention_are_not_left_behind(tensors: Tensors) -> None:
    settings = {"backbone": "torchvision_resnet18", "image_size": (32, 16), "stages": (2,)}
    unbiased = reid_model(5, snr_bias=False, **settings)
    with pytest.raises(ValueError, match=r"fc1.bias \(8,\) has no place(.|\n)*the setting `snr_bias=True`"):
        import_state_dict(unbiased, file_of(tensors))


def test_gates_of_a_file_are_no_gates_fixed_at_one_half(tensors: Tensors, tmp_path) -> None:
    path = str(tmp_path / "snr.safetensors")
    write_state_dict(path, tensors, {})
    settings = {"backbone": "torchvision_resnet18", "image_size": (32, 16), "snr_bias": True, "weights": path}
    with pytest.raises(ValueError, match="every gate is 1/2, and these weights have gates of their own"):
        reid_model(5, snr_gate="fixed", **settings)
    random = reid_model(5, snr_gate="random", **settings)
    np.testing.assert_array_equal(random.get_layer("stage3_snr").b1, tensors["style_reid_laye3.fc1.bias"])


def test_what_was_left_in_reading_is_in_the_account(tensors: Tensors, target: keras.Model) -> None:
    queue = {"module.queue": np.ones((128, 9)), "module.queue_ptr": np.array([3])}
    prefixed = {f"module.encoder_q.{name}": tensor for name, tensor in tensors.items()}
    account = import_state_dict(target, StateDict("x.pth", prefixed | queue, left={"NL_1.weight": "as asked: *NL*"}))
    assert account.left == {"NL_1.weight": "as asked: *NL*"} | dict.fromkeys(queue, "the queue of contrastive training")
    assert account.prefix == "module.encoder_q."


@pytest.mark.parametrize("normalization", [name for name in NORMALIZATIONS if name not in ("none", "snr")])
def test_whatever_the_normalization_a_plain_network_is_what_it_starts_from(normalization: str) -> None:
    plain = model_of("resnet_small", "none")
    model = model_of("resnet_small", normalization)
    before = {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}
    account = import_state_dict(model, file_of(state_dict_of(plain)))
    shared = {weight.path: weight for weight in plain.weights}
    anew = {path for paths in account.anew.values() for path in paths}
    assert all("statistics" in reason for reason in account.left.values())
    for weight in model.weights:
        if weight.path in shared:
            np.testing.assert_array_equal(weight, shared[weight.path], err_msg=weight.path)
        else:
            assert weight.path in anew
            np.testing.assert_array_equal(weight, before[weight.path])
    if normalization in ("bin", "aibn", "ibn_b", "dualnorm", "gate"):
        with pytest.raises(ValueError, match=f"Received: model 'resnet_small_{normalization}', with weights that"):
            state_dict_of(model)


def names_only(blocks: tuple[int, ...], *, bottleneck: bool, prefix: str = "") -> dict[str, NDArray]:
    convolutions = (1, 2, 3) if bottleneck else (1, 2)
    names = ["conv1.weight"] + [
        f"layer{stage}.{block}.conv{number}.weight"
        for stage, count in enumerate(blocks, start=1)
        for block in range(count)
        for number in convolutions
    ]
    return {prefix + name: np.zeros(1) for name in names}


@pytest.mark.parametrize(
    ("blocks", "bottleneck", "backbone"),
    [
        ((2, 2, 2, 2), False, "torchvision_resnet18"),
        ((3, 4, 6, 3), False, "torchvision_resnet34"),
        ((3, 4, 6, 3), True, "torchvision_resnet50"),
        ((3, 4, 23, 3), True, "torchvision_resnet101"),
    ],
)
def test_depth_and_family_are_recognized(blocks: tuple[int, ...], bottleneck: bool, backbone: str) -> None:
    assert network_of(file_of(names_only(blocks, bottleneck=bottleneck))).backbone == backbone
    fastreid = names_only(blocks, bottleneck=bottleneck, prefix="module.backbone.") | {
        "module.heads.weight": np.ones(1)
    }
    assert network_of(file_of(fastreid)).backbone == backbone.replace("torchvision", "fastreid")


def test_a_depth_that_is_not_here_is_named() -> None:
    with pytest.raises(ValueError, match=r"18, 34, 50, 101 layers. Received: .* stages of \(3, 8, 36, 3\) bottlenecks"):
        network_of(file_of(names_only((3, 8, 36, 3), bottleneck=True)))


def test_modules_are_recognized(tensors: Tensors) -> None:
    network = network_of(file_of(tensors))
    assert (network.normalization, network.stages, network.reduction, network.snr_bias) == (
        "snr",
        (1, 2, 3, 4),
        16,
        True,
    )
    assert (network.identities, network.last_stride, network.image_size) == (5, None, None)
    plain = {name: tensor for name, tensor in tensors.items() if not name.startswith(("style_reid", "IN"))}
    assert network_of(file_of(plain)).normalization == "none"
    normalized = {name: tensor for name, tensor in tensors.items() if not name.startswith("style_reid")}
    assert network_of(file_of(normalized))[1:3] == ("in", (1, 2, 3))  # a fourth would leave nothing to be learned
    assert network.snr_gate == "learned"
    of_fc2 = {name: np.zeros_like(tensor) for name, tensor in tensors.items() if ".fc2." in name}
    assert network_of(file_of(tensors | of_fc2)).snr_gate == "fixed"
    wider = tensors | {
        f"style_reid_laye{stage}.fc1.weight": np.zeros((width // 4, width, 1, 1))
        for stage, width in enumerate((64, 128, 256, 512), start=1)
    }
    assert network_of(file_of(wider)).reduction == 4
    with pytest.raises(ValueError, match="one reduction ratio in all"):
        network_of(file_of(wider | {"style_reid_laye4.fc1.weight": np.zeros((9, 512, 1, 1))}))
    said = replace(file_of(tensors), metadata={METADATA: '{"last_stride": 2, "image_size": [64, 32]}'})
    assert network_of(said)[-2:] == (2, (64, 32))


def test_pytorch_weights_are_what_a_model_starts_from(tensors: Tensors, source: keras.Model, tmp_path) -> None:
    file = tmp_path / "x.safetensors"
    write_state_dict(file, tensors, {})
    settings = {"backbone": "torchvision_resnet18", "image_size": (32, 16), "weights": str(file)}
    model = reid_model(9, snr_bias=True, **settings)
    for name in ("stem_conv", "stage4_snr", "embedding"):
        for mine, its in zip(model.get_layer(name).weights, source.get_layer(name).weights, strict=True):
            np.testing.assert_array_equal(mine, its)
    with pytest.raises(ValueError, match=r"Keras has no ImageNet weights for .* https://download.pytorch.org/models/"):
        reid_model(9, **{**settings, "weights": "imagenet"})
