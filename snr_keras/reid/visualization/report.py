"""All pictures of trained models on their targets, and a page with all of them."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from snr_keras.evaluation import GateHealth, gate_health
from snr_keras.files.atomic import new_folder, write_json, write_text
from snr_keras.models import embedder
from snr_keras.reid.data.dataset import ReIDDataset, Split, named_apart
from snr_keras.reid.data.pipeline import evaluation_batches
from snr_keras.reid.data.report import count
from snr_keras.reid.targets import TargetResult, check_target, embed_trials, score_trials
from snr_keras.reid.visualization import explanations
from snr_keras.reid.visualization.cmc_curves import save_cmc_curves
from snr_keras.reid.visualization.embedding_map import save_embedding_map, scikit_learn
from snr_keras.reid.visualization.gates import gate_statistics, save_gate_statistics
from snr_keras.reid.visualization.maps import save_activation_maps
from snr_keras.reid.visualization.ranked_gallery import save_ranked_gallery
from snr_keras.reid.visualization.report_page import Group, Picture, Section, report_page
from snr_keras.reid.visualization.sample import sample_images
from snr_keras.reid.visualization.stages import BATCH, pooled_features, stages_of

Progress = Callable[[str, int, int], None]
"""Function called with the current work, the number done and the total."""


@dataclass(frozen=True)
class Choices:
    """The choice of what to draw.

    Attributes:
        worst: Number of queries in each gallery of the worst.
        images: Number of images of each domain whose activation maps to draw.
        sample: Maximal number of images of each domain for gates and t-SNE.
        stage: Stage whose maps are pooled for the t-SNE, 1 to 4.
        seed: Seed of the choice of images and of the t-SNE.
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501" or "no_camera"; by default as each target's camera labels allow.
        flip: Whether to average embeddings with those of the mirrored images, in scores and galleries.
    """

    worst: int = 8
    images: int = 2
    sample: int = 128
    stage: int = 3
    seed: int = 0
    distance: str = "cosine"
    protocol: str | None = None
    flip: bool = False

    def __post_init__(self) -> None:
        for name, least in (("worst", 1), ("images", 1), ("sample", 4)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be at least {least}. Received: {name}={getattr(self, name)}")


def visualize(
    models: Mapping[str, keras.Model],
    targets: Sequence[Sequence[ReIDDataset]],
    out: str | os.PathLike[str],
    *,
    choices: Choices | None = None,
    progress: Progress | None = None,
) -> dict[str, list[TargetResult]]:
    """Draw pictures of trained models into a folder, with their numbers and `report.html`, which has all of them.

    The folder appears when it is complete, or not at all. It holds, for each model, galleries of its worst queries on
    each target, activation maps of each stage, a t-SNE, and the gates of its SNR modules with their statistics as JSON;
    and, for each target, the CMC curves of all models, and `results.json`.

    Args:
        models: Models from `reid_model`, as `load_run` returns them, by the names to print with their scores.
        targets: Targets, each as from `snr_keras.reid.data.catalogue.open_trials`, with queries and gallery. For a data
            set with several splits, scores are means over all, and the first is drawn.
        out: Folder to write, which must be absent or empty.
        choices: What to draw, by default `Choices()`.
        progress: Function called with the current work, the number done and the total.

    Returns:
        The results on every target, by the name of the model.

    Raises:
        FileExistsError: If there is something in the folder.
        ValueError: If there is no model or target, a target cannot be tested on (as for `check_target`), the targets
            have fewer than 4 images, or a model does not have that stage.
        ModuleNotFoundError: Without scikit-learn, which the t-SNE needs.
    """
    choices = choices or Choices()
    check_ready(out)
    if not models or not targets:
        raise ValueError(f"Expected models and targets. Received: {len(models)} models, {len(targets)} targets")
    for model in models.values():
        numbers = [stage.number for stage in stages_of(model)]
        if choices.stage not in numbers:
            raise ValueError(f"`stage` must be one of {numbers}. Received: stage={choices.stage}")
    for trials in targets:
        for trial in trials:
            check_target(trial, distance=choices.distance, protocol=choices.protocol)
    named = {trials[0].name: trials for trials in named_apart(targets)}
    samples = {name: sample_images(of[0], choices.sample, seed=choices.seed) for name, of in named.items()}
    if (images := sum(map(len, samples.values()))) < 4:
        raise ValueError(f"Expected at least 4 images of all targets, which a t-SNE needs. Received: {images}")
    with new_folder(Path(out)) as folder:
        return _draw_all(models, named, samples, folder, choices, progress or (lambda *_: None))


def check_ready(out: str | os.PathLike[str]) -> None:
    """Check, before any work, that pictures can be drawn into a folder.

    Raises:
        FileExistsError: If there is something in it, or it is a file.
        ModuleNotFoundError: Without scikit-learn.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"Pictures need a folder of their own, new or empty. Received: {str(out)!r}")
    scikit_learn()


def _draw_all(
    models: Mapping[str, keras.Model],
    targets: Mapping[str, Sequence[ReIDDataset]],
    samples: Mapping[str, Split],
    folder: Path,
    choices: Choices,
    progress: Progress,
) -> dict[str, list[TargetResult]]:
    results, sections = {}, []
    for number, (name, model) in enumerate(models.items(), 1):
        drawing = _Drawing(model, folder, _slug(number, name), choices, partial(_say_of, progress, name))
        results[name], failures = drawing.failures(targets)
        with_snr = [str(stage.number) for stage in stages_of(model) if stage.snr is not None]
        told = (
            f"SNR follows the stages {', '.join(with_snr)}."
            if with_snr
            else "This model has no SNR: each stage has one map, F, and there are no gates to draw."
        )
        sections.append(Section(name, told, [failures, *drawing.inside(samples)]))
    curves = []
    for number, target in enumerate(targets):
        path = folder / f"cmc_{_slug(number + 1, target)}.png"
        save_cmc_curves({name: of_model[number] for name, of_model in results.items()}, path)
        curves.append(Picture(target, path, 440))
    everybody = Section("All models", "Every model on every target.", [Group("CMC curves", explanations.CMC, curves)])
    write_json(folder / "results.json", {name: [r.to_json() for r in of] for name, of in results.items()})
    write_text(folder / "report.html", report_page(results, [everybody, *sections]))
    return results


@dataclass(frozen=True)
class _Drawing:
    """One model's pictures, in files whose names have a common prefix."""

    model: keras.Model
    folder: Path
    prefix: str
    choices: Choices
    progress: Progress

    def failures(self, targets: Mapping[str, Sequence[ReIDDataset]]) -> tuple[list[TargetResult], Group]:
        """The results on every target, and the worst-ranked queries."""
        chosen, results, pictures = self.choices, [], []
        scored = partial(score_trials, distance=chosen.distance, protocol=chosen.protocol)
        drawn = partial(save_ranked_gallery, num_queries=chosen.worst, worst_first=True, title=explanations.GALLERY)
        for number, (name, trials) in enumerate(targets.items(), 1):
            embedding, evaluating = (partial(self.progress, f"{what} {name}") for what in ("embedding", "evaluating"))
            embedded = embed_trials(embedder(self.model), trials, flip=chosen.flip, progress=embedding)
            results.append(scored(embedded, progress=evaluating))
            path = self._path(f"worst_{_slug(number, name)}.png")
            drawn(embedded[0], path, distance=chosen.distance, protocol=chosen.protocol, progress=evaluating)
            pictures.append(Picture(name, path, 940, wide=True))
        return results, Group("Where it fails", explanations.WORST, pictures)

    def inside(self, samples: Mapping[str, Split]) -> Iterator[Group]:
        """Activation maps, t-SNE and gates of a sample of every domain."""
        few = {domain: _one_image_a_person(split, self.choices.images) for domain, split in samples.items()}
        maps = save_activation_maps(self.model, few, self.folder, prefix=f"{self.prefix}_", progress=self.progress)
        pictures = [Picture(f"stage {stage}", path, 440) for stage, path in maps.items()]
        yield Group("Activation maps", explanations.MAPS, pictures)

        features = {
            domain: pooled_features(self.model, split, progress=partial(self.progress, f"stages on {domain}"))
            for domain, split in samples.items()
        }
        told = ", ".join(f"{count(len(split), 'image')} of {domain}" for domain, split in samples.items())
        self.progress("t-SNE", 0, 1)
        identities = {domain: split.identities for domain, split in samples.items()}
        stage, path = self.choices.stage, self._path("tsne.png")
        save_embedding_map(features, identities, path, stage=stage, seed=self.choices.seed)
        self.progress("t-SNE", 1, 1)
        picture = Picture(f"stage {stage} and the embedding", path, 720)
        yield Group("Neighbourhoods (t-SNE)", f"{explanations.TSNE} Drawn of {told}.", [picture])

        if gates := gate_statistics(features):
            health = self._gate_health(samples.values())
            path = save_gate_statistics(gates, self._path("gates.png"), health=health)
            in_json = {stage: {d: of.to_json() for d, of in domains.items()} for stage, domains in gates.items()}
            write_json(path.with_suffix(".json"), in_json)
            write_json(self._path("gate_health.json"), {stage: gate.to_json() for stage, gate in health.items()})
            explanation = f"{explanations.GATES} Drawn of {told}; the numbers are in {path.stem}.json."
            yield Group("What SNR restores", explanation, [Picture("the gate a", path, 720)])

    def _gate_health(self, samples: Iterable[Split]) -> dict[int, GateHealth]:
        """Of each stage with SNR whose gate is trained, on all samples together."""
        height, width = self.model.input_shape[1:3]
        batches = (
            batch
            for sample in samples
            for batch in evaluation_batches(sample, image_size=(height, width), batch_size=BATCH)
        )
        health = gate_health(self.model, batches)
        return {
            stage.number: health[stage.snr.name]
            for stage in stages_of(self.model)
            if stage.snr is not None and stage.snr.trainable_gate
        }

    def _path(self, name: str) -> Path:
        return self.folder / f"{self.prefix}_{name}"


def _say_of(progress: Progress, name: str, what: str, done: int, total: int) -> None:
    progress(f"{name}: {what}", done, total)


def _one_image_a_person(split: Split, number: int) -> Split:
    """One image of each of the first few people."""
    _, first = np.unique(split.identities, return_index=True)
    chosen = sorted(first.tolist())[:number]
    return Split(tuple(split.paths[i] for i in chosen), split.identities[chosen], None)


def _slug(number: int, name: str) -> str:
    """A unique part of a file's name that every system accepts."""
    return f"{number}_{re.sub(r'[^A-Za-z0-9.-]+', '_', name)[-40:].strip('_')}"
