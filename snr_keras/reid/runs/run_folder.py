"""The run folder: the record of how a run was started; no run is ever overwritten."""

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
    """The settings of a run and its model: that of `reported_checkpoint`, or the only one of a packed run.

    Args:
        run_dir: Run folder of `train`, folder of `pack_run`, or "pretrained", the run in the package.

    Raises:
        FileNotFoundError: If the folder holds no run, or no readable checkpoint.
        ValueError: If the record or the weights of the run are damaged, or do not belong together.
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
    """Write a run without the files that only training needs: the weights of its reported checkpoint, and its record.

    `config.json` has the content of the run's (settings, training images, versions of packages), the step of the
    checkpoint, the hash of `weights.h5` and, if the run was tested, its scores by target. `load_run` reads the folder.

    Args:
        run_dir: Run folder.
        folder: Folder to write, which must be absent or empty.

    Returns:
        The folder.

    Raises:
        FileExistsError: If there is something in the folder.
        FileNotFoundError: As for `load_run`.
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


def write_packed(folder: Path, model: keras.Model, record: dict[str, Any], texts: Mapping[str, str] = {}) -> None:
    """Write a packed run atomically: the weights of a model, and its record with their hash, sealed.

    Args:
        folder: Folder to write, which must be absent or empty.
        model: Model whose weights to write.
        record: Content of `config.json`.
        texts: Other text files to write, by their names.

    Raises:
        FileExistsError: If there is something in the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"A packed run needs a folder of its own, new or empty. Received: {str(folder)!r}")
    with new_folder(folder) as unfinished:
        save_weights(model, unfinished / WEIGHTS)
        for name, text in texts.items():
            write_text(unfinished / name, text)
        weights = {**record.get("weights", {}), "sha256": sha256_of(unfinished / WEIGHTS)}
        write_sealed(unfinished / "config.json", {**record, "weights": weights})


def _packed_model(run_dir: Path, record: RunRecord, config: TrainingConfig) -> keras.Model:
    weights = run_dir / WEIGHTS
    expected = record["weights"]["sha256"] if "weights" in record else "told there"
    if (found := sha256_of(weights)) != expected:
        raise ValueError(
            f"The file {str(weights)!r} is damaged, or not the one that config.json names: its SHA-256 should be "
            f"{expected}. Received: {found}"
        )
    # The backbone's weights are in the file, so its initial weights are not needed.
    identities = record["source"]["identities"]
    model = new_model(replace(config, weights=None), identities - number_held_out(identities, config.held_out))
    load_weights(model, weights)
    return model


def _figures(run_dir: Path) -> dict[str, TargetFigures]:
    """mAP, Rank-1 and mINP by target, from the tests that `snr demo` or `snr train` left in a run folder."""
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
    """Write `config.json` to a folder without results of a run; the record of a run that died before any is replaced.

    Args:
        run_dir: Run folder.
        record: Content of `config.json`, as from `describe_run`.
        write: Whether to write it, or only check: of several workers one writes.

    Raises:
        FileExistsError: If it holds results.
        ValueError: If it is a packed run.
    """
    metrics, checkpoints = run_dir / "metrics.jsonl", run_dir / "checkpoints"
    _refuse_packed(run_dir)
    if (metrics.exists() and metrics.stat().st_size) or (checkpoints.exists() and any(checkpoints.iterdir())):
        raise FileExistsError(
            f"The run folder {run_dir} already holds the results of a run, which are not overwritten. Continue that "
            "run by `resume=True`, or choose another folder."
        )
    if write:
        run_dir.mkdir(parents=True, exist_ok=True)
        write_sealed(run_dir / "config.json", record)


def resume_run(run_dir: Path, now: Mapping[str, Any], configs: Mapping[str, type[Config]] = {}) -> None:
    """Check that the run in a folder is the requested one.

    Other versions of the packages and another number of replicas give a warning: the run continues, but perhaps not bit
    for bit. So does an incomplete checkpoint: the run continues from the one before.

    Args:
        run_dir: Run folder.
        now: Description of the requested run, as from `describe_run`.
        configs: Class of each part of the record that is settings, besides `training`.

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
            # newer versions may have added settings
            begun[part] = settings_of(config, begun[part], part, run_dir).to_json()
    differences = [
        f"{key} was {old!r}, now {new!r}"
        for part in ("training", "source", "adaptation", "target", "initial")
        for key, old, new in unlike(begun.get(part, {}), now.get(part, {}))
        if key != "name"  # the same images may have another name
    ]
    if differences:
        raise ValueError(
            f"The run in {run_dir} was started differently: {'; '.join(differences)}. Resume it as it was started, or "
            "choose another folder. (A different number of epochs, too, is another run: the schedule depends on it.)"
        )
    for package, old, new in unlike(begun["versions"], now["versions"]):
        warnings.warn(f"The run was started with {package} {old}, now {new}: last digits may differ.", stacklevel=3)
    for unfinished in (run_dir / "checkpoints").glob(f"{UNFINISHED}*"):
        warnings.warn(f"{unfinished} is incomplete: the checkpoint before it is used.", stacklevel=3)
    if (before := begun.get("replicas", 1)) != (replicas := now["replicas"]):
        warnings.warn(f"The run was started on {before} devices, now {replicas}: last digits may differ.", stacklevel=3)


def _refuse_packed(run_dir: Path) -> None:
    if (run_dir / WEIGHTS).exists():
        raise ValueError(
            f"{run_dir} is a packed run, without the files needed to continue training: choose another folder."
        )


def read_record(run_dir: Path) -> RunRecord:
    """The content of `config.json` in a run folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it was changed after it was written, or is not the record of a run.
    """
    return read_sealed(record_file(run_dir), RunRecord)


def describe_run(config: TrainingConfig, source: ReIDDataset, replicas: int = 1) -> dict[str, Any]:
    """The description of a run: settings, images, the number of replicas, and the versions of the packages."""
    return {
        "training": config.explicit().to_json(),
        "source": describe_source(source),
        "replicas": replicas,
        "versions": package_versions(),
    }


def describe_source(source: ReIDDataset) -> dict[str, Any]:
    """The description of training data: its name and version, numbers, and a hash."""
    return {
        "name": printable(source.name),
        **({"version": source.version} if source.version else {}),
        "images": len(source.train),
        "identities": source.train.num_identities,
        "sha256_of_names_and_identities": hash_of_split(source.train),
    }


def describe_target(target: ReIDDataset) -> dict[str, Any]:
    """The description of adaptation data: as `describe_source`, with cameras in place of identities (never read)."""
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
    """The SHA-256 of the names and labels of a split's images."""
    return _sha256([[Path(path).name for path in split.paths], split.identities.tolist()])


def _sha256(labelled: Any) -> str:
    return hashlib.sha256(json.dumps(labelled).encode()).hexdigest()


def package_versions() -> dict[str, str]:
    """The versions of Python and of the packages that affect the digits of a run."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree
        return "not installed"


def unlike(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, old value, new value) of every setting that differs; None for a missing one."""
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from unlike(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key}", before, after
