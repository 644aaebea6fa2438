"""The run folder: what a run was started with, and that no run is ever overwritten."""

import hashlib
import json
import os
import platform
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras

from snr_keras.files.atomic import UNFINISHED, new_folder, write_text
from snr_keras.files.forms import read_json
from snr_keras.files.sealed import read_sealed, write_sealed
from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.data.report import printable
from snr_keras.reid.runs.checkpoints import reported_checkpoint
from snr_keras.reid.runs.held_out import number_held_out
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.record import RunRecord, TargetFigures, settings_of
from snr_keras.reid.runs.weights import load_weights, save_weights
from snr_keras.reid.settings.config import Config
from snr_keras.reid.settings.paths import find_run, record_file
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.targets import TargetResult

_PACKAGES = ("snr-reid", "keras", "tensorflow", "numpy")


WEIGHTS = "weights.h5"


def load_run(run_dir: str | os.PathLike[str]) -> tuple[TrainingConfig, keras.Model]:
    """The settings of a run and its model: that of `reported_checkpoint`, or of a packed run its only one.

    Args:
        run_dir: A run folder of `train`, a folder of `pack_run`, or "pretrained", the run that comes with the package.

    Raises:
        FileNotFoundError: If the folder holds no run, or no checkpoint that can be read.
        ValueError: If the record or the weights of the run are damaged, or not those of each other.
    """
    run_dir = find_run(run_dir)
    record = read_record(run_dir)
    config = settings_of(TrainingConfig, record["training"], "training", run_dir)
    if (run_dir / WEIGHTS).is_file():
        return config, _packed_model(run_dir, record, config)
    checkpoint = reported_checkpoint(run_dir)
    if checkpoint is None:
        raise FileNotFoundError(
            f"Expected a checkpoint in {run_dir / 'checkpoints'}: the run has not reached the end of its first epoch, "
            f"or its files are damaged. Received: run_dir={str(run_dir)!r}"
        )
    return config, checkpoint.load(compile=False)


def pack_run(run_dir: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Path:
    """Write a run without what only training needs: the weights of its reported checkpoint, and its record.

    `config.json` has what the run's has (settings, training images, versions of packages), the step of the checkpoint,
    the hash of `weights.h5` and, if the run was tested, its figures by target. `load_run` takes the folder.

    Args:
        run_dir: The run folder.
        folder: The folder to write, which must be absent or empty.

    Returns:
        The folder.

    Raises:
        FileExistsError: If there is something in the folder.
        FileNotFoundError: As `load_run`.
    """
    run_dir, folder = Path(run_dir), Path(folder)
    record: dict[str, Any] = {**read_record(run_dir)}
    checkpoint = reported_checkpoint(run_dir)
    if checkpoint is None:
        raise FileNotFoundError(f"Expected a run with a checkpoint. Received: {str(run_dir)!r}")
    record["weights"] = {"step": checkpoint.state().step}
    if figures := _figures(run_dir):
        record["figures"] = figures
    write_packed(folder, checkpoint.load(compile=False), record)
    return folder


def write_packed(folder: Path, model: keras.Model, record: dict[str, Any], beside: Mapping[str, str] = {}) -> None:
    """Write a packed run, whole or not at all: the weights of a model, and its record with their hash, sealed.

    Args:
        folder: Absent or empty.
        model: The model.
        record: Of `config.json`.
        beside: Text files to write too, by their names.

    Raises:
        FileExistsError: If there is something in the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"A packed run needs a folder of its own, new or empty. Received: {str(folder)!r}")
    with new_folder(folder) as unfinished:
        save_weights(model, unfinished / WEIGHTS)
        for name, text in beside.items():
            write_text(unfinished / name, text)
        weights = {**record.get("weights", {}), "sha256": sha256_of(unfinished / WEIGHTS)}
        write_sealed(unfinished / "config.json", {**record, "weights": weights})


def _packed_model(run_dir: Path, record: RunRecord, config: TrainingConfig) -> keras.Model:
    weights = run_dir / WEIGHTS
    expected = record["weights"]["sha256"] if "weights" in record else "told there"
    if (found := sha256_of(weights)) != expected:
        raise ValueError(
            f"The file {str(weights)!r} is damaged, or another than config.json tells of: its SHA-256 should be "
            f"{expected}. Received: {found}"
        )
    # The backbone's weights are in the file: those it started from need not be found again.
    identities = record["source"]["identities"]
    model = new_model(replace(config, weights=None), identities - number_held_out(identities, config.held_out))
    load_weights(model, weights)
    return model


def _figures(run_dir: Path) -> dict[str, TargetFigures]:
    """mAP, Rank-1 and mINP by target, of the tests that `snr demo` or `snr train` left in a run folder."""
    of_demo, of_train = run_dir / "results.json", run_dir / "evaluation" / "results.json"
    if of_demo.is_file():
        return read_sealed(of_demo, dict[str, TargetFigures])
    if of_train.is_file():
        return {
            result.target: {"mAP": result.mAP, "rank1": result.rank(1), "mINP": result.mINP}
            for result in read_json(of_train, list[TargetResult])
        }
    return {}


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def begin_run(run_dir: Path, record: Mapping[str, Any], *, write: bool = True) -> None:
    """Write `config.json` into a folder that holds no results of a run; one that died before it had any is replaced.

    Args:
        run_dir: The run folder.
        record: What `config.json` is to say, as `describe_run` has it.
        write: Whether to write it, or only to look whether one could: of several workers one writes.

    Raises:
        FileExistsError: If it holds results.
        ValueError: If it is a packed run.
    """
    metrics, checkpoints = run_dir / "metrics.jsonl", run_dir / "checkpoints"
    _refuse_packed(run_dir)
    if (metrics.exists() and metrics.stat().st_size) or (checkpoints.exists() and any(checkpoints.iterdir())):
        raise FileExistsError(
            f"The run folder {run_dir} holds the results of a run already, which are not overwritten. Go on with that "
            "run by `resume=True`, or choose another folder."
        )
    if write:
        run_dir.mkdir(parents=True, exist_ok=True)
        write_sealed(run_dir / "config.json", record)


def resume_run(run_dir: Path, now: Mapping[str, Any], configs: Mapping[str, type[Config]] = {}) -> None:
    """Check that the run in a folder is the one that is meant.

    Other versions of the packages and another number of replicas are warned about: the run goes on, but perhaps not
    bit for bit. So is a checkpoint that was not written to its end: the run goes on from the one before.

    Args:
        run_dir: The run folder.
        now: What a run that began now would be described as by `describe_run`.
        configs: What parts of the record beside `training` are settings, and of which class.

    Raises:
        FileNotFoundError: If the folder holds no run.
        ValueError: If settings or training images differ; the message names them. Also if it is a packed run, or
            `config.json` is damaged.
    """
    _refuse_packed(run_dir)
    begun: dict[str, Any] = {**read_record(run_dir)}
    of_settings: dict[str, type[Config]] = {"training": TrainingConfig, **configs}
    for part, config in of_settings.items():
        if part in begun:
            # settings may have been added since
            begun[part] = settings_of(config, begun[part], part, run_dir).to_json()
    differences = [
        f"{key} was {old!r}, now {new!r}"
        for part in ("training", "source", "adaptation", "target", "initial")
        for key, old, new in unlike(begun.get(part, {}), now.get(part, {}))
        if key != "name"  # the same images may be called otherwise
    ]
    if differences:
        raise ValueError(
            f"The run in {run_dir} was begun differently: {'; '.join(differences)}. Resume it as it was begun, or "
            "choose another folder. (More epochs are another run, too: the learning rate's schedule depends on them.)"
        )
    for package, old, new in unlike(begun["versions"], now["versions"]):
        warnings.warn(f"The run was begun with {package} {old}, now {new}: it may differ in last digits.", stacklevel=3)
    for unfinished in (run_dir / "checkpoints").glob(f"{UNFINISHED}*"):
        warnings.warn(f"{unfinished} was not written to its end: the checkpoint before it is used.", stacklevel=3)
    if (before := begun.get("replicas", 1)) != (replicas := now["replicas"]):
        warnings.warn(
            f"The run was begun on {before} devices, now {replicas}: it may differ in last digits.", stacklevel=3
        )


def _refuse_packed(run_dir: Path) -> None:
    if (run_dir / WEIGHTS).exists():
        raise ValueError(
            f"{run_dir} is a packed run, with weights and without what training needs to go on: choose another folder."
        )


def read_record(run_dir: Path) -> RunRecord:
    """What `config.json` of a run folder says.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it was changed since it was written, or is none of a run.
    """
    return read_sealed(record_file(run_dir), RunRecord)


def describe_run(config: TrainingConfig, source: ReIDDataset, replicas: int = 1) -> dict[str, Any]:
    """What decides a run: settings, images, the number of replicas, and the versions of the packages."""
    return {
        "training": config.to_json(),
        "source": describe_source(source),
        "replicas": replicas,
        "versions": package_versions(),
    }


def describe_source(source: ReIDDataset) -> dict[str, Any]:
    """What a model is trained on: its name and version, numbers, and a hash."""
    return {
        "name": printable(source.name),
        **({"version": source.version} if source.version else {}),
        "images": len(source.train),
        "identities": source.train.num_identities,
        "sha256_of_names_and_identities": hash_of_split(source.train),
    }


def describe_target(target: ReIDDataset) -> dict[str, Any]:
    """What a model is adapted to: as `describe_source`, with cameras in place of the identities, which are not read."""
    images = target.train
    cameras = [] if images.cameras is None else images.cameras.tolist()
    return {
        "name": printable(target.name),
        **({"version": target.version} if target.version else {}),
        "images": len(images),
        "cameras": len(set(cameras)),
        "sha256_of_names_and_cameras": _sha256([[Path(path).name for path in images.paths], cameras]),
    }


def hash_of_split(split: Split) -> str:
    """The SHA-256 of the names of a split's images and of who is on them."""
    return _sha256([[Path(path).name for path in split.paths], split.identities.tolist()])


def _sha256(labelled: Any) -> str:
    return hashlib.sha256(json.dumps(labelled).encode()).hexdigest()


def package_versions() -> dict[str, str]:
    """The versions of Python and of the packages that decide the digits of a run."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree
        return "not installed"


def unlike(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, old value, new value) of every setting that is not the same; None where there is none."""
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from unlike(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key}", before, after
