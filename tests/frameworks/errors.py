"""The table of measured errors per framework and dtype: measured by a command, and rendered from what it wrote.

python -m tests.frameworks.errors                # every framework in a process of its own, then the page
python -m tests.frameworks.errors NAME ...       # these frameworks, then the page
python -m tests.frameworks.errors measure NAME   # one framework, its figures to standard output
python -m tests.frameworks.errors render         # the page from the figures that are there

It takes most of an hour, nearly all of which is compilation.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from snr_ref.conformance.report.result import PROVIDED

ROOT = Path(__file__).parents[2]
FIGURES, PAGE = ROOT / "docs" / "data" / "framework_errors.json", ROOT / "docs" / "framework_errors.md"

Figures = dict[str, Any]


class Framework(NamedTuple):
    """What is measured.

    Attributes:
        title: In the table.
        target: The adapter.
        packages: Whose versions are kept.
        backend: Of Keras.
        expected_failures: The file of those, from the root of the project.
        part: Of how many cases of a kind one is asked, see `tests.frameworks.kit.in_part`; None is all, in every dtype.
    """

    title: str
    target: str
    packages: tuple[str, ...]
    backend: str = ""
    expected_failures: str = ""
    part: int | None = None


_EXAMPLES, _KERAS, _EXPORTS = "snr_ref.conformance.examples", "snr_keras.conformance.adapter", "tests.exports.adapter"
_OF_KERAS = "tests/frameworks/keras_expected_failures.txt"

FRAMEWORKS = {
    "numpy": Framework("NumPy", f"{_EXAMPLES}.numpy_float32", ("numpy",)),
    "torch": Framework("PyTorch", f"{_EXAMPLES}.pytorch_adapter", ("torch",)),
    "jax": Framework("JAX, jit", f"{_EXAMPLES}.jax_functions", ("jax",)),
    "keras-tf": Framework(
        "Keras on TensorFlow, eager", f"{_KERAS}:eager", ("keras", "tensorflow"), "tensorflow", _OF_KERAS
    ),
    "keras-tf-graph": Framework(
        "Keras on TensorFlow, graph", f"{_KERAS}:graph", ("keras", "tensorflow"), "tensorflow", _OF_KERAS, 4
    ),
    "keras-tf-xla": Framework(
        "Keras on TensorFlow, XLA", f"{_KERAS}:xla", ("keras", "tensorflow"), "tensorflow", _OF_KERAS, 4
    ),
    "keras-jax": Framework("Keras on JAX, jit", f"{_KERAS}:xla", ("keras", "jax"), "jax", _OF_KERAS, 4),
    "keras-torch": Framework("Keras on PyTorch", f"{_KERAS}:eager", ("keras", "torch"), "torch", _OF_KERAS),
    "onnx-runtime": Framework(
        "Keras in ONNX Runtime",
        f"{_EXPORTS}:onnx_runtime",
        ("keras", "tf2onnx", "onnxruntime"),
        "tensorflow",
        "tests/exports/onnx_runtime_failures.txt",
    ),
    "litert": Framework(
        "Keras in LiteRT",
        f"{_EXPORTS}:litert",
        ("keras", "ai-edge-litert"),
        "tensorflow",
        "tests/exports/litert_failures.txt",
    ),
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


def errors_table(figures: Iterable[Figures]) -> str:
    """A row per framework and dtype."""
    rows = [["framework", "dtype", "numbers compared", *FAMILIES, "beyond the bound"]]
    rows.append(["---", "---", "---:", *["---:"] * len(FAMILIES), "---:"])
    for figure in figures:
        for dtype in ("float64", "float32", "float16", "bfloat16"):
            own = [q for q in figure["quantities"] if q["dtype"] == dtype and q["fraction"] is not None]
            if own:
                cells = [_worst([q for q in own if q["function"] in functions]) for functions in FAMILIES.values()]
                beyond = sum(b["dtype"] == dtype for b in figure["beyond"])
                compared = str(sum(q["cases"] for q in own))
                rows.append([_title(figure), dtype, compared, *cells, f"{beyond} cases" if beyond else "none"])
    return _table(rows)


def beyond_table(figures: Iterable[Figures]) -> str:
    """A row per case that is beyond its bound, with the reason."""
    rows = [["framework", "case", "dtype", "worst quantity", "error", "bounds", "why"]]
    rows.append(["---", "---", "---", "---", "---:", "---:", "---"])
    for figure in figures:
        for b in sorted(figure["beyond"], key=lambda b: -b["fraction"]):
            error, bounds = f"{b['error']:.1e}", f"{b['fraction']:.3g}"
            rows.append(
                [_title(figure), f"`{b['case']}`", b["dtype"], f"`{b['name']}`", error, bounds, b["reason"]],
            )
    return _table(rows)


def frameworks_table(figures: Iterable[Figures]) -> str:
    """A row per framework: its packages, how much was asked of it, and the bad input that it does not refuse."""
    rows = [["framework", "packages", "cases asked", "bad input not refused"], ["---", "---", "---:", "---:"]]
    for figure in figures:
        packages = ", ".join(f"{package} {version}" for package, version in figure["packages"].items())
        refused = sum(q["cases"] for q in figure["quantities"] if q["name"].endswith(" refuses"))
        accepted = len(figure["not refused"])
        asked = str(sum(figure["counts"][outcome] for outcome in PROVIDED))
        bad = f"{accepted} of {accepted + refused}" if accepted + refused else "not asked"
        rows.append([_title(figure), packages, asked, bad])
    return _table(rows)


TABLES = {"errors": errors_table, "beyond": beyond_table, "frameworks": frameworks_table}


def rendered(page: str, figures: list[Figures]) -> str:
    """The page with its tables made anew."""
    for name, table in TABLES.items():
        begin, end = (
            f"<!-- {word} {name}: written by `python -m tests.frameworks.errors` -->" for word in ("begin", "end")
        )
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{table(figures)}\n\n{end}{after}"
    return page


def _title(figure: Figures) -> str:
    return FRAMEWORKS[figure["framework"]].title


def _worst(quantities: list[Figures]) -> str:
    """The largest share of a bound, and whose it is."""
    if not quantities:
        return "not there"
    worst = max(quantities, key=lambda q: q["fraction"])
    return f"{worst['fraction']:.2f} (`{worst['name']}`)"


def _table(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(arguments: list[str]) -> None:
    """Run a command; see the module."""
    if arguments[:1] == ["measure"]:
        print(json.dumps(measure(arguments[1]), allow_nan=False))
        return
    if arguments != ["render"]:
        known = {figure["framework"]: figure for figure in json.loads(FIGURES.read_text())}
        for name in arguments or FRAMEWORKS:
            known[name] = in_a_process(name)
            lines = (json.dumps(known[n], allow_nan=False) for n in FRAMEWORKS if n in known)
            _write(FIGURES, "[\n" + ",\n".join(lines) + "\n]\n")
    _write(PAGE, rendered(PAGE.read_text(), json.loads(FIGURES.read_text())))


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)


if __name__ == "__main__":
    main(sys.argv[1:])
