"""The errors of every framework, measured by the kit; `docs/generate.py` makes a page of the results.

python -m tests.frameworks.errors                # every framework in a process of its own
python -m tests.frameworks.errors NAME ...       # these frameworks
python -m tests.frameworks.errors measure NAME   # one framework, its results to standard output

It takes most of an hour, nearly all of which is compilation.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from snr_keras.files.atomic import write_text

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "data" / "framework_errors.json"

Figures = dict[str, Any]


class Framework(NamedTuple):
    """A framework to measure.

    Attributes:
        target: Where the adapter is.
        packages: Packages whose versions are recorded.
        backend: Keras backend.
        expected_failures: File of expected failures, relative to the root of the project.
        part: Every `part`-th case of a kind is asked, see `tests.frameworks.kit.in_part`; None: all, in every dtype.
    """

    target: str
    packages: tuple[str, ...]
    backend: str = ""
    expected_failures: str = ""
    part: int | None = None


_EXAMPLES, _KERAS, _EXPORTS = "snr_ref.conformance.examples", "snr_keras.conformance.adapter", "tests.exports.adapter"
_OF_KERAS = "tests/frameworks/keras_expected_failures.txt"

FRAMEWORKS = {
    "numpy": Framework(f"{_EXAMPLES}.numpy_float32", ("numpy",)),
    "torch": Framework(f"{_EXAMPLES}.pytorch_adapter", ("torch",)),
    "jax": Framework(f"{_EXAMPLES}.jax_functions", ("jax",)),
    "keras-tf": Framework(f"{_KERAS}:eager", ("keras", "tensorflow"), "tensorflow", _OF_KERAS),
    "keras-tf-graph": Framework(f"{_KERAS}:graph", ("keras", "tensorflow"), "tensorflow", _OF_KERAS, 4),
    "keras-tf-xla": Framework(f"{_KERAS}:xla", ("keras", "tensorflow"), "tensorflow", _OF_KERAS, 4),
    "keras-jax": Framework(f"{_KERAS}:xla", ("keras", "jax"), "jax", _OF_KERAS, 4),
    "keras-torch": Framework(f"{_KERAS}:eager", ("keras", "torch"), "torch", _OF_KERAS),
    "onnx-runtime": Framework(
        f"{_EXPORTS}:onnx_runtime",
        ("keras", "tf2onnx", "onnxruntime"),
        "tensorflow",
        "tests/exports/onnx_runtime_failures.txt",
    ),
    "litert": Framework(
        f"{_EXPORTS}:litert",
        ("keras", "ai-edge-litert"),
        "tensorflow",
        "tests/exports/litert_failures.txt",
    ),
}


def measure(name: str) -> Figures:
    """The figures of one framework: of what is within the bounds by quantity, and of what is not case by case."""
    from snr_ref.conformance.catalogue import catalogue
    from snr_ref.conformance.clauses import SPECIFICATION_VERSION
    from snr_ref.conformance.implementation import load
    from snr_ref.conformance.report.quantity import quantities
    from snr_ref.conformance.selection import ExpectedFailures
    from tests.frameworks.kit import report

    framework, expected = FRAMEWORKS[name], ExpectedFailures(())
    if framework.expected_failures:
        expected = ExpectedFailures.read(ROOT / framework.expected_failures, catalogue())
    found = expected.applied_to(report(load(framework.target).adapter, part=framework.part))
    as_expected = found.having("expected failure")
    return {
        "framework": name,
        "specification_version": SPECIFICATION_VERSION,
        "packages": {package: importlib.metadata.version(package) for package in framework.packages},
        "counts": found.counts,
        "quantities": [
            {
                "name": q.name,
                "function": q.function,
                "dtype": q.dtype,
                "cases": q.cases,
                "failed": q.failed,
                "error": q.error and q.error.value,
                "fraction": q.fraction and q.fraction.value,
                "case": q.fraction and q.fraction.case,
            }
            for q in quantities(r for r in found.results if r.outcome != "expected failure")
        ],
        "beyond": [
            {
                "case": r.case.name,
                "dtype": r.dtype,
                "name": f"{r.case.function}.{worst.output}",
                "error": worst.error,
                "fraction": worst.fraction,
                "reason": expected.reason(r.case, r.dtype),
            }
            for r in as_expected
            if r.case.kind != "refusal"
            for worst in [max(r.comparisons, key=lambda c: c.fraction)]
        ],
        "not refused": [r.case.name for r in as_expected if r.case.kind == "refusal"],
    }


def in_a_process(name: str) -> Figures:
    """The figures of one framework, from a process that its backend and its float64 are set for."""
    framework = FRAMEWORKS[name]
    environment = {**os.environ, "JAX_ENABLE_X64": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"KERAS_BACKEND": framework.backend} if framework.backend else {}
    command = [sys.executable, "-m", "tests.frameworks.errors", "measure", name]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def main(arguments: list[str]) -> None:
    """Run a command; see the module."""
    if arguments[:1] == ["measure"]:
        print(json.dumps(measure(arguments[1]), allow_nan=False))
        return
    known = {figure["framework"]: figure for figure in json.loads(FIGURES.read_text())}
    for name in arguments or FRAMEWORKS:
        known[name] = in_a_process(name)
        lines = (json.dumps(known[n], allow_nan=False) for n in FRAMEWORKS if n in known)
        write_text(FIGURES, "[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1:])
