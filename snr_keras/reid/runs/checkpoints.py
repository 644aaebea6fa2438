"""Checkpoints: compiled `.keras` files, written atomically, which also hold the state of the training."""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import ConfigDict, with_config

from snr_keras.files.archives import stored_archive
from snr_keras.files.atomic import UNFINISHED, new_file
from snr_keras.files.forms import parse_json
from snr_keras.files.hdf5 import check_hdf5, expecting

KEPT = 2
"""Checkpoints to keep: the newest and the one before, in case the newest is damaged; the best and the one before."""

_STATE = "training_state.json"
_WEIGHTS = "model.weights.h5"
_BESIDE = "beside.npz"


@with_config(ConfigDict(extra="forbid"))
@dataclass
class TrainingState:
    """The state of a training, besides the variables of model and optimizer.

    Attributes:
        step: Number of finished steps; the next batch is number `step`.
        epoch_sums: Sums of the terms over the finished steps of the current epoch.
        epoch_steps: Number of these steps.
        epoch_seconds: Duration of these steps.
        best_mAP: Best score of `judge` so far.
        best_steps: The steps after which it and the previous best were reached, the best last.
    """

    step: int = 0
    epoch_sums: dict[str, float] = field(default_factory=dict)
    epoch_steps: int = 0
    epoch_seconds: float = 0.0
    best_mAP: float = -1.0  # noqa: N815
    best_steps: list[int] = field(default_factory=list)

    def add(self, terms: Mapping[str, float], seconds: float) -> None:
        """Count one step."""
        self.step += 1
        self.epoch_steps += 1
        self.epoch_seconds += seconds
        for name, term in terms.items():
            self.epoch_sums[name] = self.epoch_sums.get(name, 0.0) + term

    def end_epoch(self, batch_size: int) -> dict[str, Any]:
        """The means over the epoch, its time and speed; the sums restart at zero."""
        means = {name: total / self.epoch_steps for name, total in self.epoch_sums.items()}
        images = self.epoch_steps * batch_size
        record = {
            "losses": {name: mean for name, mean in means.items() if name not in ("gradient_norm", "accuracy")},
            "gradient_norm": means["gradient_norm"],
            "accuracy": means["accuracy"],
            "seconds": self.epoch_seconds,
            "images_per_second": images / self.epoch_seconds,
        }
        self.epoch_sums, self.epoch_steps, self.epoch_seconds = {}, 0, 0.0
        return record

    def judge(self, mAP: float) -> float:
        """Record the score of the model after this step and return it; of equal scores the first is the best."""
        if mAP > self.best_mAP:
            self.best_mAP = mAP
            self.best_steps = [*self.best_steps, self.step][-KEPT:]
        return mAP


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file that is readable."""

    path: Path

    def load(self, *, compile: bool = True) -> keras.Model:
        """The model, with its optimizer if `compile`.

        Raises:
            ValueError: If the complete file does not hold a model.
        """
        with expecting("a checkpoint that Keras can load", self.path):
            return keras.models.load_model(self.path, compile=compile)

    def state(self) -> TrainingState:
        """The state of the training.

        Raises:
            ValueError: If the file does not hold it.
        """
        with zipfile.ZipFile(self.path) as file:
            return parse_json(file.read(_STATE), TrainingState, f"{str(self.path)!r}: {_STATE}")

    def arrays(self) -> dict[str, NDArray]:
        """The arrays saved with the model.

        Raises:
            ValueError: If there are none.
        """
        with expecting(f"a checkpoint with {_BESIDE}", self.path):
            with zipfile.ZipFile(self.path) as file:
                content = file.read(_BESIDE)
            with stored_archive(io.BytesIO(content)), np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return dict(arrays)


def save_checkpoint(
    model: keras.Model, run_dir: Path, state: TrainingState, arrays: Mapping[str, NDArray] | None = None
) -> Path:
    """Write `checkpoints/step-00000123.keras`, then delete all except the newest two and the best two.

    Whenever the process dies, every file of that name is complete.

    Args:
        model: Model, compiled with its optimizer.
        run_dir: Run folder.
        state: State of the training.
        arrays: Other state of the run, by name.

    Returns:
        The path of the file.

    Raises:
        OSError: As for `writing`; the unfinished file is deleted, since the disk may be full of it.
    """
    folder = run_dir / "checkpoints"
    path = _path(folder, state.step)
    with writing(run_dir, state.step), new_file(path) as unfinished:
        model.save(unfinished)
        with zipfile.ZipFile(unfinished, "a") as file:
            file.writestr(_STATE, json.dumps(asdict(state)))
            if arrays:
                with file.open(_BESIDE, "w", force_zip64=True) as member:
                    np.savez(member, **arrays)  # type: ignore[arg-type]
    best = [_path(folder, step) for step in state.best_steps]
    for old in (*_files(folder)[KEPT:], *folder.glob(f"{UNFINISHED}*")):
        if old not in best:
            old.unlink()
    return path


@contextmanager
def writing(run_dir: Path, step: int) -> Iterator[None]:
    """Within this context, a failed write, such as on a full disk, is reported with the last saved step.

    Raises:
        OSError: In place of the errors of Keras, HDF5 and TensorFlow.
    """
    try:
        yield
    except (OSError, RuntimeError, tf.errors.OpError) as error:
        good = newest_checkpoint(run_dir)
        reason = re.sub(r"\{\{.*?\}\} ", "", str(error)).partition("\n")[0]  # TensorFlow's message begins with its node
        raise OSError(
            f"At step {step}, {run_dir} could not be written to ({reason}). The last complete checkpoint: "
            f"{good.path if good else 'none yet'}. Once there is room, train with `resume=True` to continue "
            f"from {'there' if good else 'the beginning'}."
        ) from error


def newest_checkpoint(run_dir: Path) -> Checkpoint | None:
    """The newest readable checkpoint; if newer ones are damaged, a warning names them and the one used."""
    damaged = []
    for path in _files(run_dir / "checkpoints"):
        if damage := _damage(path):
            damaged.append(f"The checkpoint {path} is damaged ({damage}).")
        else:
            if damaged:
                warnings.warn(f"{' '.join(damaged)} Used instead: the one before, {path.name}.", stacklevel=2)
            return Checkpoint(path)
    if damaged:
        warnings.warn(f"{' '.join(damaged)} There is no earlier one.", stacklevel=2)
    return None


def reported_checkpoint(run_dir: Path) -> Checkpoint | None:
    """The checkpoint that represents a run: the best on held-out people, or the newest if none were held out.

    If it is damaged, a warning names it and the one used: the previous best, or the newest.
    """
    newest = newest_checkpoint(run_dir)
    damaged = []
    for step in reversed(newest.state().best_steps if newest else []):
        path = _path(run_dir / "checkpoints", step)
        damage = _damage(path)
        if not damage:
            newest = Checkpoint(path)
            break
        damaged.append(f"The checkpoint {path}, the best on held-out people, is damaged ({damage}).")
    if newest and damaged:
        warnings.warn(f"{' '.join(damaged)} Used instead: {newest.path.name}.", stacklevel=2)
    return newest


def _path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}.keras"


def _files(folder: Path) -> list[Path]:
    """The checkpoints of a folder, newest first."""
    return sorted((p for p in folder.glob("*.keras") if re.fullmatch(r"step-\d{8,}\.keras", p.name)), reverse=True)


def _damage(path: Path) -> str | None:
    """The fault of a file, found by reading all its parts."""
    try:
        _check_parts(path, _STATE)
        Checkpoint(path).state()
    except Exception as error:  # zipfile and h5py may raise anything on a damaged file
        return f"{type(error).__name__}: {error}"
    return None


def load_model_file(path: Path) -> keras.Model:
    """The model in a `.keras` file from elsewhere.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, refers to other files, or Keras cannot load it.
    """
    with expecting("a model in a .keras file", path):
        _check_parts(path)
        return keras.models.load_model(path, compile=False)


def _check_parts(path: Path, *more: str) -> None:
    with stored_archive(path) as archive:
        if missing := {"config.json", _WEIGHTS, *more} - set(archive.namelist()):
            raise ValueError(f"without {sorted(missing)}")
        check_hdf5(io.BytesIO(archive.read(_WEIGHTS)))
