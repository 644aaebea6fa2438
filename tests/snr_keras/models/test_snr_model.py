"""`compile` and `fit` of a model with SNR: the task's loss plus that of every SNR layer, on whatever backend runs."""

import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from snr_keras.layers import SNR
from snr_keras.losses import BatchHardTripletLoss, CrossEntropyLoss, DualCausalityLoss, DualRestitutionLoss
from snr_keras.models import SNRModel, insert_snr, reid_model

LABELS = np.array([0, 0, 1, 1, 2, 2])
IMAGES = np.random.default_rng(0).uniform(0, 1, (6, 8, 8, 3)).astype("float32")


@keras.saving.register_keras_serializable(package="tests")
def class_of(one_hot):
    return keras.ops.argmax(one_hot, axis=-1)


def classifier(depth: int = 2, **options) -> SNRModel:
    keras.utils.set_random_seed(0)
    x = image = keras.Input((8, 8, 3), name="image")
    for i in range(depth):
        x = layers.Conv2D(4, 3, padding="same", name=f"conv{i}", **options)(x)
    x = layers.Dense(3, name="logits", dtype="float32")(layers.GlobalAveragePooling2D()(x))
    return insert_snr(keras.Model(image, x), [f"conv{i}" for i in range(depth)], verbose=False)


def compiled(model: SNRModel, **options) -> SNRModel:
    model.compile(keras.optimizers.SGD(0.1), CrossEntropyLoss(), run_eagerly=True, **options)
    return model


def loss_of(model: SNRModel, labels=LABELS) -> dict[str, float]:
    return model.evaluate(IMAGES, labels, batch_size=6, verbose=0, return_dict=True)


def number(x) -> float:
    return float(keras.ops.convert_to_numpy(x))


@pytest.mark.parametrize(
    ("depth", "given", "weights"),
    [(2, None, [0.5, 0.5]), (3, None, [0.1, 0.5, 0.5]), (2, 0.3, [0.3, 0.3]), (2, (0, 2), [0, 2])],
)
def test_the_loss_is_that_of_the_task_plus_those_of_the_layers(depth, given, weights) -> None:
    model = compiled(classifier(depth), snr_weights=given)
    found, outputs = loss_of(model), model(IMAGES)
    task = number(CrossEntropyLoss()(LABELS, outputs["logits"]))
    terms = [[number(x) for x in DualCausalityLoss().terms(LABELS, e)] for e in outputs["snr"].values()]
    for i, (plus, minus) in enumerate(terms):
        assert found[f"conv{i}_snr_plus"] == pytest.approx(plus, rel=1e-6)
        assert found[f"conv{i}_snr_minus"] == pytest.approx(minus, rel=1e-6)
    expected = task + sum(weight * sum(pair) for weight, pair in zip(weights, terms, strict=True))
    assert found["loss"] == pytest.approx(expected, rel=1e-6)


def test_fit_trains_what_only_the_loss_of_snr_reaches() -> None:
    """A batch without gradient of the task: its labels say nothing about the logits."""
    model = classifier()
    model.compile(keras.optimizers.SGD(1.0), loss=lambda y, logits: 0 * keras.ops.sum(logits), run_eagerly=True)
    before = keras.ops.convert_to_numpy(model.get_layer("conv0_snr").w2)
    history = model.fit(IMAGES, LABELS, batch_size=6, epochs=4, shuffle=False, verbose=0).history
    assert not np.array_equal(before, keras.ops.convert_to_numpy(model.get_layer("conv0_snr").w2))
    assert history["loss"][-1] < history["loss"][0]


def test_metrics_and_outputs_are_those_of_the_task() -> None:
    model = compiled(classifier(), metrics=["accuracy"])
    history = model.fit(IMAGES, LABELS, batch_size=3, validation_data=(IMAGES, LABELS), verbose=0).history
    parts = [f"conv{i}_snr_{part}" for i in range(2) for part in ("plus", "minus")]
    assert set(history) == {f"{prefix}{name}" for name in ("loss", "accuracy", *parts) for prefix in ("", "val_")}
    predicted = model.network.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(predicted, keras.ops.convert_to_numpy(model(IMAGES)["logits"]), rtol=1e-5, atol=1e-6)
    assert history["val_accuracy"][0] == pytest.approx(np.mean(predicted.argmax(axis=1) == LABELS))


def test_callbacks_save_what_goes_on_as_it_was(tmp_path) -> None:
    """Weights, optimizer, and everything that `compile` was told."""
    model = classifier()
    model.compile(
        keras.optimizers.Adam(),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
        snr_weights=0.3,
        snr_loss=DualCausalityLoss("euclidean"),
        identities=class_of,
    )
    one_hot = keras.utils.to_categorical(LABELS)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss")
    stop = keras.callbacks.EarlyStopping("conv1_snr_minus", mode="max", patience=0)
    history = model.fit(IMAGES, one_hot, batch_size=6, epochs=3, callbacks=[best, stop], verbose=0)
    assert set(history.history) >= {"loss", "conv0_snr_plus"}
    again = keras.saving.load_model(tmp_path / "best.keras")
    assert isinstance(again, SNRModel)
    assert loss_of(again, one_hot) == loss_of(model, one_hot)
    assert again.train_on_batch(IMAGES, one_hot, return_dict=True) == model.train_on_batch(
        IMAGES, one_hot, return_dict=True
    )
    assert loss_of(again, one_hot) == loss_of(model, one_hot)


def test_several_outputs_and_labels_by_name() -> None:
    image = keras.Input((8, 8, 3))
    maps = layers.Conv2D(4, 3, name="conv")(image)
    pooled = layers.GlobalAveragePooling2D()(maps)
    heads = {"who": layers.Dense(3, name="a")(pooled), "how_old": layers.Dense(1, name="b")(pooled)}
    model = insert_snr(keras.Model(image, heads), ["conv"], verbose=False)
    losses = {"who": CrossEntropyLoss(), "how_old": "mse"}
    model.compile("sgd", losses, identities="who", run_eagerly=True)
    labels = {"who": LABELS, "how_old": np.ones((6, 1))}
    found = loss_of(model, labels)
    expected = found["who_loss"] + found["how_old_loss"] + 0.5 * (found["conv_snr_plus"] + found["conv_snr_minus"])
    assert found["loss"] == pytest.approx(expected, rel=1e-6)
    assert set(model.network.output) == {"who", "how_old"}
    model.compile("sgd", losses, run_eagerly=True)
    with pytest.raises(ValueError, match=r"must be integers.*Received: \['how_old', 'who'\]"):
        loss_of(model, labels)


AGES = np.linspace(0, 1, 6, dtype="float32")[:, None]
SAMPLES = np.arange(6, dtype="float32")

WHO_AND_AGE = ["sparse_categorical_crossentropy", "mse"]


def two_heads(**options) -> SNRModel:
    """The outputs of a model with a list of outputs, whose order is not that of their names."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(image))
    heads = [layers.Dense(3, activation="softmax", name="who")(pooled), layers.Dense(1, name="age")(pooled)]
    model = insert_snr(keras.Model(image, heads), ["conv"], verbose=False)
    model.compile("sgd", run_eagerly=True, snr_weights=0, **options)
    return model


def as_in_keras(model: SNRModel, y, sample_weight=None, **options) -> dict[str, float]:
    """Keras's result for the network alone, with a list of outputs and so of labels and weights."""
    plain = keras.Model(model.input, list(model.network.output.values()))
    plain.compile("sgd", run_eagerly=True, **options)
    return plain.evaluate(IMAGES, y, sample_weight=sample_weight, batch_size=6, verbose=0, return_dict=True)


@pytest.mark.parametrize("form", [list, tuple, dict])
def test_labels_and_weights_of_several_outputs_are_what_they_are_in_keras(form) -> None:
    def formed(*values):
        return {"who": values[0], "age": values[1]} if form is dict else form(values)

    losses = formed(*WHO_AND_AGE) if form is not tuple else WHO_AND_AGE
    options = {"loss": losses, "loss_weights": formed(1.0, 0.5) if form is not tuple else [1.0, 0.5]}
    options |= {"metrics": [["accuracy"], ["mae"]] if form is not dict else formed("accuracy", "mae")}
    options |= {"weighted_metrics": [["accuracy"], None]}
    model, y = two_heads(identities=lambda y: y["who"] if form is dict else y[0], **options), formed(LABELS, AGES)
    parts = {"conv_snr_plus", "conv_snr_minus"}
    each = [SAMPLES, SAMPLES[::-1].copy()]
    for weights, in_keras in ((None, None), (SAMPLES, SAMPLES), (formed(*each), each)):
        expected = as_in_keras(model, [LABELS, AGES], in_keras, **options)
        found = model.evaluate(IMAGES, y, sample_weight=weights, batch_size=6, verbose=0, return_dict=True)
        assert {name: found[name] for name in found if name not in parts} == pytest.approx(expected, rel=1e-6)
        assert found.keys() - expected.keys() == parts
    assert model.fit(IMAGES, y, batch_size=6, verbose=0).history.keys() == found.keys()


def test_labels_of_several_outputs_in_a_tf_data_set() -> None:
    tf = pytest.importorskip("tensorflow")
    model = two_heads(loss=WHO_AND_AGE, identities="who")
    for y, weights in [((LABELS, AGES), (SAMPLES, SAMPLES)), ({"who": LABELS, "age": AGES}, SAMPLES)]:
        batches = tf.data.Dataset.from_tensor_slices((IMAGES, y, weights)).batch(6)
        expected = model.evaluate(IMAGES, y, sample_weight=weights, batch_size=6, verbose=0, return_dict=True)
        assert model.evaluate(batches, verbose=0, return_dict=True) == pytest.approx(expected, rel=1e-6)
        assert np.isfinite(model.fit(batches, verbose=0).history["loss"][0])


def test_weights_of_classes_are_what_they_are_in_keras() -> None:
    model, weights = compiled(classifier(1), snr_weights=0), {0: 1.0, 1: 2.0, 2: 0.5}
    plain = model.network
    plain.compile("sgd", CrossEntropyLoss(), run_eagerly=True)
    expected = plain.test_on_batch(IMAGES, LABELS, sample_weight=np.array([weights[i] for i in LABELS]))
    found = model.train_on_batch(IMAGES, LABELS, class_weight=weights, return_dict=True)
    assert found["loss"] == pytest.approx(float(expected), rel=1e-6)
    with pytest.raises(ValueError, match="single output"):  # as in Keras
        two_heads(loss=WHO_AND_AGE, identities="who").fit(IMAGES, [LABELS, AGES], class_weight=weights, verbose=0)


@pytest.mark.parametrize("argument", ["loss", "loss_weights", "metrics", "weighted_metrics"])
def test_lists_that_have_not_one_for_each_output_are_refused(argument) -> None:
    with pytest.raises(ValueError, match=rf"`{argument}` must have one entry per output.*who, age.*Received: 3"):
        two_heads(**{argument: [None, None, None]})
    model = two_heads(loss=WHO_AND_AGE, identities=lambda y: y[0])
    with pytest.raises(ValueError, match="`y` must have one entry per output"):
        model.compute_loss(IMAGES, [LABELS], model(IMAGES))


def test_one_tensor_of_labels_is_for_every_output_with_a_loss() -> None:
    model = reid_model(3, image_size=(16, 8), stages=(3, 4))
    losses = {"logits": CrossEntropyLoss(), "features": BatchHardTripletLoss()}
    model.compile("sgd", losses, metrics={"logits": "accuracy"}, snr_weights=(0.2, 0.4), run_eagerly=True)
    images = np.random.default_rng(0).uniform(0, 255, (6, 16, 8, 3))
    found = model.evaluate(images, LABELS, batch_size=6, verbose=0, return_dict=True)
    assert {"logits_accuracy", "stage3_snr_plus", "stage4_snr_minus"} <= set(found)
    outputs = model(images, training=False)
    assert found["features_loss"] == pytest.approx(number(BatchHardTripletLoss()(LABELS, outputs["features"])))
    assert found["logits_loss"] == pytest.approx(number(CrossEntropyLoss()(LABELS, outputs["logits"])), rel=1e-5)


def test_half_precision_scales_the_whole_loss() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compiled(classifier())
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert model.get_layer("conv0_snr").compute_dtype == "float16"
    before = keras.ops.convert_to_numpy(model.get_layer("conv0_snr").w1)
    history = model.fit(IMAGES, LABELS, batch_size=6, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert not np.array_equal(before, keras.ops.convert_to_numpy(model.get_layer("conv0_snr").w1))


def test_losses_of_layers_stay_part_of_it() -> None:
    model = compiled(classifier(kernel_regularizer=keras.regularizers.L2(1.0)))
    kernels = sum(number(keras.ops.sum(model.get_layer(f"conv{i}").kernel ** 2)) for i in range(2))
    plain = compiled(classifier())
    assert loss_of(model)["loss"] == pytest.approx(loss_of(plain)["loss"] + kernels, rel=1e-5)


def own_network(outputs_of) -> keras.Model:
    """A model of whatever outputs are made of two maps' embeddings and a result."""
    keras.utils.set_random_seed(0)
    x = image = keras.Input((8, 8, 3))
    x, first = SNR(2, name="z")(layers.Conv2D(4, 3)(x), return_embeddings=True)
    x, second = SNR(2, name="a")(layers.Conv2D(4, 3)(x), return_embeddings=True)
    return SNRModel(image, outputs_of(layers.Dense(3, name="logits")(layers.Flatten()(x)), first, second))


def test_embeddings_of_one_layer_may_stand_alone(tmp_path) -> None:
    model = own_network(lambda o, first, second: {"o": o, "snr": second})
    model.get_layer("z").trainable = False
    compiled(model)
    assert set(loss_of(model)) == {"loss", "a_plus", "a_minus"}
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert loss_of(again) == loss_of(model)
    in_a_list = own_network(lambda o, first, second: {"o": o, "snr": [second]})
    in_a_list.get_layer("z").trainable = False
    assert loss_of(compiled(in_a_list)) == loss_of(model)


def test_weights_stay_with_their_layers_whatever_their_names(tmp_path) -> None:
    model = own_network(lambda o, first, second: {"o": o, "snr": {"z": first, "a": second}})
    expected = loss_of(compiled(model, snr_weights=(0.1, 2.0)))
    snr = 0.1 * (expected["z_plus"] + expected["z_minus"]) + 2.0 * (expected["a_plus"] + expected["a_minus"])
    task = number(CrossEntropyLoss()(LABELS, model(IMAGES)["o"]))
    assert expected["loss"] == pytest.approx(task + snr, rel=1e-6)
    model.save(tmp_path / "model.keras")
    assert loss_of(keras.saving.load_model(tmp_path / "model.keras")) == expected


def test_one_layer_that_is_called_twice_has_two_losses() -> None:
    image = keras.Input((8, 8, 4))
    shared = SNR(2, name="twice")
    x, first = shared(image, return_embeddings=True)
    x, second = shared(x, return_embeddings=True)
    model = SNRModel(image, {"o": layers.Flatten()(x), "snr": [first, second]})
    model.compile("sgd", "mse")
    assert model.metrics_names[-4:] == ["twice_plus", "twice_minus", "twice_1_plus", "twice_1_minus"]


def test_outputs_without_embeddings_are_those_of_any_keras_model() -> None:
    image = keras.Input((8, 8, 3))
    x = layers.Flatten()(image)
    one = SNRModel(image, layers.Dense(3, name="who")(x))
    assert set(loss_of(compiled(one))) == {"loss"}
    assert one.network.output.shape == (None, 3)
    two = SNRModel(image, [layers.Dense(3, name="who", activation="softmax")(x), layers.Dense(1, name="age")(x)])
    two.compile("sgd", WHO_AND_AGE, run_eagerly=True)
    assert set(loss_of(two, [LABELS, AGES])) == {"loss", "who_loss", "age_loss"}
    assert list(two.network.output) == ["who", "age"]


@pytest.mark.parametrize(
    "outputs",
    [lambda o, *_: o, lambda o, *_: [o], lambda o, *_: {"o": o}, lambda o, first, _: {"o": o, "snr": first}],
)
def test_snr_that_would_train_without_its_loss_is_refused(outputs) -> None:
    with pytest.raises(ValueError, match=r"without their loss.*SNR layers z, a and embeddings"):
        own_network(outputs).compile("sgd", "mse")


@pytest.mark.parametrize(
    "snr",
    [lambda e: e.f_plus, lambda e: [e.f_plus], lambda e: {"a": e.f_plus}, lambda e: e._asdict(), lambda e: [e[:2]]],
)
def test_what_is_no_embeddings_is_refused(snr) -> None:
    with pytest.raises(ValueError, match=r'"snr" must be the `SNREmbeddings`.*Received'):
        own_network(lambda o, first, second: {"o": o, "snr": snr(second)}).compile("sgd", "mse")


@pytest.mark.parametrize("loss", [DualRestitutionLoss(), "dual_causality_loss", DualCausalityLoss, 3])
def test_losses_that_are_none_of_embeddings_are_refused(loss) -> None:
    with pytest.raises(TypeError, match=r"`snr_loss` must have `terms\(labels, embeddings\)`, .*Received"):
        classifier().compile("sgd", "mse", snr_loss=loss)


def test_identities_that_name_nothing_are_refused() -> None:
    with pytest.raises(TypeError, match=r"`identities` must be the name.*Received: identities=3"):
        classifier().compile("sgd", "mse", identities=3)
    model = two_heads(loss=WHO_AND_AGE, identities="nope")
    for y in ([LABELS, AGES], {"who": LABELS, "age": AGES}):
        with pytest.raises(ValueError, match=r"must name labels in `y`.*identities='nope', with y of who, age"):
            model.compute_loss(IMAGES, y, model(IMAGES))
    with pytest.raises(ValueError, match="no dictionary and no list"):
        compiled(classifier(), identities="nope").compute_loss(IMAGES, LABELS, classifier()(IMAGES))


@pytest.mark.parametrize("weights", [0.3, np.float32(0.3), np.array([0.3, 0.3]), (np.float16(0.3), 0.3), 1])
def test_weights_may_be_numbers_of_numpy(weights) -> None:
    classifier().compile("sgd", "mse", snr_weights=weights)


@pytest.mark.parametrize("weights", [(0.1,), -1.0, (0.1, "a"), float("nan"), (True, 0.1), "ab", object()])
def test_weights_that_are_none_are_refused(weights) -> None:
    with pytest.raises(ValueError, match=r"snr_weights.*conv0_snr, conv1_snr"):
        classifier().compile("sgd", "mse", snr_weights=weights)


def test_labels_that_are_no_identities_are_refused() -> None:
    model = classifier()
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True), run_eagerly=True)
    with pytest.raises(ValueError, match=r"L_SNR compares images.*identities.*Received: dtype"):
        loss_of(model, keras.utils.to_categorical(LABELS))


@pytest.mark.parametrize("shape", [(6, 3), (6, 4, 4), (6, 1, 1), ()])
def test_integers_of_another_shape_are_no_identities_either(shape) -> None:
    model = classifier()
    model.compile("sgd", loss=lambda y, logits: keras.ops.sum(logits), run_eagerly=True)
    with pytest.raises(ValueError, match=rf"L_SNR compares images.*identities.*int32, shape {re.escape(str(shape))}"):
        model.compute_loss(IMAGES, np.zeros(shape, "int32"), model(IMAGES))


def test_an_export_is_the_network(tmp_path) -> None:
    if keras.backend.backend() == "torch":
        pytest.skip("Keras writes no SavedModel of PyTorch with an open batch size")
    tf = pytest.importorskip("tensorflow")
    model = two_heads(loss=WHO_AND_AGE, identities="who")
    model.export(tmp_path / "model", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "model"))
    found, expected = served.serve(IMAGES), model.network(IMAGES)
    assert set(found) == set(expected) == {"who", "age"}
    for name, output in expected.items():
        np.testing.assert_allclose(found[name], keras.ops.convert_to_numpy(output), rtol=1e-5, atol=1e-6)


def test_replicas_that_would_compare_their_parts_only_are_refused(monkeypatch) -> None:
    model = compiled(classifier())
    monkeypatch.setattr(SNRModel, "distribute_strategy", SimpleNamespace(num_replicas_in_sync=2), raising=False)
    with pytest.raises(ValueError, match=r"make_train_step.*num_replicas_in_sync=2"):
        model.compute_loss(IMAGES, LABELS, model(IMAGES))


def test_a_model_without_snr_is_trained_by_the_tasks_loss_alone() -> None:
    model = reid_model(3, image_size=(16, 8), normalization="none")
    model.compile("sgd", {"logits": CrossEntropyLoss()}, run_eagerly=True)
    images = np.random.default_rng(0).uniform(0, 255, (6, 16, 8, 3))
    found = model.evaluate(images, LABELS, batch_size=6, verbose=0, return_dict=True)
    assert set(found) == {"loss"}
    assert not [layer for layer in model.layers if isinstance(layer, SNR)]
