"""Where the time of a step of the layer above the floor goes, on TensorFlow and Linux.

    python docs/floor.py    # writes docs/data/floor.json, for docs/generate.py

Each row is a process of its own: as usual, on one core, with glibc told to keep freed memory, or to ask for huge pages.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

DATA = Path(__file__).parent / "data" / "floor.json"
SHAPE = (32, 64, 32, 256)
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184", "MALLOC_ARENA_MAX": "1"}
ROWS: dict[str, tuple[dict[str, str], list[str]]] = {
    "as usual": ({}, []),
    "on one core": ({}, ["taskset", "-c", "0"]),
    "memory kept": (KEPT, []),
    "huge pages": ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}, []),
}
REPEATS = 15


def measure() -> dict[str, float]:
    """In this process: milliseconds of a step, of both cores in the program and in the kernel, the floor, new pages."""
    from snr_keras.reid.experiments.benchmarks._backend import accumulator, synchronize
    from snr_keras.reid.experiments.benchmarks.layer import _ONE_WAY_PASSES, _contestants, _random, _step

    step = _step(*_contestants(SHAPE, "float32")["snr"], SHAPE, "graph")
    accumulate = accumulator(_random(SHAPE, "float32"))

    def wall(run: Callable[[], Any]) -> float:
        start = time.perf_counter()
        synchronize(run())
        return 1e3 * (time.perf_counter() - start)

    for run in (step, step, accumulate, accumulate):
        wall(run)
    before = resource.getrusage(resource.RUSAGE_SELF)
    steps = [wall(step) for _ in range(REPEATS)]
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = {
        name: (getattr(after, name) - getattr(before, name)) / REPEATS for name in ("ru_utime", "ru_stime", "ru_minflt")
    }
    return {
        "step": median(steps),
        "floor": median(wall(accumulate) for _ in range(REPEATS)) * _ONE_WAY_PASSES / 3,
        "program": 1e3 * used["ru_utime"],
        "kernel": 1e3 * used["ru_stime"],
        "new_maps": used["ru_minflt"] * resource.getpagesize() / (4 * prod(SHAPE)),
    }


def main() -> None:
    """Measure every row."""
    found = {}
    for name, (variables, prefix) in ROWS.items():
        environment = os.environ | variables | {"KERAS_BACKEND": "tensorflow"}
        done = subprocess.run(
            [*prefix, sys.executable, __file__, "--row"], env=environment, check=True, text=True, stdout=subprocess.PIPE
        )
        found[name] = json.loads(done.stdout.splitlines()[-1])
        DATA.write_text(f"{json.dumps(found, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    if "--row" in sys.argv:
        print(json.dumps(measure()))
    else:
        main()
