"""The adaptation loop."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from snr_keras.keras_config import check_tensorflow, own_configuration
from snr_keras.losses import MinedPairs
from snr_keras.reid.adaptation.state import RunningState
from snr_keras.reid.adaptation.step import make_adaptation_step, make_optimizer
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.pipeline import steps_per_epoch, training_batches
from snr_keras.reid.data.report import printable
from snr_keras.reid.data.unlabeled import check_unlabeled, unlabeled, unlabeled_batches
from snr_keras.reid.runs.checkpoints import newest_checkpoint
from snr_keras.reid.runs.distribution import Workers
from snr_keras.reid.runs.held_out import hold_out
from snr_keras.reid.runs.lock import locked_folder
from snr_keras.reid.runs.logs import Record
from snr_keras.reid.runs.progress import Progress
from snr_keras.reid.runs.run_folder import (
    begin_run,
    describe_run,
    describe_source,
    describe_target,
    find_run,
    load_run,
    read_record,
    resume_run,
)
from snr_keras.reid.runs.run_loop import Length, newest_or_new, run_steps
from snr_keras.reid.runs.weights import weights_hash
from snr_keras.reid.settings.adaptation import AdaptationConfig

_NO_LOSSES = ("threshold", "multilabel_entropy", "positives", "negatives", "true_positives")


@own_configuration()
def adapt(
    config: AdaptationConfig,
    initial: str | os.PathLike[str],
    source: ReIDDataset,
    target: ReIDDataset,
    run_dir: str | os.PathLike[str],
    *,
    resume: bool = False,
    progress: Progress | None = None,
    watched: NDArray | None = None,
) -> keras.Model:
    """Adapt the model of a run to a target domain with images and camera labels but no identities.

    The run folder is like that of `train` and serves wherever a run is expected. A line of `metrics.jsonl` also has
    these means over the epoch: `threshold`, `multilabel_entropy` (in nats), `positives` and `negatives` (mined pairs
    per step), and, if identities are watched, `true_positive_rate`, of the positives in epochs that have any. Ctrl-C,
    bitwise resuming and determinism are as for `train`.

    Args:
        config: Settings of the adaptation.
        initial: Run to start from, as `load_run` takes it.
        source: Training data of that run; the people of its `train` split are the reference agents.
        target: Data to adapt to, its `train` split. Its identities are not read.
        run_dir: Run folder to write.
        resume: Whether to continue the run in `run_dir`.
        progress: Function called after every step, as for `train`. With it, a bar on standard error also shows the
            embedding of the target images before the first step.
        watched: Identities of the target's training images, (M,), used for `true_positive_rate` only.

    Returns:
        The adapted model, a `reid_model`.

    Raises:
        FileExistsError: If the folder holds results of a run, and `resume` is False.
        FileNotFoundError: If `initial` is not a run, or the folder holds no run and `resume` is True.
        ValueError: If the source is not the training data of the initial run, that run has another reading of the dual
            causality loss, the target has no camera labels, no
            camera with two images or too few images, settings or images differ from those of the run to resume, or
            Keras runs on a backend other than TensorFlow.
        NonFiniteLossError: If the loss becomes NaN or infinite.
        TrainingInterrupted: After Ctrl-C or SIGTERM.
        LockedError: If another process writes to the folder.
    """
    check_tensorflow("Adaptation runs")
    run_dir = Path(run_dir)
    network, model = load_run(initial)
    if network.snr_reading != "specified":
        raise ValueError(
            "An adaptation computes the dual causality loss as specified, and cannot go on from a run that read it "
            f"otherwise. Received: snr_reading={network.snr_reading!r} in {str(initial)!r}"
        )
    check_source(initial, source)
    images = unlabeled(target.train)
    check_unlabeled(images, config.target_batch_size)
    known, _ = hold_out(source, network)
    sampling: dict[str, Any] = {
        "identities_per_batch": config.identities_per_batch,
        "images_per_identity": config.images_per_identity,
    }
    length = Length(config.epochs, steps_per_epoch(known, **sampling), config.batch_size)
    record = describe_run(network, source) | {
        "adaptation": config.to_json(),
        "target": describe_target(target),
        "initial": {"name": printable(str(initial)), "weights": weights_hash(model)},
    }
    with locked_folder(run_dir):
        if resume:
            resume_run(run_dir, record, {"adaptation": AdaptationConfig})
        else:
            begin_run(run_dir, record)
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(config.seed)
        optimizer = make_optimizer(config, length.epoch_steps, loss_scaling=network.mixed_precision == "mixed_float16")
        model, state = newest_or_new(run_dir, optimizer, lambda: model)
        streams: dict[str, Any] = {
            "image_size": network.image_size,
            "seed": config.seed,
            "augmentation": config.augmentation,
            "start_step": state.step,
            "stop_step": length.steps,
        }
        of_target = unlabeled_batches(images, batch_size=config.target_batch_size, **streams)
        batches = zip(training_batches(known, **sampling, **streams), of_target, strict=True)
        checkpoint = newest_checkpoint(run_dir)
        if checkpoint:
            running = RunningState(checkpoint.arrays())
        else:
            with progress_bar(f"embedding {target.name}") if progress else nullcontext() as embedded:
                running = RunningState.begin(model, images, config, embedded)
        adaptation_step = make_adaptation_step(model, running, config, network)

        def step() -> Mapping[str, float]:
            of_source, of_target = next(batches)
            terms, mined = adaptation_step(*of_source, *of_target, mining=state.step >= length.epoch_steps)
            return {name: float(term) for name, term in terms.items()} | true_positives(mined, watched)

        run_steps(
            step,
            model,
            state,
            run_dir,
            length,
            workers=Workers(tf.distribute.get_strategy()),
            progress=progress,
            finish_record=apart,
            arrays=running.arrays,
        )
    return model


def check_source(initial: str | os.PathLike[str], source: ReIDDataset) -> None:
    """Raise a ValueError unless a source matches the record of a run in everything that the record states about it.

    The rows of the classifier represent its people by position, so another source would be mistaken for them.
    """
    trained_on: dict[str, Any] = {**read_record(find_run(initial))["source"]}
    found = describe_source(source)
    common = (trained_on.keys() & found.keys()) - {"name", "version"}
    if differences := [
        f"{key} {trained_on[key]!r}, now {found[key]!r}" for key in sorted(common) if trained_on[key] != found[key]
    ]:
        raise ValueError(
            f"The source must be the training data of the run {initial}, {trained_on.get('name')!r}: its people are "
            f"the reference of the adaptation. Received: {source.name!r}; the run has {'; '.join(differences)}"
        )


def true_positives(mined: MinedPairs, identities: NDArray | None) -> dict[str, float]:
    """The number of positives that show one person, if identities are watched."""
    if identities is None:
        return {}
    same = np.equal(*identities[mined.pairs.numpy()].T)
    return {"true_positives": float(np.sum(same & mined.positive.numpy()))}


def apart(record: Record) -> Record:
    """The line of an epoch, with everything that is not a loss separate from the losses."""
    losses = dict(record["losses"])
    others = {name: losses.pop(name) for name in _NO_LOSSES if name in losses}
    true_positives = others.pop("true_positives", None)
    if true_positives is not None and others["positives"]:
        others["true_positive_rate"] = true_positives / others["positives"]
    return {**record, "losses": losses, **others}
