"""SNR in models of any build: where it goes, what it leaves as it was, and that `fit` trains it."""

import re

import keras
import numpy as np
import pytest
from keras import layers

from snr_keras.layers import SNR
from snr_keras.models import insert_snr
from tests.frameworks.kit import THOROUGH

LABELS = np.array([0, 0, 1, 1, 2, 2])

#: An application of each family, the smallest.
FAMILIES = [
    "MobileNetV3Small", "ResNet50", "VGG16", "ResNet50V2", "DenseNet121", "InceptionV3", "InceptionResNetV2",
    "MobileNet", "MobileNetV2", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny", "Xception",
    "NASNetMobile",
]  # fmt: skip


def images(size: int = 16, channels: int = 3, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (6, size, size, channels)).astype("float32")


def small(size: int | None = 16) -> keras.Model:
    """Two stages with a residual block each, then a head."""
    x = image = keras.Input((size, size, 3), name="image")
    x = layers.ZeroPadding2D(name="pad")(layers.Rescaling(1 / 255, name="scaling")(x))
    for stage, width in enumerate((8, 12), start=1):
        x = layers.Conv2D(width, 3, strides=2, padding="same", name=f"conv{stage}")(x)
        y = layers.Conv2D(width, 3, padding="same", name=f"conv{stage}_2")(x)
        x = layers.ReLU(name=f"end{stage}")(layers.Add(name=f"add{stage}")([x, layers.BatchNormalization()(y)]))
        x = layers.Dropout(0.1, name=f"drop{stage}")(x)
    x = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D(name="pooled")(x))
    return keras.Model(image, x)


def inserted(model: keras.Model, after="stages", **options) -> keras.Model:
    return insert_snr(model, after, verbose=False, **options)


def embeddings_of(model: keras.Model) -> list[str]:
    return list(model.output["snr"])


def trained_a_step(model: keras.Model, batch: np.ndarray) -> keras.Model:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-3), loss, run_eagerly=True)
    assert np.isfinite(model.train_on_batch(batch, LABELS)[0])
    return model


def numbers(tensors) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(tensor) for tensor in keras.tree.flatten(tensors)]


def assert_same(a, b) -> None:
    for one, other in zip(numbers(a), numbers(b), strict=True):
        np.testing.assert_array_equal(one, other)


def assert_near(a, b, *, part: float) -> None:
    """No number of one differs from that of the other by more than that part of the largest."""
    for one, other in zip(numbers(a), numbers(b), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=part * np.abs(other).max())


def with_random_weights(model: keras.Model) -> keras.Model:
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + 0.1 * rng.random(weight.shape, dtype="float32"))
    return model


def around_a_trunk(last: str) -> keras.Model:
    """Augmentation, a model of two stages, and a head, for images of any size."""
    whole = small(None)
    trunk = with_random_weights(keras.Model(whole.input, whole.get_layer(last).output, name="trunk"))
    image = keras.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(trunk(layers.RandomFlip()(image)))
    return keras.Model(image, layers.Dense(3, name="logits")(pooled))


@pytest.mark.skipif(not THOROUGH, reason="takes minutes: HYPOTHESIS_PROFILE=thorough; the guide has MobileNet")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_of_keras_applications_takes_it_trains_and_comes_back_bit_for_bit(family, tmp_path) -> None:
    size = 75 if family in ("InceptionV3", "InceptionResNetV2", "Xception") else 64
    base = getattr(keras.applications, family)(
        weights=None, input_shape=(size, size, 3), classes=3, classifier_activation=None
    )
    if family == "NASNetMobile":
        layers_named = ["reduction_concat_stem_1", "normal_concat_3", "normal_concat_8"]
        with pytest.raises(ValueError, match=re.escape(f"after={layers_named}")):
            inserted(base)
        model = inserted(base, layers_named)
    else:
        model = inserted(base)
        assert len(embeddings_of(model)) == 4
    theirs, ours = ({layer.name: layer for layer in m.layers if layer.weights} for m in (base, model))
    for name, layer in theirs.items():
        assert_same(ours.pop(name).weights, layer.weights)
    assert list(ours) == embeddings_of(model)

    batch = images(size)
    before = numbers(model.trainable_variables)
    after = numbers(trained_a_step(model, batch).trainable_variables)
    assert np.mean([not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]) > 0.5
    model.save(tmp_path / "model.keras")
    assert_same(keras.saving.load_model(tmp_path / "model.keras")(batch), model(batch))


@pytest.mark.parametrize("size", [16, None])
def test_a_stage_ends_where_everything_after_it_flows_through(size, capsys) -> None:
    model = insert_snr(small(size))
    assert embeddings_of(model) == ["end1_snr", "end2_snr"]  # neither padding nor dropout nor a branch
    assert next(iter(model.output)) == "logits"
    places = "9x9x8" if size else "?x?x8", "5x5x12" if size else "?x?x12"
    assert capsys.readouterr().out.splitlines() == [
        f"SNR after end1: stride 2, {places[0]}",
        f"SNR after end2: stride 4, {places[1]}",
    ]


def deep(strides: int) -> keras.Model:
    """A stem and stages, each with its stride."""
    x = image = keras.Input((None, None, 3))
    for stage in range(strides):
        x = layers.Conv2D(4, 3, strides=2, padding="same", name=f"c{stage + 1}")(x)
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize(
    ("strides", "after", "expected"),
    [
        (5, "stages", ["c2_snr", "c3_snr", "c4_snr", "c5_snr"]),
        (5, "strides", ["c1_snr", "c2_snr", "c3_snr", "c4_snr", "c5_snr"]),
        (6, "stages", ["c3_snr", "c4_snr", "c5_snr", "c6_snr"]),
        (3, "stages", ["c1_snr", "c2_snr", "c3_snr"]),
    ],
)
def test_stages_are_the_last_four_strides_and_the_stem_is_one_on_request(strides, after, expected) -> None:
    assert embeddings_of(inserted(deep(strides), after)) == expected


def test_a_stem_that_cannot_be_followed_does_not_matter_to_the_stages() -> None:
    """Its maps pass by one another; the stages after it do not."""
    image = keras.Input((64, 64, 3))
    left, right = (layers.Conv2D(4, 3, strides=2, padding="same", name=name)(image) for name in ("left", "right"))
    x = layers.Concatenate(name="both")([layers.MaxPooling2D(name=f"pool{i}")(x) for i, x in enumerate((left, right))])
    for stage in (3, 4, 5):
        x = layers.Conv2D(4, 3, strides=2, padding="same", name=f"c{stage}")(x)
    base = keras.Model(image, x)
    assert embeddings_of(inserted(base)) == ["both_snr", "c3_snr", "c4_snr", "c5_snr"]
    with pytest.raises(ValueError, match=r"bypass every map of stride 2 \(of 2, 4, 8, 16, 32\).*for stride 4, 'both'"):
        inserted(base, "strides")


def test_the_model_it_is_given_stays_as_it_was_and_shares_nothing() -> None:
    base, batch = with_random_weights(small()), images()
    expected, structure = keras.ops.convert_to_numpy(base(batch)), base.to_json()
    model = inserted(base)
    trained_a_step(model, batch)
    assert_same(base(batch), expected)
    assert base.to_json() == structure
    assert not {id(weight) for weight in base.weights} & {id(weight) for weight in model.weights}


def test_it_is_the_network_with_snr_between_its_layers() -> None:
    base, batch = with_random_weights(small()), images()
    model = inserted(base, ["end1"])
    first = keras.Model(base.input, base.get_layer("end1").output)
    rest = keras.Model(base.get_layer("drop1").input, base.output)
    maps, expected = model.get_layer("end1_snr")(first(batch), return_embeddings=True)
    outputs = model(batch)
    assert_near(outputs["logits"], rest(maps), part=1e-6)
    assert_near(outputs["snr"]["end1_snr"], expected, part=1e-6)


def test_identity_passes_on_all_but_a_ten_thousandth_of_what_instance_normalization_takes_out() -> None:
    base, batch = with_random_weights(small()), images()
    model = inserted(base, ["end1"], start="identity")
    snr = model.get_layer("end1_snr")
    parts = snr.decompose(keras.Model(base.input, base.get_layer("end1").output)(batch))
    assert_near(parts.a, np.full((6, 8), 0.9999), part=1e-6)
    assert_near(parts.F_tilde + parts.R - parts.F_plus, 1e-4 * parts.R, part=2**-24 / 1e-4 * 8)
    assert_near(model(batch)["logits"], base(batch), part=5e-4)
    with pytest.raises(ValueError, match="start="):
        inserted(base, start="zero")


def test_a_function_chooses_layers_in_models_within_the_model_too() -> None:
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, name="before")(image)
    x = keras.Sequential([layers.Conv2D(3, 1, name="a"), layers.ReLU(name="b")], name="pair")(x)
    model = keras.Model(image, layers.GlobalMaxPooling2D()(x))
    found = inserted(model, lambda layer: isinstance(layer, layers.Conv2D))
    assert embeddings_of(found) == ["before_snr", "pair/a_snr"]


def test_models_within_the_model_are_opened_for_strides_that_they_alone_have(tmp_path) -> None:
    base = around_a_trunk("end2")
    model = inserted(base)
    assert embeddings_of(model) == ["trunk/end1_snr", "trunk_snr"]
    assert embeddings_of(inserted(around_a_trunk("drop2"))) == ["trunk/end1_snr", "trunk/end2_snr"]
    identity = inserted(base, ["trunk/end1", "trunk/end2"], start="identity")
    assert_near(identity(images(), training=False)["logits"], base(images(), training=False), part=1e-3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert_same(again(images(), training=False), model(images(), training=False))


def test_twins_share_their_snr_and_have_embeddings_each() -> None:
    trunk = keras.Model((whole := small()).input, whole.get_layer("pooled").output, name="trunk")
    left, right = keras.Input((16, 16, 3), name="left"), keras.Input((16, 16, 3), name="right")
    model = inserted(keras.Model([left, right], [trunk(left), trunk(right)]))
    assert list(model.output) == ["trunk", "trunk_1", "snr"]
    assert embeddings_of(model) == ["trunk/end1_snr", "trunk/end2_snr", "trunk/end1_snr_1", "trunk/end2_snr_1"]
    assert len([layer for layer in model._flatten_layers() if isinstance(layer, SNR)]) == 2
    a, b = images(seed=1), images(seed=2)
    outputs, other_way = model([a, b]), model([b, a])
    assert_same(outputs["snr"]["trunk/end2_snr"], other_way["snr"]["trunk/end2_snr_1"])
    assert_same(outputs["trunk"], other_way["trunk_1"])


def test_a_layer_that_is_called_twice_is_followed_twice_by_one_snr() -> None:
    image = keras.Input((8, 8, 4))
    twice = layers.Conv2D(4, 3, padding="same", name="twice")
    model = inserted(keras.Model(image, twice(twice(image))), ["twice"])
    assert embeddings_of(model) == ["twice_snr", "twice_snr_1"]
    assert [layer.name for layer in model.layers if isinstance(layer, SNR)] == ["twice_snr"]


def test_what_is_no_image_does_not_count_as_a_way_past() -> None:
    image, about = keras.Input((16, 16, 3), name="image"), keras.Input((4,), name="about")
    pooled = layers.GlobalAveragePooling2D()(small().get_layer("conv1")(image))
    x = layers.Concatenate()([pooled, layers.Dense(3)(about)])
    base = keras.Model({"image": image, "about": about}, {"a": layers.Dense(2)(x), "b": layers.Dense(3)(x)})
    model = inserted(base)
    assert list(model.output) == ["a", "b", "snr"]
    assert embeddings_of(model) == ["conv1_snr"]
    assert set(model({"image": images(), "about": np.zeros((6, 4), "float32")})) == set(model.output)


def test_where_every_map_has_ways_past_it_layers_have_to_be_named() -> None:
    image = keras.Input((32, 32, 3))
    a = layers.Conv2D(4, 3, strides=2, padding="same", name="a")(image)
    b = layers.Conv2D(4, 3, strides=2, padding="same", name="b")(a)
    c = layers.Conv2D(4, 3, strides=2, padding="same", name="c")(b)
    joined = layers.Concatenate(name="joined")([layers.UpSampling2D(4, name="up")(c), layers.UpSampling2D()(b)])
    base = keras.Model(image, layers.Concatenate(name="out")([joined, a]))
    with pytest.raises(ValueError, match=r"bypass every map of stride 4, 8 .*after=\['b', 'c'\]"):
        inserted(base)
    assert embeddings_of(inserted(base, ["b", "c"])) == ["b_snr", "c_snr"]


def test_channels_and_precision_are_those_of_the_model() -> None:
    image = keras.Input((3, 16, 16))
    x = layers.Conv2D(8, 3, data_format="channels_first", dtype="mixed_float16", name="conv")(image)
    model = inserted(keras.Model(image, layers.GlobalAveragePooling2D(data_format="channels_first")(x)))
    snr = model.get_layer("conv_snr")
    assert (snr.data_format, snr.gamma.shape, snr.dtype_policy.name) == ("channels_first", (8,), "mixed_float16")
    assert snr.gamma.dtype == "float32"

    y = layers.Conv2D(8, 3, data_format="channels_last", name="other")(layers.Permute((2, 3, 1))(x))
    with pytest.raises(ValueError, match="'conv' with 'channels_first', 'other' with 'channels_last'"):
        inserted(keras.Model(image, y), ["conv"])


def test_what_was_frozen_or_adapted_stays_so() -> None:
    image = keras.Input((16, 16, 3))
    normalization = layers.Normalization()
    normalization.adapt(images())
    x = layers.Conv2D(4, 3, name="frozen", trainable=False)(normalization(image))
    base = keras.Model(image, x)
    model = inserted(base, ["frozen"], start="identity")
    assert not model.get_layer("frozen").trainable
    assert model.get_layer("frozen_snr").trainable
    assert_near(model(images())["frozen"], base(images()), part=1e-3)


def test_vocabularies_are_kept() -> None:
    words = layers.StringLookup(output_mode="one_hot")
    words.adapt(["day", "night", "fog"])
    image, word = keras.Input((8, 8, 3), name="image"), keras.Input((1,), dtype="string", name="word")
    maps = layers.Conv2D(4, 3, name="conv")(image)
    model = inserted(keras.Model([image, word], [maps, words(word)]), ["conv"])
    assert model.get_layer(words.name).get_vocabulary() == words.get_vocabulary()


class Subclassed(keras.Model):
    def call(self, x):
        return x


class Doubled(keras.Model):
    def call(self, x):
        return 2 * super().call(x)


class NoConfig(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def get_config(self):
        return {}

    def call(self, x):
        return x


def test_models_whose_calls_are_hidden_are_refused() -> None:
    base = small()
    for model in (Subclassed(), keras.Sequential([layers.Dense(2)]), Doubled(base.input, base.output)):
        with pytest.raises(TypeError, match="functional"):
            inserted(model)


def test_a_sequential_model_is_a_functional_one() -> None:
    base = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(4, 3, name="conv"), layers.Flatten()])
    assert embeddings_of(inserted(base)) == ["conv_snr"]


@pytest.mark.parametrize(
    ("after", "error", "message"),
    [
        (["nowhere"], ValueError, "'nowhere'"),
        (["edn1"], ValueError, "did you mean .*'end1'"),
        (["image"], ValueError, "other than its inputs"),
        (["end1", "end1"], ValueError, "once"),
        ([], ValueError, "at least one"),
        (lambda layer: False, ValueError, "at least one"),
        (["logits"], ValueError, "'logits'.*shape=\\(None, 3\\)"),
        ("end1", TypeError, "list of names"),
        (3, TypeError, "list of names"),
    ],
)
def test_layers_that_are_not_there_or_put_out_no_map_are_refused(after, error, message) -> None:
    with pytest.raises(error, match=message):
        inserted(small(), after)


def test_layers_that_cannot_be_copied_are_refused() -> None:
    image = keras.Input((8, 8, 3))
    maps = layers.Conv2D(4, 3, name="conv")(image)
    with pytest.raises(ValueError, match="by their configuration"):
        inserted(keras.Model(image, NoConfig(3)(maps)), ["conv"])
    inner = layers.Conv2D(3, 3, name="inner")
    videos = keras.Input((2, 8, 8, 3))
    shared = keras.Model([image, videos], [inner(image), layers.TimeDistributed(inner)(videos)])
    with pytest.raises(ValueError, match="'inner' is part of both"):
        inserted(shared, ["inner"])


def test_embeddings_that_are_there_already_are_refused() -> None:
    with pytest.raises(ValueError, match=r'"snr", which the model already has.*`.network`'):
        inserted(inserted(small()), ["end1"])


def snr_layers(model: keras.Model) -> list[str]:
    return [layer.name for layer in model._flatten_layers() if isinstance(layer, SNR)]


def test_snr_that_is_there_is_kept_with_its_weights_and_its_loss(capsys) -> None:
    once = inserted(small(), ["end1"])
    with_random_weights(once)
    twice = insert_snr(once.network, ["end1", "end2"])
    assert embeddings_of(twice) == snr_layers(twice) == ["end1_snr", "end2_snr"]
    assert capsys.readouterr().out.splitlines() == ["SNR after end2: 5x5x12", "SNR kept: end1_snr"]
    assert_same(twice.get_layer("end1_snr").weights, once.get_layer("end1_snr").weights)
    both = inserted(small(), ["end1", "end2"])
    both.set_weights(twice.get_weights())
    assert_same(twice(images()), both(images()))
    before = numbers(twice.get_layer("end1_snr").beta)  # which a gate of dead units has no say in
    twice.compile(keras.optimizers.SGD(1.0), loss=lambda y, logits: 0 * keras.ops.sum(logits), run_eagerly=True)
    twice.train_on_batch(images(), LABELS)
    assert not np.array_equal(before[0], numbers(twice.get_layer("end1_snr").beta)[0])


@pytest.mark.parametrize("after", ["stages", ["conv1"], lambda layer: isinstance(layer, SNR)])
def test_an_snr_of_ones_own_gets_no_second_one_behind_it(after) -> None:
    x = image = keras.Input((16, 16, 3))
    x = layers.ReLU()(SNR(2, name="own")(layers.Conv2D(4, 3, strides=2, name="conv1")(x)))
    base = with_random_weights(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x))))
    model = inserted(base, after)
    assert embeddings_of(model) == snr_layers(model) == ["own"]
    assert_same(model.network(images()), base(images()))


def test_what_a_kept_snr_put_out_it_puts_out() -> None:
    image = keras.Input((8, 8, 4))
    x, embeddings = SNR(2, name="a")(image, return_embeddings=True)
    _, maps = SNR(2, name="b")(x, return_maps=True)
    trunk = keras.Model(image, {"f": embeddings.f_plus, "F": maps.F_minus}, name="trunk")
    base = with_random_weights(keras.Model(image, trunk(image)))
    model = inserted(base, lambda layer: isinstance(layer, SNR))
    assert embeddings_of(model) == ["trunk/a", "trunk/b"]
    assert_same(model.network(images(8, 4)), base(images(8, 4)))


def test_names_that_are_taken_get_a_number() -> None:
    x = image = keras.Input((8, 8, 3))
    x = layers.ReLU(name="conv_snr")(layers.Conv2D(4, 3, name="conv")(x))
    assert embeddings_of(inserted(keras.Model(image, x), ["conv"])) == ["conv_snr_1"]


def test_snr_within_a_composite_is_refused_unless_it_is_frozen() -> None:
    videos = keras.Input((2, 8, 8, 4))
    within = layers.TimeDistributed(SNR(2, name="inner"), name="frames")
    base = keras.Model(videos, layers.Conv3D(3, 1, name="conv")(within(videos)))
    with pytest.raises(ValueError, match=r"without its loss.*'inner' within 'frames', a TimeDistributed"):
        inserted(base, ["conv"])
    within.trainable = False
    assert embeddings_of(inserted(base, ["conv"])) == ["conv_snr"]


def test_no_image_no_stages() -> None:
    vector = keras.Input((4,))
    with pytest.raises(ValueError, match="has none"):
        inserted(keras.Model(vector, layers.Dense(3)(vector)))
