"""The machine that a benchmark ran on, and a file of its results on many machines."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from snr_keras.files.atomic import write_json
from snr_keras.files.regular import read_bytes


def machine() -> str:
    """Processor, number of cores that this process may use, and versions: "AMD EPYC, 2 cores, keras 3.15.1, ..."."""
    backend = keras.backend.backend()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = f"keras {keras.__version__}, {backend} {version(backend)}, numpy {np.__version__}"
    return f"{_processor()}, {cores} cores, {versions}"


def add_result(path: Path, rows: list[dict[str, Any]]) -> None:
    """Add rows that were measured on this machine to a JSON file of results.

    They replace the machine's rows of the same `shape`, `dtype` and `jit_compile`.

    Args:
        path: Path of the file: a list of objects with `machine` and `rows`. It is made if it does not exist.
        rows: Rows of the benchmark.

    Raises:
        ValueError: If the file has another form.
        OSError: If it cannot be read or written.
    """
    new = [_kind(row) for row in rows]
    try:
        results = json.loads(read_bytes(path)) if path.exists() else []
        rows_of = {result["machine"]: result["rows"] for result in results}
        others = [row for row in rows_of.get(machine(), []) if _kind(row) not in new]
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError(
            f"Expected a list of results with their machines. Received: {str(path)!r} ({error})"
        ) from error
    rows_of[machine()] = [*others, *rows]
    write_json(path, [{"machine": name, "rows": measured} for name, measured in rows_of.items()])


def _kind(row: dict[str, Any]) -> tuple[Any, ...]:
    return list(row["shape"]), row["dtype"], row["jit_compile"]


def _processor() -> str:
    """The name that Linux gives the processor, or what Python knows of it elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
