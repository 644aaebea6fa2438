"""Adaptation from day to night, without labels there: what MAR, SNR and both are worth.

    pip install ".[cli]"
    python docs/examples/adaptation.py --seeds 3 --out docs/data/adaptation.json
    python docs/examples/adaptation.py --sources day,dusk --runs runs/two_sources --out two_sources.json

A plain network and one with SNR are trained on `day` (direct transfer), then each is adapted by MAR to the training
images of `night`. Who is on these is told to the rate of true positives, and to nothing else. Each is also adapted with
the weight that L_CML has in the publication, for forty times as many people; and, as a control, it goes through the
same steps without MAR's losses: it is trained further on `day`, and its moving statistics see `night`. All are tested
on night's query and gallery. Nobody is in two of these: every domain has people of its own, and so has its test.
Several sources share the number of people, so that there are no more images of them than of one.

Run again with the same options, it goes on where it stopped: the models are in --runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from snr_keras.files.atomic import write_json
from snr_keras.models import embedder
from snr_keras.reid.adaptation import AdaptationConfig, adapt
from snr_keras.reid.data.combine import combine
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.synthetic import synthesize
from snr_keras.reid.runs import RichProgress, TrainingConfig
from snr_keras.reid.runs.logs import read_metrics
from snr_keras.reid.targets import embed_dataset, score
from snr_keras.reid.training import train
from snr_keras.reid.visualization import save_adaptation_curves
from snr_ref.mar.step import MAR_WEIGHTS

METHODS = {
    "none": {
        "direct": "direct",
        "further": "direct, trained further",
        "published": "MAR, published weight",
        "adapted": "MAR",
    },
    "snr": {
        "direct": "SNR",
        "further": "SNR, trained further",
        "published": "SNR + MAR, published weight",
        "adapted": "SNR + MAR",
    },
}
"""What a network is called, by its normalization and by what was done with it."""

WITHOUT_MAR = {"discriminative_weight": 0.0, "consistency_weight": 0.0, "joint_embedding_weight": 0.0}
PUBLISHED = {"consistency_weight": MAR_WEIGHTS.consistency}
ADAPTATIONS: dict[str, dict[str, float]] = {"further": WITHOUT_MAR, "published": PUBLISHED, "adapted": {}}
"""Their settings: the control has the same steps on the same images of both, and no loss but the source's own; MAR has
the weight of L_CML that its authors gave it for forty times as many people, and that of the embedded recipe."""

RUNS_ALONG = ("threshold", "positives", "negatives", "true_positive_rate", "multilabel_entropy")


def draw(folder: Path, sources: Sequence[str], target: str, identities: int) -> tuple[ReIDDataset, ReIDDataset]:
    """The sources together, with equally many people of each, and the target to adapt to and to test on."""

    def domain(name: str, train_identities: int) -> ReIDDataset:
        people = {"train_identities": train_identities, "test_identities": 50}
        return read_market1501(synthesize(folder / name, domain=name, **people))

    parts = [domain(name, identities // len(sources)) for name in sources]
    return combine(parts) if len(parts) > 1 else parts[0], domain(target, identities)


def networks(
    training: TrainingConfig,
    adaptation: AdaptationConfig,
    source: ReIDDataset,
    target: ReIDDataset,
    runs: dict[str, Path],
) -> Iterator[tuple[str, keras.Model]]:
    """A network after its training, and after each of its adaptations."""
    resume = {what: (run / "config.json").exists() for what, run in runs.items()}
    yield "direct", train(training, source, runs["direct"], resume=resume["direct"], progress=RichProgress())
    for what, changes in ADAPTATIONS.items():
        model = adapt(
            replace(adaptation, **changes),
            runs["direct"],
            source,
            target,
            runs[what],
            resume=resume[what],
            progress=RichProgress(),
            watched=target.train.identities,
        )
        yield what, model


def figures(model: keras.Model, target: ReIDDataset) -> dict[str, float]:
    """On the target's query and gallery."""
    result = score(embed_dataset(embedder(model), target))
    return {"mAP": result.mAP, "rank1": result.rank(1)}


def main(argv: Sequence[str] | None = None) -> None:
    """See the module."""
    options = arguments(argv)
    source, target = draw(options.runs / "data", options.sources, options.target, options.identities)
    results: dict[str, list[dict[str, float]]] = {name: [] for names in METHODS.values() for name in names.values()}
    epochs: dict[str, list[list[dict[str, Any]]]] = {names["adapted"]: [] for names in METHODS.values()}
    for seed in range(options.seeds):
        for normalization, names in METHODS.items():
            training = TrainingConfig(normalization=normalization, reduction=16, seed=seed, epochs=options.epochs)
            adaptation = AdaptationConfig(seed=seed, epochs=options.adaptation_epochs)
            runs = {what: options.runs / f"{normalization}-{what}-seed{seed}" for what in names}
            for what, model in networks(training, adaptation, source, target, runs):
                found = figures(model, target)
                results[names[what]].append(found)
                print(f"seed {seed} {names[what]:27} mAP {found['mAP']:.1%} Rank-1 {found['rank1']:.1%}", flush=True)
            epochs[names["adapted"]].append([_apart(record) for record in read_metrics(runs["adapted"])])
            keras.backend.clear_session()
        about = {
            "source": source.name,
            "target": options.target,
            "images": {source.name: len(source.train), options.target: len(target.train)},
            "training": {"epochs": training.epochs},
            "adaptation": {name: value for name, value in adaptation.to_json().items() if name != "seed"},
            "trained_further": WITHOUT_MAR,
            "published": PUBLISHED,
        }
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(options.out, {**about, "results": results, "epochs": epochs})
    if options.picture:
        save_adaptation_curves(options.runs / "snr-adapted-seed0", options.picture)


def _apart(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("epoch", *RUNS_ALONG) if name in record}


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", default="day", help="domains to train on, with commas between (default: day)")
    parser.add_argument("--target", default="night", help="the domain to adapt to and to test on (default: night)")
    parser.add_argument("--seeds", type=int, default=3, help="how often everything is done (default: 3)")
    parser.add_argument("--epochs", type=int, default=TrainingConfig.epochs, help="of the training on the sources")
    parser.add_argument("--adaptation-epochs", type=int, default=AdaptationConfig.epochs, help="of the adaptation")
    people = "people on the training images of the target, and of all sources together (default: 100)"
    parser.add_argument("--identities", type=int, default=100, help=people)
    parser.add_argument("--runs", type=Path, default=Path("runs/adaptation"), help="the folder of images and models")
    parser.add_argument("--out", type=Path, default=Path("adaptation.json"), help="the file of figures")
    parser.add_argument("--picture", type=Path, help="a PNG of how SNR + MAR went with the first seed")
    options = parser.parse_args(argv)
    options.sources = options.sources.split(",")
    if options.target in options.sources or len(options.sources) != len(set(options.sources)):
        parser.error(
            f"--sources must be different domains, not {options.target}. Received: {','.join(options.sources)}"
        )
    if options.identities % len(options.sources):
        parser.error(
            f"--identities must be a multiple of the number of sources, {len(options.sources)}. "
            f"Received: {options.identities}"
        )
    return options


if __name__ == "__main__":
    main()
