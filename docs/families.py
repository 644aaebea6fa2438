"""Puts SNR into every family of keras.applications and writes docs/data/families.json, for the table in the guide.

    python docs/families.py

Weights are random, since nothing is downloaded; every batch normalization is given the statistics of its input first,
so that maps have the scale that they have in a trained network. The images are synthetic pedestrians of all domains.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from snr_keras.models import insert_snr
from snr_keras.models.stages import stage_ends
from snr_keras.reid.data.synthetic import DOMAINS, render_sample

FAMILIES = [
    *("VGG16", "ResNet50", "ResNet50V2", "DenseNet121", "InceptionV3", "InceptionResNetV2", "Xception", "MobileNet"),
    *("MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny", "NASNetMobile"),
]
SIZE = 128


def main() -> None:
    """Write the file."""
    found = []
    for family in FAMILIES:
        keras.backend.clear_session()  # layers that Keras numbers get the numbers that they have in a fresh process
        keras.utils.set_random_seed(0)
        row = measured(family)
        print(row["family"], row["layers"], f"{row['change']:.1e}", flush=True)
        found.append(row)
    text = json.dumps(found, indent=1) + "\n"
    (Path(__file__).parent / "data" / "families.json").write_text(text, encoding="utf-8")


def measured(family: str) -> dict[str, Any]:
    """Where SNR goes, the weights it adds, and what it changes at the start, as parts of the output's norm."""
    base = getattr(keras.applications, family)(
        weights=None, input_shape=(SIZE, SIZE, 3), classes=10, classifier_activation=None
    )
    batch = people()
    know_their_statistics(base, batch)
    refused = None
    try:
        model = insert_snr(base, start="identity", verbose=False)
    except ValueError as error:
        refused = str(error)
        names = re.findall("'(.*?)'", refused.partition("after=")[2].partition(". Candidates")[0])
        model = insert_snr(base, names, start="identity", verbose=False)
    places = [name.removesuffix("_snr") for name in model.output["snr"]]
    before, after = (keras.ops.convert_to_numpy(network(batch)) for network in (base, model.network))
    plain = insert_snr(base, places, verbose=False)
    return {
        "family": family,
        "layers": places,
        "refused": refused,
        "strides": None if refused else [end.stride for end in stage_ends(base, "channels_last", last=4)],
        "weights": base.count_params(),
        "added": plain.count_params() - base.count_params(),
        "change": float(np.linalg.norm(after - before) / np.linalg.norm(before)),
    }


def people() -> np.ndarray:
    """Sixteen people, four of each domain."""
    where = [(domain, identity) for domain in DOMAINS for identity in (1, 2, 3, 4)]
    images = [render_sample(domain, i, i, 0, image_size=(SIZE, SIZE))[0] for domain, i in where]
    return np.stack(images).astype("float32")


def know_their_statistics(model: keras.Model, batch: np.ndarray) -> None:
    """Give every batch normalization the moments of what comes in."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(batch, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


if __name__ == "__main__":
    main()
