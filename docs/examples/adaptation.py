"""Adaptation from day to night, without labels there: what MAR, SNR and both are worth.

    pip install ".[cli]"
    python docs/examples/adaptation.py --seeds 3 --out docs/data/adaptation.json

A plain network and one with SNR are trained on `day` (direct transfer), then each is adapted by MAR to the training
images of `night`. Who is on these is told to the rate of true positives, and to nothing else. All are tested on night's
query and gallery. Nobody is in two of these: every domain has people of its own, and so has its test.

Run again with the same options, it goes on where it stopped: the models are in --runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from snr_keras.adaptation import AdaptationConfig, adapt
from snr_keras.cli.console import write_json
from snr_keras.data.dataset import ReIDDataset
from snr_keras.data.market1501 import read_market1501
from snr_keras.data.synthetic import synthesize
from snr_keras.evaluation import embed_dataset, score
from snr_keras.models import embedder
from snr_keras.training import RichProgress, TrainingConfig, train
from snr_keras.training.logs import read_metrics
from snr_keras.visualization import save_adaptation_curves

SOURCE, TARGET = "day", "night"
METHODS = {"none": ("direct", "MAR"), "snr": ("SNR", "SNR + MAR")}
"""What a normalization is called before and after its adaptation."""

RUNS_ALONG = ("threshold", "positives", "negatives", "true_positive_rate", "multilabel_entropy")


def draw(folder: Path, identities: int) -> tuple[ReIDDataset, ReIDDataset]:
    """Day to train on, night to adapt to and to test on."""
    people = {"train_identities": identities, "test_identities": 50}
    source, target = (read_market1501(synthesize(folder / name, domain=name, **people)) for name in (SOURCE, TARGET))
    return source, target


def figures(model: keras.Model, target: ReIDDataset) -> dict[str, float]:
    """On the target's query and gallery."""
    result = score(embed_dataset(embedder(model), target))
    return {"mAP": result.mAP, "rank1": result.rank(1)}


def main(argv: Sequence[str] | None = None) -> None:
    """See the module."""
    options = arguments(argv)
    source, target = draw(options.runs / "data", options.identities)
    results: dict[str, list[dict[str, float]]] = {name: [] for pair in METHODS.values() for name in pair}
    epochs: dict[str, list[list[dict[str, Any]]]] = {adapted: [] for _, adapted in METHODS.values()}
    for seed in range(options.seeds):
        for normalization, (direct, adapted) in METHODS.items():
            before, after = (options.runs / f"{normalization}-{what}-seed{seed}" for what in ("direct", "adapted"))
            training = TrainingConfig(normalization=normalization, seed=seed, epochs=options.epochs)
            adaptation = AdaptationConfig(seed=seed, epochs=options.adaptation_epochs)
            models = {
                direct: train(training, source, before, resume=_begun(before), progress=RichProgress()),
                adapted: adapt(
                    adaptation,
                    before,
                    source,
                    target,
                    after,
                    resume=_begun(after),
                    progress=RichProgress(),
                    watched=target.train.identities,
                ),
            }
            for name, model in models.items():
                results[name].append(figures(model, target))
                print(
                    f"seed {seed} {name:9} mAP {{mAP:.1%}} Rank-1 {{rank1:.1%}}".format(**results[name][-1]), flush=True
                )
            epochs[adapted].append([_apart(record) for record in read_metrics(after)])
            keras.backend.clear_session()
        about = {
            "source": SOURCE,
            "target": TARGET,
            "images": {SOURCE: len(source.train), TARGET: len(target.train)},
            "training": {"epochs": training.epochs},
            "adaptation": {name: value for name, value in adaptation.to_json().items() if name != "seed"},
        }
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(options.out, {**about, "results": results, "epochs": epochs})
    if options.picture:
        save_adaptation_curves(options.runs / "snr-adapted-seed0", options.picture)


def _begun(run: Path) -> bool:
    return (run / "config.json").exists()


def _apart(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("epoch", *RUNS_ALONG) if name in record}


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how often everything is done (default: 3)")
    parser.add_argument("--epochs", type=int, default=TrainingConfig.epochs, help="of the training on day")
    parser.add_argument("--adaptation-epochs", type=int, default=AdaptationConfig.epochs, help="of the adaptation")
    parser.add_argument("--identities", type=int, default=100, help="people to train on in each domain (default: 100)")
    parser.add_argument("--runs", type=Path, default=Path("runs/adaptation"), help="the folder of images and models")
    parser.add_argument("--out", type=Path, default=Path("adaptation.json"), help="the file of figures")
    parser.add_argument("--picture", type=Path, help="a PNG of how SNR + MAR went with the first seed")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
