"""The table of measured errors per framework and dtype: measured by a command, and rendered from what it wrote.

python -m tests.frameworks.errors                # every framework in a process of its own, then the page
python -m tests.frameworks.errors measure NAME   # one framework, its figures to standard output
python -m tests.frameworks.errors render         # the page from the figures that are there
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
FIGURES, PAGE = DOCS / "data" / "framework_errors.json", DOCS / "framework_errors.md"
BEGIN = "<!-- begin: written by `python -m tests.frameworks.errors` -->"
END = "<!-- end: written by `python -m tests.frameworks.errors` -->"


class Framework(NamedTuple):
    """What is measured.

    Attributes:
        title: In the table.
        target: The adapter.
        packages: Whose versions are kept.
        part: Of how many cases of a group one is asked, in one dtype in turn; None is all in all.
        backend: Of Keras.
    """

    title: str
    target: str
    packages: tuple[str, ...]
    part: int | None = None
    backend: str = ""


_EXAMPLES, _KERAS = "snr_ref.conformance.examples", "snr_keras.interop.adapter"

FRAMEWORKS = {
    "numpy": Framework("NumPy", f"{_EXAMPLES}.numpy_float32", ("numpy",)),
    "torch": Framework("PyTorch", f"{_EXAMPLES}.pytorch_adapter", ("torch",)),
    "jax": Framework("JAX", f"{_EXAMPLES}.jax_functions", ("jax",), 3),
    "keras-torch": Framework("Keras on PyTorch", f"{_KERAS}:eager", ("keras", "torch"), None, "torch"),
    "keras-jax": Framework("Keras on JAX, jit", f"{_KERAS}:xla", ("keras", "jax"), 3, "jax"),
    "keras-tf": Framework("Keras on TensorFlow, eager", f"{_KERAS}:eager", ("keras", "tensorflow"), 2, "tensorflow"),
    "keras-tf-graph": Framework("the same as a graph", f"{_KERAS}:graph", ("keras", "tensorflow"), 4, "tensorflow"),
    "keras-tf-xla": Framework("the same under XLA", f"{_KERAS}:xla", ("keras", "tensorflow"), 8, "tensorflow"),
}

FAMILIES = {
    "forward": ("instance_norm", "channel_attention", "snr", "snr_closed_form"),
    "losses and distances": (
        *("cosine_distance", "euclidean_distance", "dual_causality_loss", "cross_entropy"),
        *("batch_hard_triplet_loss", "total_objective", "objective"),
    ),
    "gradients": (
        *("instance_norm_vjp", "channel_attention_vjp", "snr_vjp", "cosine_distance_vjp", "euclidean_distance_vjp"),
        *("dual_causality_gradients", "cross_entropy_gradient", "batch_hard_triplet_gradient"),
    ),
}


def measure(name: str) -> dict[str, Any]:
    """The figures of one framework."""
    from snr_ref.conformance.clauses import SPECIFICATION_VERSION
    from snr_ref.conformance.implementation import load
    from tests.frameworks.kit import report

    framework = FRAMEWORKS[name]
    known = Path(__file__).with_name("keras_expected_failures.txt") if framework.backend else None
    found = report(load(framework.target).adapter, part=framework.part, expected_failures=known)
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
            for q in found.quantities
        ],
    }


def in_a_process(name: str) -> dict[str, Any]:
    """The figures of one framework, from a process that its backend and its float64 are set for."""
    framework = FRAMEWORKS[name]
    environment = {**os.environ, "JAX_ENABLE_X64": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"KERAS_BACKEND": framework.backend} if framework.backend else {}
    command = [sys.executable, "-m", "tests.frameworks.errors", "measure", name]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def table(figures: Iterable[dict[str, Any]]) -> str:
    """A row per framework and dtype."""
    lines = [["framework", "dtype", "numbers asked", *FAMILIES], ["---", "---", "---:", *["---:"] * len(FAMILIES)]]
    for figure in figures:
        title = FRAMEWORKS[figure["framework"]].title
        versions = ", ".join(f"{package} {version}" for package, version in figure["packages"].items())
        for dtype in ("float64", "float32", "float16", "bfloat16"):
            own = [q for q in figure["quantities"] if q["dtype"] == dtype and q["fraction"] is not None]
            if own:
                cells = [_worst([q for q in own if q["function"] in functions]) for functions in FAMILIES.values()]
                lines.append([f"{title} ({versions})", dtype, str(sum(q["cases"] for q in own)), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _worst(quantities: list[dict[str, Any]]) -> str:
    """The largest share of a bound, whose it is, and its absolute error."""
    if not quantities:
        return "not there"
    worst = max(quantities, key=lambda q: q["fraction"])
    failed = sum(q["failed"] for q in quantities)
    return f"{worst['fraction']:.2f} (`{worst['name']}`)" + (f", **{failed} failed**" if failed else "")


def rendered(page: str, figures: Iterable[dict[str, Any]]) -> str:
    """The page with the table made anew."""
    return re.sub(
        f"{re.escape(BEGIN)}.*{re.escape(END)}",
        lambda _: f"{BEGIN}\n\n{table(figures)}\n\n{END}",
        page,
        flags=re.DOTALL,
    )


def main(arguments: list[str]) -> None:
    """Run a command; see the module."""
    if arguments[:1] == ["measure"]:
        print(json.dumps(measure(arguments[1])))
        return
    if arguments != ["render"]:
        names = arguments or list(FRAMEWORKS)
        there = json.loads(FIGURES.read_text()) if FIGURES.exists() else []
        known = {figure["framework"]: figure for figure in there}
        for name in names:
            known[name] = in_a_process(name)
            FIGURES.parent.mkdir(exist_ok=True)
            ordered = [known[n] for n in FRAMEWORKS if n in known]
            temporary = FIGURES.with_suffix(".tmp")
            temporary.write_text(json.dumps(ordered, indent=1) + "\n")
            temporary.replace(FIGURES)
    PAGE.write_text(rendered(PAGE.read_text(), json.loads(FIGURES.read_text())))


if __name__ == "__main__":
    main(sys.argv[1:])
