"""`compile` and `fit` of a model with SNR: the task's loss plus that of every SNR layer, on whatever backend runs."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from snr_keras.layers import SNR
from snr_keras.losses import BatchHardTripletLoss, CrossEntropyLoss, DualCausalityLoss
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


@pytest.mark.parametrize("weights", [(0.1,), -1.0, (0.1, "a"), float("nan"), (True, 0.1)])
def test_weights_that_are_none_are_refused(weights) -> None:
    with pytest.raises(ValueError, match=r"snr_weights.*conv0_snr, conv1_snr"):
        classifier().compile("sgd", "mse", snr_weights=weights)


def test_labels_that_are_no_identities_are_refused() -> None:
    model = classifier()
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True), run_eagerly=True)
    with pytest.raises(ValueError, match=r"L_SNR compares images.*identities.*Received: dtype"):
        loss_of(model, keras.utils.to_categorical(LABELS))


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
