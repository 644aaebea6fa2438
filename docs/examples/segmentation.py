"""The parts of synthetic pedestrians, by day to train on, in other light to test on: does SNR generalize per pixel?

    pip install ".[tensorflow]"
    python docs/examples/segmentation.py --seeds 3 --out docs/data/segmentation.json

A pixel is background, skin, hair, upper or lower garment, shoes or bag; whoever draws a pedestrian knows. The people
and cameras of a test are others than those of training, also by day. Every seed draws a world of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from domain_generalization import (
    Constrained,
    Figures,
    after_stage,
    arguments,
    classifier_of,
    measure,
    predictions,
    stage,
    train,
)
from keras import layers

from snr_keras.reid.data.synthetic import DOMAINS, PARTS, render_sample

SIZE, CAMERAS, TEST_IMAGES, IMAGES, EPOCHS, BATCH = (64, 32), 6, 120, 480, 16, 16
SOURCE = "day"


def photographs(domain: str, seed: int, images: int, *, unseen: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 64, 32, 3) in [-1, 1] of as many people, and their parts (N, 64, 32); by cameras 1 to 6 or 7 to 12."""
    first_person, first_camera = (1_000_001, 1 + CAMERAS) if unseen else (1, 1)
    drawn = [
        render_sample(domain, first_person + i, first_camera + i % CAMERAS, 0, seed=seed, image_size=SIZE)
        for i in range(images)
    ]
    pictures, masks = map(np.stack, zip(*drawn, strict=True))
    return pictures.astype(np.float32) / 127.5 - 1, masks.astype(np.int32)


def network(variant: str) -> Constrained:
    """Three stages at 1/2 and 1/4 of the image, and back up past what the first one gives."""
    images = keras.Input((*SIZE, 3))
    x, stages, auxiliary = images, [], []
    for width, strides in ((24, 2), (48, 2), (64, 1)):
        x, logits = after_stage(stage(x, width, strides), variant, len(PARTS), per_pixel=True)
        stages.append(x)
        auxiliary += [logits] if logits else []
    x = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), stages[0]])
    x = layers.Conv2D(len(PARTS), 1)(stage(x, 32, 1))
    logits = layers.UpSampling2D(interpolation="bilinear")(x)
    return Constrained(images, {"logits": logits, "auxiliary": auxiliary})


def mean_iou(predicted: np.ndarray, parts: np.ndarray) -> float:
    """The mean over the classes of intersection over union, over all pixels of all images."""
    both = np.bincount(len(PARTS) * parts.ravel() + predicted.ravel(), minlength=len(PARTS) ** 2)
    confusion = both.reshape(len(PARTS), len(PARTS))
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - confusion.diagonal()
    return float((confusion.diagonal()[union > 0] / union[union > 0]).mean())


def experiment(variant: str, seed: int, *, epochs: int, images: int) -> Figures:
    """The mean intersection over union on each domain, of a network that was trained by day."""
    keras.utils.set_random_seed(seed)
    model = network(variant)
    pictures, parts = photographs(SOURCE, seed, images, unseen=False)
    train(model, pictures, parts, seed=seed, epochs=epochs, batch_size=BATCH, learning_rate=2e-3)
    classifier, figures = classifier_of(model), {}
    for domain in DOMAINS:
        pictures, parts = photographs(domain, seed, TEST_IMAGES, unseen=True)
        figures[domain] = mean_iou(predictions(classifier, pictures), parts)
    keras.backend.clear_session()
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    """See the module."""
    options = arguments(__doc__, "segmentation.json", argv)
    epochs, images = options.epochs or EPOCHS, options.images or IMAGES
    about = {"figure": "mIoU", "source": SOURCE, "domains": DOMAINS, "epochs": epochs, "images": images}
    measure(
        about,
        lambda variant, seed: experiment(variant, seed, epochs=epochs, images=images),
        options.variants,
        options.seeds,
        options.out,
    )


if __name__ == "__main__":
    main()
