"""`fit` and the training loop, from the same state and on the same batches."""

import keras
import numpy as np
import tensorflow as tf

from snr_keras.layers import SNR
from snr_keras.losses import BatchHardTripletLoss, CrossEntropyLoss
from snr_keras.models import SNRModel
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.training import reid_objective
from snr_keras.reid.training.step import make_optimizer, make_train_step

CONFIG = TrainingConfig(stages=(4,), warmup_epochs=0, learning_rate=1e-2, clip_norm=1.0)
STEPS = 5


def small() -> SNRModel:
    """The outputs of a `reid_model` with one module, of a network that is traced quickly."""
    images = keras.Input((16, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 3, strides=2)(images))
    x, embeddings = SNR(4, name="stage4_snr")(keras.layers.ReLU()(x), return_embeddings=True)
    features = keras.layers.GlobalAveragePooling2D()(x)
    embedding = keras.layers.BatchNormalization(center=False)(features)
    logits = keras.layers.Dense(4, use_bias=False)(embedding)
    return SNRModel(images, {"features": features, "embedding": embedding, "logits": logits, "snr": [embeddings]})


def test_fit_gives_the_losses_and_the_weights_of_the_training_loop() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile(np.repeat(np.arange(4), 2), (STEPS, 1))
    people = rng.normal(size=(4, 16, 8, 3))
    images = (people[labels] + rng.normal(scale=0.3, size=(STEPS, 8, 16, 8, 3))).astype("float32")
    fitted, looped = small(), small()
    looped.set_weights(fitted.get_weights())

    fitted.compile(
        make_optimizer(CONFIG, steps_per_epoch=100),
        loss={"logits": CrossEntropyLoss(CONFIG.label_smoothing), "features": BatchHardTripletLoss(0.3)},
        snr_weights=CONFIG.snr_weights[3],
    )
    batches = tf.data.Dataset.from_tensor_slices((images, labels))
    history = fitted.fit(batches, epochs=STEPS, steps_per_epoch=1, shuffle=False, verbose=0).history

    looped.compile(make_optimizer(CONFIG, steps_per_epoch=100))
    step = make_train_step(looped, reid_objective(CONFIG))
    terms = [step(*map(tf.constant, batch)) for batch in zip(images, labels, strict=True)]
    names = {
        "total": "loss",
        "cross_entropy": "logits_loss",
        "triplet": "features_loss",
        "snr4_plus": "stage4_snr_plus",
        "snr4_minus": "stage4_snr_minus",
    }
    assert set(history) == set(names.values())
    for in_loop, in_fit in names.items():
        # The sum of four terms, none of them negative, in any order: three roundings on each side.
        rtol = 6 * np.finfo(np.float32).eps / 2 if in_loop == "total" else 0
        expected = [float(term[in_loop]) for term in terms]
        np.testing.assert_allclose(history[in_fit], expected, rtol=rtol, err_msg=in_fit)
    for weight, other in zip(fitted.weights, looped.weights, strict=True):
        np.testing.assert_array_equal(weight, other, err_msg=weight.path)
    assert history["loss"][-1] < history["loss"][0]
