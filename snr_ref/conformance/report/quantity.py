"""The figures of a report: each output of each function in each dtype, over all cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from snr_ref.conformance.arguments import DTYPES
from snr_ref.conformance.comparison import Comparison
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.report.result import PROVIDED, Result


@dataclass(frozen=True)
class Worst:
    """The largest of some figure, and the name of its case."""

    value: float
    case: str


@dataclass(frozen=True)
class Quantity:
    """One output of one function in one dtype, over all its cases.

    Attributes:
        name: `function.output`; "function refuses" for refusals, "function raised" for exceptions in other cases,
            "function overwrote" for answers that changed an argument.
        function: Name of the function.
        dtype: Name of the dtype.
        cases: Number of cases that have the quantity.
        failed: Number of them that failed.
        expected_failures: Number of them that failed as expected.
        error: Worst absolute error; None where there are no numbers.
        ulps: Worst error in units in the last place.
        fraction: Worst error as a fraction of what rounding explains, given the conditioning of the case.
    """

    name: str
    function: str
    dtype: str
    cases: int
    failed: int
    expected_failures: int
    error: Worst | None = None
    ulps: Worst | None = None
    fraction: Worst | None = None


def quantities(results: Iterable[Result]) -> list[Quantity]:
    """The figures of the results, in the order of the functions, their outputs and the dtypes."""
    shown: dict[tuple[str, str], list[tuple[Result, Comparison | None]]] = {}
    for result in results:
        if result.outcome in PROVIDED:
            for name, comparison in _shows(result):
                shown.setdefault((name, result.dtype), []).append((result, comparison))
    names = (
        name
        for function, about in FUNCTIONS.items()
        for name in (
            *(f"{function}.{output}" for output in about.outputs),
            *(f"{function} {did}" for did in ("raised", "overwrote", "refuses")),
        )
    )
    keys = ((name, dtype) for name in names for dtype in DTYPES)
    return [_quantity(name, dtype, shown[name, dtype]) for name, dtype in keys if (name, dtype) in shown]


def _shows(result: Result) -> list[tuple[str, Comparison | None]]:
    """The names of the quantities about which a result has information."""
    function = result.case.function
    if result.comparisons:
        overwrote = [(f"{function} overwrote", None)] if result.overwritten else []
        return [*((f"{function}.{c.output}", c) for c in result.comparisons), *overwrote]
    return [(f"{function} refuses" if result.case.kind == "refusal" else f"{function} raised", None)]


def _quantity(name: str, dtype: str, shown: list[tuple[Result, Comparison | None]]) -> Quantity:
    compared = [(result, c) for result, c in shown if c is not None]
    failed = Counter(result.outcome for result, c in shown if c is None or not c.passed)

    def worst(figure: Callable[[Comparison], float]) -> Worst | None:
        if not compared:
            return None
        result, comparison = max(compared, key=lambda pair: (figure(pair[1]), pair[1].fraction))
        return Worst(figure(comparison), result.case.name)

    return Quantity(
        name,
        shown[0][0].case.function,
        dtype,
        len(shown),
        failed["failed"],
        failed["expected failure"],
        worst(lambda c: c.error),
        worst(lambda c: c.ulps),
        worst(lambda c: c.fraction),
    )
