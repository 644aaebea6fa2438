"""What is worth knowing of a GPU, on JAX and PyTorch, in ten minutes; TensorFlow need not be installed.

    python -m snr_keras.reid.experiments.benchmarks.gpu             # writes gpu.json
    python -m snr_keras.reid.experiments.benchmarks.gpu --small     # small sizes, to try it on a CPU

Every part runs in a process of its own, for a limited time. A part that fails is told at the end, stops no other, and
makes the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from snr_keras.files.atomic import write_json
from snr_keras.reid.settings.benchmarks import MARKET

Row = dict[str, Any]


class Sizes(NamedTuple):
    """How much each part does."""

    kit_seconds: float  # of asking cases, in a fixed random order
    maps: tuple[tuple[int, ...], ...]
    market: tuple[int, int, int]
    images: tuple[int, ...]  # of a batch of the training step
    steps: int  # of a call of `fit`
    repeats: int


FULL = Sizes(25, ((32, 64, 32, 256), (32, 16, 8, 1024), (32, 16, 8, 2048)), MARKET, (64, 256, 128, 3), 8, 31)
SMALL = Sizes(2, ((2, 8, 4, 16),), (50, 300, 64), (8, 32, 32, 3), 1, 2)


class Part(NamedTuple):
    """A part: the backend, its longest time in seconds, and what returns its rows. A row may tell a `problem`."""

    backend: str
    seconds: float
    rows: Callable[[Sizes], list[Row]]


def kit(mode: str, sizes: Sizes) -> list[Row]:
    """As many cases of the conformance kit as there is time for, of numbers: refusals do not depend on the device."""
    from snr_keras.conformance.adapter import KerasAdapter
    from snr_keras.reid.experiments.benchmarks._backend import forget_compiled
    from snr_ref.conformance.catalogue import catalogue
    from snr_ref.conformance.implementation import Implementation
    from snr_ref.conformance.runner import questions, run

    _allow_float64()
    warnings.simplefilter("ignore", RuntimeWarning)  # cases are extreme on purpose
    implementation = Implementation(KerasAdapter(mode))
    asked = [(case, dtype) for case, dtype in questions(implementation, catalogue()) if case.kind != "refusal"]
    by_torch = mode == "compiled"
    if by_torch:  # which is for the layer, and for few shapes
        asked = [(case, dtype) for case, dtype in asked if case.function.startswith("snr")]
    random.Random(0).shuffle(asked)
    end = time.monotonic() + sizes.kit_seconds
    results = []
    for case, dtype in asked:
        if time.monotonic() > end:
            break
        if by_torch:
            forget_compiled()
        results.append(run(implementation, case, dtype))
    rows = []
    for dtype in implementation.dtypes:
        own = [result for result in results if result.dtype == dtype and result.outcome != "not provided"]
        failed = [f"{result.case.name}: {result.why}" for result in own if result.outcome == "failed"]
        row = {"dtype": dtype, "cases": len(own), "of": sum(d == dtype for _, d in asked), "failed": len(failed)}
        rows.append(row | ({"problem": "; ".join(failed)} if failed else {}))
    return rows


def layer(jit_compile: bool, sizes: Sizes) -> list[Row]:
    """Times and ratios of `snr bench layer`, in float32 and bfloat16; milliseconds."""
    from snr_keras.reid.experiments.benchmarks.layer import benchmark_layer

    return [
        {
            "F": "x".join(map(str, row.shape)),
            "dtype": dtype.removeprefix("mixed_"),
            **{name: 1e3 * getattr(row, name) for name in ("snr", "literal", "group_norm")},
            **{name: getattr(row, name) for name in ("of_literal", "of_group_norm")},
        }
        for dtype in ("float32", "mixed_bfloat16")
        for row in benchmark_layer(
            sizes.maps, dtype=dtype, jit_compile=jit_compile, repeats=sizes.repeats, memory=False
        )
    ]


def evaluation(sizes: Sizes) -> list[Row]:
    """Scores from embeddings and re-ranking: seconds, the same with products on the CPU, and the difference."""
    from snr_keras.evaluation import evaluate_embeddings, re_ranking
    from snr_keras.reid.experiments.benchmarks.evaluation import _market

    _allow_float64()
    queries, gallery, labels = _market(*sizes.market)

    def scores() -> list[float]:
        found = evaluate_embeddings(queries, gallery, *labels)
        return [*found.cmc, found.mAP, found.mINP]

    rows = []
    tasks: dict[str, Callable[[], Any]] = {"embeddings": scores, "re_ranking": lambda: re_ranking(queries, gallery)}
    for task, run in tasks.items():
        run()  # what is set up once does not count
        here, seconds = _timed(run)
        with patch("snr_keras.evaluation.products.on_cpu", return_value=True):
            expected, on_cpu = _timed(run)
        difference = float(np.max(np.abs(np.subtract(here, expected))))
        row = {"task": task, "seconds": seconds, "CPU": on_cpu, "of_cpu": seconds / on_cpu, "difference": difference}
        limit = 0 if task == "embeddings" else 1e-5  # scores are exact; re-ranked distances are float32
        rows.append(row | ({} if difference <= limit else {"problem": f"{task} differs from the CPU by {difference}"}))
    return rows


def step(sizes: Sizes) -> list[Row]:
    """A step of `fit` of ResNet-50 without SNR and with it, its loss included, in milliseconds; and SNR's fraction."""
    import keras

    from snr_keras.models import insert_snr

    batch, *image = sizes.images
    x = np.random.default_rng(0).standard_normal((sizes.steps * batch, *image), dtype=np.float32)
    y = np.tile(np.repeat(np.arange(batch // 4), 4), sizes.steps)
    plain, network = (
        keras.applications.ResNet50(weights=None, classes=751, input_shape=tuple(image)) for _ in range(2)
    )
    models = {"without SNR": plain, "with SNR": insert_snr(network)}
    times: dict[str, list[float]] = {name: [] for name in models}
    for model in models.values():
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=batch, shuffle=False, verbose=0)  # what is compiled once does not count
    for _ in range(min(sizes.repeats, 9)):
        for name, model in models.items():
            _, seconds = _timed(partial(model.fit, x, y, batch_size=batch, shuffle=False, verbose=0))
            times[name].append(1e3 * seconds / sizes.steps)
    row: Row = {name: median(found) for name, found in times.items()}
    return [row | {"fraction": 1 - row["without SNR"] / row["with SNR"]}]


PARTS = {
    "the kit on JAX, eager": Part("jax", 60, partial(kit, "eager")),
    "the kit on JAX, compiled": Part("jax", 60, partial(kit, "xla")),
    "the kit on PyTorch, eager": Part("torch", 50, partial(kit, "eager")),
    "the kit on PyTorch, compiled": Part("torch", 60, partial(kit, "compiled")),
    "the layer on JAX": Part("jax", 50, partial(layer, True)),
    "the layer on PyTorch, eager": Part("torch", 30, partial(layer, False)),
    "the layer on PyTorch, compiled": Part("torch", 70, partial(layer, True)),
    "evaluation on JAX": Part("jax", 60, evaluation),
    "evaluation on PyTorch": Part("torch", 50, evaluation),
    "a step of ResNet-50 on JAX": Part("jax", 70, step),
    "a step of ResNet-50 on PyTorch": Part("torch", 40, step),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run all parts; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="file of the results; default: gpu.json")
    parser.add_argument("--small", action="store_true", help="small sizes, to try it on a CPU")
    parser.add_argument("--part", choices=PARTS, help="run only this part, in this process")
    arguments = parser.parse_args(argv)
    if arguments.part:
        write_json(arguments.out, _measured(PARTS[arguments.part], SMALL if arguments.small else FULL))
        return 0
    results, problems = {}, []
    for name, part in PARTS.items():
        print(f"\n{name}", flush=True)
        found = _in_a_process(name, part, arguments.small)
        results[name] = found
        write_json(arguments.out, results)
        print(_told(found))
        told = [row["problem"] for row in found.get("rows", ()) if "problem" in row]
        problems += [f"{name}: {problem}" for problem in (*told, *filter(None, [found.get("failed")]))]
    print(f"\nEverything is in {arguments.out}.", *problems, sep="\n")
    return int(bool(problems))


def _in_a_process(name: str, part: Part, small: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out, log = Path(folder) / "rows.json", Path(folder) / "log.txt"
        command = [sys.executable, "-m", f"{__package__}.gpu", "--part", name, "--out", str(out)]
        command += ["--small"] if small else []
        environment = os.environ | {"KERAS_BACKEND": part.backend}
        with log.open("wb") as file:
            try:
                subprocess.run(command, env=environment, stdout=file, stderr=file, timeout=part.seconds, check=True)
                return json.loads(out.read_text())
            except subprocess.TimeoutExpired:
                failed = f"it took more than {part.seconds} s"
            except subprocess.CalledProcessError as error:
                failed = f"exit status {error.returncode}"
        *_, last = log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
        return {"failed": f"{failed}: {last}"}


def _measured(part: Part, sizes: Sizes) -> dict[str, Any]:
    from snr_keras.reid.experiments.benchmarks._backend import device_name
    from snr_keras.reid.experiments.benchmarks.machine import machine

    start = time.monotonic()
    rows = part.rows(sizes)
    return {"machine": machine(), "device": device_name(), "seconds": time.monotonic() - start, "rows": rows}


def _allow_float64() -> None:
    """On JAX, which computes in float32 otherwise; evaluation needs it on a GPU."""
    if os.environ["KERAS_BACKEND"] == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def _told(found: dict[str, Any]) -> str:
    """The rows as a table, below the machine and the device."""
    if "failed" in found:
        return f"failed: {found['failed']}"
    headings = [name for name in found["rows"][0] if name != "problem"]
    cells = [[_cell(row[name]) for name in headings] for row in found["rows"]]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    table = ["  ".join(map(str.rjust, line, widths)) for line in (headings, *cells)]
    return "\n".join([f"{found['device']}; {found['machine']}; {found['seconds']:.0f} s", *table])


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
