"""What a run leaves to look at: `metrics.jsonl`, and the same numbers for TensorBoard."""

import errno
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from snr_keras.files.atomic import write_json, write_text
from snr_keras.training.checkpoints import writing

Record = dict[str, Any]

# What `tf.summary.scalar` writes; that function itself needs TensorBoard installed, which only looking does.
_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"), data_class="DATA_CLASS_SCALAR"
)


class MetricsLog:
    """Appends records to `metrics.jsonl` and their numbers to `tensorboard/`; a context manager.

    Each line is one JSON object, written with one system call. Lines after `up_to_step`, left by a run that died after
    its last checkpoint, are dropped, and TensorBoard's files made anew, so that nothing is in them twice.

    Args:
        run_dir: The run folder.
        up_to_step: The step the run stands at.

    Raises:
        OSError: As `writing`, here and when a record is added.
    """

    def __init__(self, run_dir: Path, *, up_to_step: int) -> None:
        self._path = run_dir / "metrics.jsonl"
        self._records = [r for r in read_metrics(run_dir) if r["step"] <= up_to_step]
        with writing(run_dir, up_to_step):
            write_text(self._path, "".join(map(_line, self._records)))
            shutil.rmtree(run_dir / "tensorboard", ignore_errors=True)
            self._tensorboard = tf.summary.create_file_writer(str(run_dir / "tensorboard"))
            for record in self._records:
                self._draw(record)

    def append(self, record: Record) -> None:
        """Add the record of an epoch."""
        line = _line(record).encode()
        with writing(self._path.parent, record["step"]):
            with open(self._path, "ab", buffering=0) as file:
                if file.write(line) < len(line):  # a disk that gets full takes a part and says nothing
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            self._records.append(record)
            self._draw(record)

    def summarize(self, *, parameters: int, batch_size: int) -> None:
        """Write `summary.json`, for a run that has done all its epochs."""
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
    """`gpu_memory`, the most bytes that were in use on any one GPU since the last call; nothing where there is none."""
    peaks = []
    for gpu in tf.config.list_logical_devices("GPU"):
        name = gpu.name.removeprefix("/device:")
        peaks.append(tf.config.experimental.get_memory_info(name)["peak"])
        tf.config.experimental.reset_memory_stats(name)
    return {"gpu_memory": max(peaks)} if peaks else {}


def read_metrics(run_dir: Path) -> list[Record]:
    """The records of `metrics.jsonl`, none if it does not exist; a line that was cut off is reported and left out."""
    path = run_dir / "metrics.jsonl"
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            warnings.warn(f"{path}, line {number} is not JSON ({error}) and left out.", stacklevel=2)
    return records


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"
