"""Times of the layer and of the evaluation, kept for each commit, and what has moved: `tox -e benchmark`.

    python -m tests.benchmark

Only ratios are kept: the time of `snr_keras` over that of a baseline in the same run, so that other work on the machine
slows both. Each is measured by several processes. It has moved if its range over them lies apart from its range at the
last other commit that was measured on this machine. The exit status is 1 if something has become slower. What is
measured with changes that are not committed is compared and not kept.
"""

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from snr_keras.files.atomic import write_json
from snr_keras.reid.experiments.benchmarks import benchmark_evaluation, benchmark_layer
from snr_keras.reid.experiments.benchmarks.machine import machine

ROOT = Path(__file__).parents[1]
HISTORY = ROOT / "docs" / "data" / "benchmarks.json"
PROCESSES = 7

Ranges = dict[str, list[float]]


def measured() -> list[dict[str, float]]:
    """The ratios, by one process after the other."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.map(ratios, range(PROCESSES), chunksize=1)


def ratios(_process: int) -> dict[str, float]:
    """The ratios, measured once: of the layer on small maps, where the cost of a call counts, and of the evaluation."""
    found = {}
    for row in benchmark_layer([(8, 16, 8, 64), (8, 8, 4, 256)], repeats=49, memory=False):
        shape = "x".join(map(str, row.shape))
        found |= {f"SNR / literal, {shape}": row.of_literal, f"SNR / GN, {shape}": row.of_group_norm}
    rows = benchmark_evaluation(300, 2000, 256, baselines=False, repeats=5)
    ours = {row.task: row.seconds for row in rows if row.name == "snr_keras"}
    others = [row for row in rows if row.name != "snr_keras"]
    return found | {f"{row.task} / {row.name}": ours[row.task] / row.seconds for row in others}


def main(history: Path = HISTORY, measure: Callable[[], list[dict[str, float]]] = measured) -> int:
    """Measure, compare, keep; the exit status."""
    here, commit = machine(), _git("rev-parse", "--short", "HEAD")
    now = ranges(measure())
    entries: list[dict[str, Any]] = json.loads(history.read_text()) if history.exists() else []
    others = [entry for entry in entries if (entry["machine"], entry["commit"]) != (here, commit)]
    last = next((entry for entry in reversed(others) if entry["machine"] == here), {"commit": "nothing", "ratios": {}})
    print(f"{here}\n{commit}, compared with {last['commit']}: median (lowest to highest of {PROCESSES} processes)\n")
    print(table(last["ratios"], now))
    if _git("status", "--porcelain", "--", ".", f":!{HISTORY.relative_to(ROOT)}"):
        print("\nNot kept, since the working tree has changes that are not committed.")
    else:
        date = datetime.now(UTC).date().isoformat()
        write_json(history, [*others, {"commit": commit, "date": date, "machine": here, "ratios": now}])
    return int(any(moved(last["ratios"], now, name) == "slower" for name in now))


def ranges(measured: list[dict[str, float]]) -> Ranges:
    """The lowest, the median and the highest of each ratio."""
    columns = {name: [each[name] for each in measured] for name in measured[0]}
    return {name: [min(column), median(column), max(column)] for name, column in columns.items()}


def moved(before: Ranges, now: Ranges, name: str) -> str:
    """Whether a ratio is "slower" or "faster" than it was; empty if the ranges meet or there was none."""
    if name not in before:
        return ""
    (low, _, high), (now_low, _, now_high) = before[name], now[name]
    return "slower" if now_low > high else "faster" if now_high < low else ""


def table(before: Ranges, now: Ranges) -> str:
    """A line for each ratio."""

    def told(ranges: Ranges, name: str) -> str:
        return "{1:.2f} ({0:.2f} to {2:.2f})".format(*ranges[name]) if name in ranges else "-"

    lines = [("", "before", "now", ""), *((n, told(before, n), told(now, n), moved(before, now, n)) for n in now)]
    return "\n".join(f"{name:<31} {was:<22} {found:<22} {how}".rstrip() for name, was, found, how in lines)


def _git(*arguments: str) -> str:
    return subprocess.run(("git", *arguments), cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
