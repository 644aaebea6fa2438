"""The agreement of imported networks with PyTorch, for the tests and for the table in the guide.

    python -m tests.frameworks.agreement    # writes docs/data/pytorch_agreement.json, for docs/generate.py

Weights and images are random, since nothing is downloaded. The exact result is PyTorch's in float64.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import torch
from numpy.typing import NDArray

from snr_keras.models.pytorch.importing import Account
from snr_keras.reid.runs import import_run, load_run
from snr_keras.reid.settings.training import TrainingConfig
from tests.frameworks.pytorch_networks import ResNet, trained

FIGURES = Path(__file__).parents[2] / "docs" / "data" / "pytorch_agreement.json"

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 67, 35, 3)).astype(np.float32)  # odd sizes show every padding

NETWORKS: dict[str, tuple[int, dict[str, Any]]] = {
    "ResNet-18": (18, {}),
    "ResNet-34 with IBN-a": (34, {"ibn": True, "last_stride": 1}),
    "ResNet-50": (50, {}),
    "ResNet-101": (101, {"last_stride": 1, "identities": 7}),
    "ResNet-50 of fast-reid with IBN-a": (50, {"fastreid": True, "ibn": True, "last_stride": 1, "identities": 7}),
    "ResNet-18 with SNR after three stages": (18, {"snr": (1, 2, 3)}),
    "ResNet-50 with SNR after four": (50, {"snr": (1, 2, 3, 4), "last_stride": 1, "reduction": 8, "identities": 7}),
}


class Errors(NamedTuple):
    """Root mean square differences from the exact result, as fractions of its own root mean square."""

    keras: float
    pytorch: float


def imported(name: str, folder: Path) -> tuple[ResNet, TrainingConfig, Account]:
    """One of `NETWORKS` in PyTorch, and what came of importing its file to `folder / "run"`."""
    depth, options = NETWORKS[name]
    torch.manual_seed(0)
    network = trained(ResNet(depth, **options))
    torch.save(network.state_dict(), folder / "network.pth")
    config, account = import_run(
        folder / "network.pth",
        folder / "run",
        backbone=f"{'fastreid' if options.get('fastreid') else 'torchvision'}_resnet{depth}",
        last_stride=options.get("last_stride", 2),
        image_size=IMAGES.shape[1:3],
    )
    return network, config, account


def errors(network: ResNet, run: Path) -> dict[str, Errors]:
    """The errors of the features and, for a network with a neck, of the embedding and the logits."""
    found = load_run(run)[1](IMAGES)
    rounded, exact = outputs_of(network, torch.float32), outputs_of(network, torch.float64)
    return {
        key: Errors(*(rms(x - right) / rms(right) for x in (keras.ops.convert_to_numpy(found[key]), theirs)))
        for key, theirs, right in zip(("features", "embedding", "logits"), rounded, exact, strict=False)
    }


def outputs_of(network: ResNet, dtype: torch.dtype) -> list[NDArray[np.float64]]:
    """PyTorch's outputs for `IMAGES`."""
    images = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy()).to(dtype)
    with torch.no_grad():
        return [x.double().numpy() for x in network.to(dtype)(images)]


def rms(x: NDArray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(x))))


def main() -> None:
    """Write the file."""
    rows = []
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            network, *_ = imported(name, Path(folder))
            rows.append({"network": name, **errors(network, Path(folder, "run"))["features"]._asdict()})
        print(rows[-1], flush=True)
    FIGURES.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
