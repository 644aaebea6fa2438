"""The logs of a run: `metrics.jsonl`, and the same numbers for TensorBoard."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any, Required, Self

import tensorflow as tf
from pydantic import ConfigDict, FiniteFloat, with_config
from typing_extensions import TypedDict  # pydantic does not accept Python's own before 3.12

from snr_keras.files.atomic import append_line, write_json, write_text
from snr_keras.files.forms import parse_json
from snr_keras.files.regular import read_bytes
from snr_keras.reid.runs.checkpoints import writing

Record = dict[str, Any]
"""An epoch as the loop makes it, in the form of an `Epoch`."""


@with_config(ConfigDict(extra="forbid"))
class Epoch(TypedDict, total=False):
    """A line of `metrics.jsonl`: means over the steps of an epoch. With loss scaling a gradient may be infinite."""

    epoch: Required[int]
    step: Required[int]
    learning_rate: Required[FiniteFloat]
    skipped_updates: Required[int]
    losses: Required[dict[str, FiniteFloat]]
    gradient_norm: Required[float]
    accuracy: Required[FiniteFloat]
    seconds: Required[FiniteFloat]
    images_per_second: Required[FiniteFloat]
    gpu_memory: int
    held_out_mAP: FiniteFloat
    threshold: FiniteFloat
    multilabel_entropy: FiniteFloat
    positives: FiniteFloat
    negatives: FiniteFloat
    true_positive_rate: FiniteFloat


# The format of `tf.summary.scalar`, which itself would need TensorBoard to be installed.
_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"), data_class="DATA_CLASS_SCALAR"
)


class MetricsLog:
    """A context manager that appends records to `metrics.jsonl` and their numbers to `tensorboard/`.

    Each line is one JSON object, written completely or not at all. Lines after `up_to_step`, left by a run that died
    after its last checkpoint, are dropped, and TensorBoard's files are rewritten, so that nothing is in them twice.

    Args:
        run_dir: Run folder.
        up_to_step: Current step of the run.

    Raises:
        OSError: As for `writing`, here and when a record is added.
    """

    def __init__(self, run_dir: Path, *, up_to_step: int) -> None:
        self._path = run_dir / "metrics.jsonl"
        self._records = [r for r in read_metrics(run_dir) if r["step"] <= up_to_step]
        with writing(run_dir, up_to_step):
            write_text(self._path, "".join(f"{json.dumps(record)}\n" for record in self._records))
            shutil.rmtree(run_dir / "tensorboard", ignore_errors=True)
            self._tensorboard = tf.summary.create_file_writer(str(run_dir / "tensorboard"))
            for record in self._records:
                self._draw(record)

    def append(self, record: Record) -> None:
        """Add the record of an epoch."""
        with writing(self._path.parent, record["step"]):
            append_line(self._path, json.dumps(record))
            self._records.append(record)
            self._draw(record)

    def summarize(self, *, parameters: int, batch_size: int) -> None:
        """Write `summary.json`, for a run that has finished all its epochs."""
        if not self._records:  # metrics.jsonl of a finished run was removed
            return
        last = self._records[-1]
        seconds = sum(record["seconds"] for record in self._records)
        summary = {
            "epochs": last["epoch"],
            "steps": last["step"],
            "parameters": parameters,
            "skipped_updates": last["skipped_updates"],
            "seconds": seconds,
            "images_per_second": last["step"] * batch_size / seconds,
            "losses": last["losses"],
            "accuracy": last["accuracy"],
        }
        if "held_out_mAP" in last:
            best = max(self._records, key=lambda record: record["held_out_mAP"])
            summary |= {"best_epoch": best["epoch"], "held_out_mAP": best["held_out_mAP"]}
        write_json(self._path.with_name("summary.json"), summary)

    def _draw(self, record: Record) -> None:
        scalars = {name: value for name, value in record.items() if name not in ("losses", "step")}
        scalars |= {f"losses/{name}": value for name, value in record["losses"].items()}
        with self._tensorboard.as_default(step=record["step"]):
            for name, value in scalars.items():
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=_SCALAR)
        self._tensorboard.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._tensorboard.close()


def gpu_memory() -> dict[str, int]:
    """`gpu_memory`, the most bytes in use on any one GPU since the last call; nothing without a GPU."""
    peaks = []
    for gpu in tf.config.list_logical_devices("GPU"):
        name = gpu.name.removeprefix("/device:")
        peaks.append(tf.config.experimental.get_memory_info(name)["peak"])
        tf.config.experimental.reset_memory_stats(name)
    return {"gpu_memory": max(peaks)} if peaks else {}


def read_metrics(run_dir: Path) -> list[Record]:
    """The records of `metrics.jsonl`; none if it does not exist or no epoch has finished.

    An incomplete last line, left by a process that died, is reported and left out.

    Raises:
        ValueError: If another line is damaged; the message names the file, the line and what was expected.
    """
    path = run_dir / "metrics.jsonl"
    if not path.exists():
        return []
    records = []
    text = read_bytes(path)
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(dict(parse_json(line, Epoch, f"{str(path)!r}, line {number}")))
        except ValueError as error:
            if number < len(lines):
                raise ValueError(f"{error}. Correct the line, or delete it") from None
            warnings.warn(f"The last line is incomplete and is left out: {error}", stacklevel=2)
    return records
