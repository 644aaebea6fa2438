"""The run folder: what a run was started with, and that no run is ever overwritten."""

import hashlib
import json
import os
import platform
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from snr_keras.data.dataset import ReIDDataset
from snr_keras.training.checkpoints import newest_checkpoint
from snr_keras.training.config import TrainingConfig
from snr_keras.training.logs import write_atomically

_PACKAGES = ("snr-reid", "keras", "tensorflow", "numpy")


def load_run(run_dir: str | os.PathLike[str]) -> tuple[TrainingConfig, keras.Model]:
    """The settings of a run and the model of its newest readable checkpoint.

    Raises:
        FileNotFoundError: If the folder holds no run, or no checkpoint that can be read.
    """
    run_dir = Path(run_dir)
    config = TrainingConfig.from_json(_read(run_dir)["training"])
    checkpoint = newest_checkpoint(run_dir)
    if checkpoint is None:
        raise FileNotFoundError(
            f"Expected a checkpoint in {run_dir / 'checkpoints'}: the run has not reached the end of its first epoch, "
            f"or its files are damaged. Received: run_dir={str(run_dir)!r}"
        )
    return config, checkpoint.load(compile=False)


def begin_run(run_dir: Path, config: TrainingConfig, source: ReIDDataset) -> None:
    """Write `config.json` into a folder that holds no results of a run; one that died before it had any is replaced.

    Raises:
        FileExistsError: If it holds results.
        NotADirectoryError: If it is a file.
    """
    if run_dir.exists() and not run_dir.is_dir():
        raise NotADirectoryError(f"A run needs a folder of its own. Received a file: {str(run_dir)!r}")
    metrics, checkpoints = run_dir / "metrics.jsonl", run_dir / "checkpoints"
    if (metrics.exists() and metrics.stat().st_size) or (checkpoints.exists() and any(checkpoints.iterdir())):
        raise FileExistsError(
            f"The run folder {run_dir} holds the results of a run already, which are not overwritten. Go on with that "
            "run by resume=True (--resume), or choose another folder."
        )
    run_dir.mkdir(parents=True, exist_ok=True)
    write_atomically(run_dir / "config.json", json.dumps(_describe(config, source), indent=2) + "\n")


def resume_run(run_dir: Path, config: TrainingConfig, source: ReIDDataset) -> None:
    """Check that the run in a folder is the one that is meant.

    Other versions of the packages are warned about: the run goes on, but perhaps not bit for bit.

    Raises:
        FileNotFoundError: If the folder holds no run.
        ValueError: If settings or training images differ; the message names them.
    """
    begun, now = _read(run_dir), _describe(config, source)
    begun["training"] = TrainingConfig.from_json(begun["training"]).to_json()  # settings may have been added since
    differences = [
        f"{key} was {old!r}, now {new!r}"
        for part in ("training", "source")
        for key, old, new in _differences(begun[part], now[part])
        if (part, key) != ("source", "name")  # the same images may be called otherwise
    ]
    if differences:
        raise ValueError(
            f"The run in {run_dir} was begun differently: {'; '.join(differences)}. Resume it as it was begun, or "
            "choose another folder. (More epochs are another run, too: the learning rate's schedule depends on them.)"
        )
    for package, old, new in _differences(begun["versions"], now["versions"]):
        warnings.warn(f"The run was begun with {package} {old}, now {new}: it may differ in last digits.", stacklevel=3)


def _read(run_dir: Path) -> dict[str, Any]:
    path = run_dir / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"Expected a run folder, with a config.json. Received: {str(run_dir)!r}")
    return json.loads(path.read_text(encoding="utf-8"))


def _describe(config: TrainingConfig, source: ReIDDataset) -> dict[str, Any]:
    names = [Path(path).name for path in source.train.paths]
    labelled = json.dumps([names, source.train.identities.tolist()])
    return {
        "training": config.to_json(),
        "source": {
            "name": source.name,
            **({"version": source.version} if source.version else {}),
            "images": len(names),
            "identities": len(np.unique(source.train.identities)),
            "sha256_of_names_and_identities": hashlib.sha256(labelled.encode()).hexdigest(),
        },
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree
        return "not installed"


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key}", before, after
