"""What the parts of SNR are worth in a ResNet-50: `fit` on JAX or PyTorch, with batches from arrays in memory.

    pip install ".[torch]"       # or ".[jax]"; TensorFlow is not needed
    KERAS_BACKEND=torch python docs/examples/resnet50.py
    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python docs/examples/resnet50.py

Each variant is trained on drawn people of `day`, and tested on other people in all four domains. This is for a GPU.
Run again with the same options, it goes on after the last training that is in --out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from snr_keras.evaluation import evaluate_embeddings
from snr_keras.files.atomic import write_json
from snr_keras.losses import BatchHardTripletLoss, CrossEntropyLoss
from snr_keras.models import BACKBONES, embedder, module_stages, reid_model
from snr_keras.reid.data.sampler import identity_batches, num_steps
from snr_keras.reid.data.synthetic import DOMAINS, render_sample
from snr_keras.reid.settings.variants import VARIANTS

BATCH = {"identities_per_batch": 16, "images_per_identity": 4}
CAMERAS, IMAGES, TEST_IDENTITIES = 6, 4, 50
SOURCE = "day"


class Images(NamedTuple):
    """Images (n, H, W, 3), uint8, with the identity and the camera of each, (n,)."""

    pixels: np.ndarray
    identities: np.ndarray
    cameras: np.ndarray


def draw(domain: str, first: int, people: int, size: tuple[int, int]) -> Images:
    """People of a domain, from a number on: the images of every camera, of each camera one after the other."""
    addresses = np.array(
        [
            (identity, camera, index)
            for identity in range(first, first + people)
            for camera in range(1, CAMERAS + 1)
            for index in range(IMAGES)
        ]
    )
    pixels = [render_sample(domain, *map(int, address), image_size=size)[0] for address in addresses]
    return Images(np.stack(pixels), addresses[:, 0], addresses[:, 1])


def batches(source: Images, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Without end: P people with K images each, cropped and flipped at random as in the paper."""
    _, labels = np.unique(source.identities, return_inverse=True)
    rng = np.random.default_rng(seed)
    for chosen in identity_batches(labels, **BATCH, seed=seed):
        yield augmented(source.pixels[chosen], rng), labels[chosen]


def augmented(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by up to 4 % of its height, what is uncovered black, and mirrored half of the time."""
    count, height, width, _ = images.shape
    margin = round(0.04 * height)
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    places = np.stack([*rng.integers(0, 2 * margin, (2, count), endpoint=True), rng.integers(2, size=count)], axis=1)
    moved = [
        image[top : top + height, left : left + width][:, :: -1 if mirrored else 1]
        for image, (top, left, mirrored) in zip(padded, places, strict=True)
    ]
    return np.stack(moved).astype("float32")


def train(variant: str, seed: int, source: Images, options: argparse.Namespace) -> keras.Model:
    """A network after its last epoch."""
    keras.utils.set_random_seed(seed)
    settings = dict(VARIANTS[variant].settings)
    weights = settings.pop("snr_weights", (0.1, 0.1, 0.5, 0.5))
    stages = module_stages(settings["normalization"], settings.get("stages"))
    people = len(np.unique(source.identities))
    model = reid_model(people, backbone=options.backbone, image_size=options.image_size, **settings)
    steps = num_steps(source.identities, **BATCH)
    after = max(1, (options.epochs - 1) * steps)  # the first epoch is the warm-up
    rate = keras.optimizers.schedules.CosineDecay(0.0, after, warmup_target=8e-4, warmup_steps=steps)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=5e-4),
        loss={"logits": CrossEntropyLoss(0.1), "features": BatchHardTripletLoss(0.3)},
        snr_weights=[weights[stage - 1] for stage in stages] if settings["normalization"] == "snr" else None,
    )
    model.fit(batches(source, seed), epochs=options.epochs, steps_per_epoch=steps, shuffle=False, verbose=0)
    return embedder(model)


def figures(network: keras.Model, target: Images) -> dict[str, float]:
    """Of a domain: the first image of each person in each camera is a query, the others are the gallery."""
    is_query = np.arange(len(target.identities)) % IMAGES == 0
    embedded = network.predict(target.pixels, batch_size=128, verbose=0)
    found = evaluate_embeddings(
        embedded[is_query],
        embedded[~is_query],
        query_ids=target.identities[is_query],
        gallery_ids=target.identities[~is_query],
        query_cameras=target.cameras[is_query],
        gallery_cameras=target.cameras[~is_query],
    )
    return {"mAP": float(found.mAP), "rank1": float(found.cmc[0])}


def main(argv: Sequence[str] | None = None) -> None:
    """Train and test what is not in --out yet."""
    options = arguments(argv)
    settings = {name: value for name, value in vars(options).items() if name not in ("variants", "seeds", "out")}
    about: dict[str, Any] = {"settings": {**settings, "image_size": list(options.image_size)}}
    about |= {"versions": {name: version(name) for name in ("keras", keras.backend.backend())}}
    about |= {"home": SOURCE, "targets": [domain for domain in DOMAINS if domain != SOURCE]}
    results: dict[str, list[dict[str, Any]]] = {}
    if options.out.exists():
        before = json.loads(options.out.read_text())
        results = before.pop("figures", {})
        if before != about:
            raise SystemExit(f"{options.out} was begun otherwise, with {before}. Choose another --out.")
    size, identities = options.image_size, options.identities
    source = draw(SOURCE, 1, identities, size)
    targets = {domain: draw(domain, identities + 1, TEST_IDENTITIES, size) for domain in DOMAINS}
    for seed in range(options.seeds):
        for variant in options.variants:
            runs = results.setdefault(variant, [])
            if len(runs) > seed:
                continue
            network = train(variant, seed, source, options)
            runs.append({domain: figures(network, target) for domain, target in targets.items()})
            print(
                f"seed {seed} {variant:12}", *(f"{at} {100 * f['mAP']:.1f}" for at, f in runs[-1].items()), flush=True
            )
            write_json(options.out, {**about, "figures": results})


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""

    def image_size(text: str) -> tuple[int, int]:
        height, width = map(int, text.split("x"))
        return height, width

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [name for name, variant in VARIANTS.items() if "snr_terms" not in variant.settings]
    some = ("in", "snr-fixed", "snr-no-loss", "snr")
    parser.add_argument("--variants", nargs="+", choices=known, default=some, help="default: " + ", ".join(some))
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each (default: 3)")
    parser.add_argument("--backbone", choices=BACKBONES, default="resnet50", help="default: resnet50")
    parser.add_argument("--image-size", type=image_size, default=(128, 64), metavar="HxW", help="default: 128x64")
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training images (default: 12)")
    parser.add_argument("--identities", type=int, default=120, help="people to train on (default: 120)")
    parser.add_argument("--out", type=Path, default=Path("resnet50.json"), help="default: resnet50.json")
    options = parser.parse_args(argv)
    if options.identities < (fewest := BATCH["identities_per_batch"]):
        parser.error(f"--identities must be at least {fewest}, those of a batch. Received: {options.identities}")
    return options


if __name__ == "__main__":
    main()
