"""Training and testing of every variant with every seed, each in its own run folder; everything can be resumed.

The reported model of a run is that of its last epoch, whose number is fixed in advance, or, if the recipe holds out
people of the source, that of the epoch that is best on them. Choosing an epoch by its scores on the targets would use
the targets' labels; scores taken for watching go to a file that nothing reads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
from numpy.typing import NDArray

from snr_keras.evaluation.gates import GateHealth
from snr_keras.files.atomic import write_json
from snr_keras.files.forms import read_json
from snr_keras.keras_config import check_tensorflow
from snr_keras.models import embedder
from snr_keras.reid import bars
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.pipeline import steps_per_epoch
from snr_keras.reid.data.report import printable
from snr_keras.reid.experiments.ablation.report import RunResults, results_of, summary, write_reports
from snr_keras.reid.experiments.ablation.side_by_side import side_by_side, threads_of
from snr_keras.reid.recipes import Recipe
from snr_keras.reid.runs.held_out import hold_out
from snr_keras.reid.runs.lock import locked_folder
from snr_keras.reid.runs.logs import read_metrics
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.progress import Progress, RichProgress
from snr_keras.reid.runs.run_folder import describe_source, hash_of_split, package_versions, unlike
from snr_keras.reid.runs.watching import Watching
from snr_keras.reid.runs.weights import weights_by_path
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.settings.variants import SNR, VARIANTS, Variant, check_training, find_variants
from snr_keras.reid.targets import TargetResult, embed_trials, query_table, score_trials
from snr_keras.reid.training import read_gates, train

Task = tuple["Ablation", str, int, bool]
"""A training: of which ablation, variant and seed, and whether it is watched."""


class Domain(NamedTuple):
    """Data on which models are tested.

    Attributes:
        label: Unique name in tables.
        trials: Splits of the data set, usually one.
    """

    label: str
    trials: Sequence[ReIDDataset]


@dataclass(frozen=True)
class Ablation:
    """The common settings of all runs of an ablation.

    Attributes:
        recipe: Settings of training and test; seeds count from its seed.
        source: Data to train on.
        home: Test images of the source, None if it has none.
        targets: Domains that no model sees in training.
        out: Folder to write.
    """

    recipe: Recipe
    source: ReIDDataset
    home: Domain | None
    targets: Sequence[Domain]
    out: Path

    @property
    def domains(self) -> tuple[Domain, ...]:
        """All test domains, home first, then the targets."""
        return (*([self.home] if self.home else []), *self.targets)

    def settings(self, jobs: int) -> dict[str, Any]:
        """The settings that must be equal for runs to be comparable, as JSON types, with `jobs` trainings at a time."""
        return {
            "threads": threads_of(jobs),
            "training": self.recipe.training.explicit().to_json(),
            "test": vars(self.recipe.test),
            "source": describe_source(self.source),
            "home": _describe(self.home) if self.home else None,
            "targets": [_describe(domain) for domain in self.targets],
        }

    def run_dir(self, variant: str, seed: int) -> Path:
        """The run folder of a variant and a seed."""
        return self.out / "runs" / f"{variant}-seed{seed}"


def ablate(
    ablation: Ablation,
    variants: Mapping[str, Variant],
    seeds: int,
    *,
    jobs: int = 1,
    resume: bool = False,
    watch: bool = False,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Train and test every variant with every seed, and write the results.

    With a given seed, every variant starts from the SNR model's weights as far as it has the same ones, and sees the
    same batches. All variants are done for the first seed before the second begins. After each seed, results and tables
    of the finished variants are updated.

    Args:
        ablation: Common settings.
        variants: Names of the variants to compare.
        seeds: Number of trainings of each.
        jobs: Number of trainings at a time, each in a process of its own with its part of the cores, and without a
            display of its progress.
        resume: Whether to continue what is in the folder; finished runs are not repeated.
        watch: Whether to test on the targets after every epoch, for `watch.jsonl` of the run folder. No result depends
            on it.
        tell: Function called with a line of text for the user.

    Returns:
        The results, as in `results.json`.

    Raises:
        FileExistsError: If the folder is not empty and `resume` is False.
        ValueError: If it holds an ablation with other settings, the recipe sets what variants set, or the source has
            too few identities for its batches.
        LockedError: If another process writes to the folder.
        ChildProcessError: If one of several trainings at a time fails.
    """
    _check(ablation)
    first = ablation.recipe.training.seed
    configs = {name: variant.config(ablation.recipe.training, first) for name, variant in variants.items()}
    numbers = range(first, first + seeds)
    with locked_folder(ablation.out), bars.line("trainings") as line:
        _begin(ablation, jobs, resume)
        missing = []
        for seed in numbers:
            for name in configs:
                if _results_path(ablation, name, seed).exists():
                    tell(f"{ablation.run_dir(name, seed)} is already done")
                else:
                    missing.append((ablation, name, seed, watch))
        clock = _Clock(len(missing))

        def begun(task: Task) -> None:
            tell(f"{_name(task)}: {clock.begin()}")

        if jobs > 1:
            done = side_by_side(_train_and_test, missing, jobs, name=_name, begun=begun)
        else:
            done = _one_by_one(missing, begun, tell, lambda: line.within(clock.done, clock.runs))
        runs: dict[str, list[RunResults]] = {name: [] for name in configs}
        gates: dict[str, list[dict[str, GateHealth]]] = {name: [] for name in configs}
        held_out: dict[str, list[float]] = {name: [] for name in configs}
        results: dict[str, Any] = {}
        with closing(done):
            for seed in numbers:
                while not all(_results_path(ablation, name, seed).exists() for name in configs):
                    next(done)
                    clock.tick()
                    line.show(clock.done, clock.runs)
                for name in configs:
                    runs[name].append(_read_run(ablation, name, seed))
                    gates[name].append(read_gates(ablation.run_dir(name, seed)))
                    if ablation.recipe.training.held_out:
                        held_out[name].append(float(read_metrics(ablation.run_dir(name, seed))[-1]["held_out_mAP"]))
                results = results_of(
                    runs,
                    held_out=held_out if ablation.recipe.training.held_out else None,
                    gates=gates,
                    settings=ablation.settings(jobs),
                    recipe=ablation.recipe.description,
                    variants={name: variant.description for name, variant in variants.items()},
                    home=ablation.home and ablation.home.label,
                    targets=[domain.label for domain in ablation.targets],
                    versions=package_versions(),
                )
                write_reports(results, ablation.out)
    return summary(results)


def _name(task: Task) -> str:
    return f"{task[1]}, seed {task[2]}"


def _one_by_one(
    tasks: Sequence[Task],
    begun: Callable[[Task], None],
    tell: Callable[[str], None],
    within: Callable[[], Callable[[float], None]],
) -> Generator[Task]:
    for task in tasks:
        begun(task)
        _train_and_test(*task, tell=tell, within=within())
        yield task


def _check(ablation: Ablation) -> None:
    """Refuse, before anything is written, settings with which no run could be trained."""
    check_tensorflow("Training runs")
    training = ablation.recipe.training
    check_training(training)
    images, _ = hold_out(ablation.source, training)
    steps_per_epoch(
        images,
        training.identities_per_batch,
        training.images_per_identity,
        domain_balanced=training.domain_balanced,
    )


def _train_and_test(
    ablation: Ablation,
    name: str,
    seed: int,
    watch: bool,
    *,
    tell: Callable[[str], None] = lambda line: None,
    within: Callable[[float], None] = lambda fraction: None,
) -> None:
    keras.backend.clear_session()  # frees the models of earlier runs
    run = ablation.run_dir(name, seed)
    within(0)
    shown: Progress = RichProgress(tell, within=within)
    if watch:
        shown = Watching(shown, run, lambda model: _test(ablation, model, ablation.targets), tell)
    model = train(
        find_variants([name])[name].config(ablation.recipe.training, seed),
        ablation.source,
        run,
        resume=(run / "config.json").exists(),
        progress=shown,
        initial=_initial_weights(ablation, seed),
    )
    results = _test(ablation, model, ablation.domains)
    path = _results_path(ablation, name, seed)
    path.parent.mkdir(exist_ok=True)
    write_json(path, [result.to_json() for result in results])


def _test(ablation: Ablation, model: keras.Model, domains: Iterable[Domain]) -> list[TargetResult]:
    test = ablation.recipe.test
    results = []
    for domain in domains:
        with bars.progress_bar(f"embedding {domain.label}") as move:
            embedded = embed_trials(embedder(model), domain.trials, flip=test.flip, progress=move)
        with bars.progress_bar(f"evaluating {domain.label}") as move:
            results.append(score_trials(embedded, distance=test.distance, protocol=test.protocol, progress=move))
    return results


def _initial_weights(ablation: Ablation, seed: int) -> dict[str, NDArray]:
    """The weights of the SNR model, so that shared weights are equal for every variant."""
    keras.utils.set_random_seed(seed)
    config = VARIANTS[SNR].config(ablation.recipe.training, seed)
    images, _ = hold_out(ablation.source, config)
    return weights_by_path(new_model(config, images.num_identities))


class _Clock:
    """The progress of an ablation, and the time left at the pace so far."""

    def __init__(self, runs: int) -> None:
        self.runs, self.started, self.done, self._begun = runs, 0, 0, time.monotonic()

    def tick(self) -> None:
        """A run is finished."""
        self.done += 1

    def begin(self) -> str:
        """A run begins: which, and when the last will have ended."""
        self.started += 1
        standing = f"run {self.started} of {self.runs}"
        if not self.done:
            return standing
        seconds = (time.monotonic() - self._begun) / self.done * (self.runs - self.done)
        return f"{standing}, {max(1, round(seconds / 60))} min left"


def _begin(ablation: Ablation, jobs: int, resume: bool) -> None:
    out, path = ablation.out, ablation.out / "ablation.json"
    settings = json.loads(json.dumps(ablation.settings(jobs)))
    if path.exists():
        if not resume:
            raise FileExistsError(f"{out} holds an ablation. Continue it (`resume=True`), or choose another `out`.")
        before = read_json(path, dict[str, Any])
        if isinstance(before.get("training"), dict):  # settings that were added since had their defaults
            before["training"] = TrainingConfig().to_json() | before["training"]
        if different := [f"{key} was {old!r}, now {new!r}" for key, old, new in unlike(before, settings)]:
            raise ValueError(
                f"The ablation in {out} was started with other settings: {'; '.join(different)}. Resume it with the "
                "same settings, or choose another `out`."
            )
    elif (ablation.out / "runs").exists():
        raise FileExistsError(f"{out} holds runs that do not belong to an ablation. Choose another `out`.")
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, settings)


def _results_path(ablation: Ablation, name: str, seed: int) -> Path:
    return ablation.run_dir(name, seed) / "evaluation" / "results.json"


def _read_run(ablation: Ablation, name: str, seed: int) -> RunResults:
    path = _results_path(ablation, name, seed)
    results = read_json(path, list[TargetResult])
    try:
        return {
            domain.label: (result, query_table(result, domain.trials))
            for domain, result in zip(ablation.domains, results, strict=True)
        }
    except ValueError:
        raise ValueError(
            f"Expected in {str(path)!r} the results of {len(ablation.domains)} targets, of all their queries. "
            f"Received: results on {[result.target for result in results]}"
        ) from None


def _describe(domain: Domain) -> dict[str, Any]:
    first = domain.trials[0]
    return {
        "name": printable(first.name),
        **({"version": first.version} if first.version else {}),
        "divisions": len(domain.trials),
        "queries": sum(len(trial.query) for trial in domain.trials),
        "gallery": sum(len(trial.gallery) for trial in domain.trials),
        "sha256_of_names_and_identities": [
            hash_of_split(split) for trial in domain.trials for split in (trial.query, trial.gallery)
        ],
    }
