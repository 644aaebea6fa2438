"""What a run of the kit found: figures per quantity and dtype, what is missing, and where the first difference is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from snr_ref.conformance.case import Case, Group
from snr_ref.conformance.clauses import CLAUSES, SPECIFICATION_VERSION
from snr_ref.conformance.comparison import Comparison
from snr_ref.conformance.functions import FUNCTIONS

#: Of `Report.to_json`; a field that goes or changes its meaning makes it grow.
SCHEMA = 1

#: What one case in one dtype can come to. "not asked" is a refusal that the implementation takes no part in.
OUTCOMES = ("passed", "failed", "expected failure", "unexpected pass", "not provided", "not asked")
_PROVIDED = OUTCOMES[:4]

#: What the chain of `snr` has beyond what the reference returns: to know it helps, to leave it out is no gap.
_BEYOND = frozenset({"mu", "sigma"})

#: The clauses that say what an output of the module is, whatever the function that returns it.
_SAID_BY = {
    "mu": ("1.1",),
    "sigma": ("1.1", "1.2"),
    "F_tilde": ("1.1", "1.2"),
    "R": ("1.3",),
    "a": ("1.4",),
    "R_plus": ("1.5",),
    "R_minus": ("1.5",),
    "F_plus": ("1.6", "4.1"),
    "F_minus": ("1.6",),
    "f_tilde": ("2.1", "4.1"),
    "f_plus": ("2.1", "4.1"),
    "f_minus": ("2.1", "4.1"),
    "plus": ("2.4",),
    "minus": ("2.5",),
    "cmc": ("7.3",),
    "mAP": ("7.2",),
    "mINP": ("7.4",),
}


@dataclass(frozen=True, eq=False)
class Result:
    """What one case came to in one dtype.

    Attributes:
        case: The case.
        dtype: What it was run in.
        outcome: One of `OUTCOMES`.
        comparisons: Of the outputs that were answered, in the order of the chain; none for a refusal or an exception.
        why: Empty if it passed, else a sentence.
        suspicions: Known mistakes that give the numbers that came.
    """

    case: Case
    dtype: str
    outcome: str
    comparisons: tuple[Comparison, ...] = ()
    why: str = ""
    suspicions: tuple[str, ...] = ()

    @property
    def first_difference(self) -> Comparison | None:
        """The first output in the order of the chain that differs."""
        return next((c for c in self.comparisons if not c.passed), None)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The outputs that the case expects and the answer lacks."""
        if not self.comparisons:
            return ()
        answered = {c.output for c in self.comparisons}
        return tuple(output for output in self.case.expected[0] if output not in answered)


@dataclass(frozen=True)
class Worst:
    """The largest of some figure, and the name of the case that showed it."""

    value: float
    case: str


@dataclass(frozen=True)
class Quantity:
    """One output of one function in one dtype, over all its cases.

    Attributes:
        name: `function.output`; "function refuses" for the refusals, "function raised" for exceptions in other cases.
        function: The function.
        dtype: The dtype.
        cases: How many showed it.
        failed: How many of them failed, and `expected_failures` how many as expected.
        expected_failures: See `failed`.
        error: The worst absolute error; None where there are no numbers.
        ulps: The worst error in units in the last place.
        fraction: The worst error as a fraction of what rounding explains for the conditioning of the case.
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


@dataclass(frozen=True)
class Difference:
    """Where in the chain of a function the answers start to differ.

    Attributes:
        function: The function.
        output: The output that differs first.
        cases: The names of the cases where it does.
        failing: The number of cases where any output of the function differs.
        clauses: Where to look: those that say what the output is, and those that only failing cases pin.
        suspicions: Known mistakes that give these numbers, with the number of cases in which they do.
    """

    function: str
    output: str
    cases: tuple[str, ...]
    failing: int
    clauses: tuple[str, ...]
    suspicions: tuple[tuple[str, int], ...]


@dataclass(frozen=True, eq=False)
class Report:
    """All results of one implementation.

    Attributes:
        implementation: Its name.
        results: One per case and dtype that was run.
    """

    implementation: str
    results: tuple[Result, ...]

    @property
    def exit_status(self) -> int:
        """0 if every quantity that is provided passes (or fails as expected), 1 if one fails, 2 if none is provided."""
        if self.failed_functions:
            return 1
        return 0 if any(r.outcome in _PROVIDED for r in self.results) else 2

    @property
    def counts(self) -> dict[str, int]:
        """The number of results of each outcome."""
        counted = Counter(r.outcome for r in self.results)
        return {outcome: counted[outcome] for outcome in OUTCOMES}

    def having(self, outcome: str) -> list[Result]:
        """The results of that outcome."""
        return [r for r in self.results if r.outcome == outcome]

    @cached_property
    def failed_functions(self) -> list[str]:
        """The functions that some case fails, in the order of the chain."""
        return self._functions(lambda r: r.outcome == "failed")

    @cached_property
    def provided_functions(self) -> list[str]:
        """The functions that answered some case."""
        return self._functions(lambda r: r.outcome in _PROVIDED)

    @cached_property
    def not_provided(self) -> dict[str, tuple[int, int]]:
        """Functions, and outputs of the others: in how many cases they were not provided, and of how many."""
        names: list[str] = []
        lacking, asked = Counter[str](), Counter[str]()
        for result in self.results:
            function = result.case.function
            if result.outcome == "not asked":
                continue
            asked[function] += 1
            if result.outcome == "not provided":
                lacking[function] += 1
            for output in (*result.missing, *(c.output for c in result.comparisons)):
                name = f"{function}.{output}"
                asked[name] += 1
                lacking[name] += output in result.missing
        for function, about in FUNCTIONS.items():
            names += [name for name in (function, *(f"{function}.{o}" for o in about.outputs)) if lacking[name]]
        return {name: (lacking[name], asked[name]) for name in names}

    @cached_property
    def quantities(self) -> list[Quantity]:
        """The figures, in the order of the functions, their chains, and the dtypes."""
        shown: dict[tuple[str, str], list[tuple[Result, Comparison | None]]] = {}
        for function in self.provided_functions:
            order = [f"{function}.{output}" for output in FUNCTIONS[function].outputs]
            of_function = [r for r in self.results if r.case.function == function and r.outcome in _PROVIDED]
            for name in (*order, f"{function} raised", f"{function} refuses"):
                for result in of_function:
                    for shown_as, comparison in _shows(result):
                        if shown_as == name:
                            shown.setdefault((name, result.dtype), []).append((result, comparison))
        return [_quantity(name, dtype, pairs) for (name, dtype), pairs in shown.items()]

    @cached_property
    def groups(self) -> list[tuple[Group, str]]:
        """Every group with a word: complete, partly or not provided; a refusal that wasn't asked counts nowhere."""
        asked: dict[str, list[Result]] = {}
        for result in self.results:
            if result.outcome != "not asked":
                asked.setdefault(result.case.group.name, []).append(result)
        return [(results[0].case.group, _completeness(results)) for results in asked.values()]

    @cached_property
    def first_differences(self) -> list[Difference]:
        """Where the answers of each failing function start to differ, the commonest place first."""
        differences = []
        for function in self.failed_functions:
            failing = [r for r in self.having("failed") if r.case.function == function and r.first_difference]
            by_output: dict[str, list[Result]] = {}
            for result in failing:
                first = result.first_difference
                assert first is not None
                by_output.setdefault(first.output, []).append(result)
            cases = len({r.case.name for r in failing})
            found = [self._difference(function, output, at, cases) for output, at in by_output.items()]
            differences += sorted(found, key=lambda d: -len(d.cases))
        return differences

    def text(self) -> str:
        """The report as plain text; see `snr_ref.conformance.text`."""
        from snr_ref.conformance.text import text

        return text(self)

    def to_json(self) -> dict[str, Any]:
        """The report as what `json.dumps` takes, of the schema that the guide on checking an implementation states.

        A figure that is null is infinite: a shape, or what is finite, differs.
        """
        return {
            "schema": SCHEMA,
            "specification_version": SPECIFICATION_VERSION,
            "packages": packages(),
            "implementation": self.implementation,
            "exit_status": self.exit_status,
            "counts": self.counts,
            "passed_functions": [f for f in self.provided_functions if f not in self.failed_functions],
            "failed_functions": self.failed_functions,
            "not_provided": [{"name": n, "cases": k, "of": of} for n, (k, of) in self.not_provided.items()],
            "groups": [
                {"name": group.name, "required": group.required, "provided": word} for group, word in self.groups
            ],
            "quantities": [_quantity_json(quantity) for quantity in self.quantities],
            "first_differences": [
                {
                    "function": d.function,
                    "output": d.output,
                    "cases": list(d.cases),
                    "failing": d.failing,
                    "clauses": list(d.clauses),
                    "suspicions": [{"mistake": mistake, "cases": n} for mistake, n in d.suspicions],
                }
                for d in self.first_differences
            ],
            "results": [_result_json(result) for result in self.results if result.outcome != "passed"],
        }

    def _functions(self, condition: Callable[[Result], bool]) -> list[str]:
        there = {r.case.function for r in self.results if condition(r)}
        return [function for function in FUNCTIONS if function in there]

    def _difference(self, function: str, output: str, results: list[Result], failing: int) -> Difference:
        outputs = FUNCTIONS[function].outputs
        answered = {c.output for r in results for c in r.comparisons}
        before = [o for o in outputs[: outputs.index(output)] if o in answered]
        since = outputs[outputs.index(before[-1]) + 1 if before else 0 : outputs.index(output) + 1]
        said_by = {clause for o in since for clause in _SAID_BY.get(o, ())}
        passing = (r for r in self.results if r.case.function == function and r.outcome == "passed")
        pinned = {clause for r in results for clause in r.case.clauses}
        only_failing = pinned - {clause for r in passing for clause in r.case.clauses}
        look_at = (said_by & pinned) | only_failing or pinned
        suspicions = Counter(s for r in {r.case.name: r for r in results}.values() for s in r.suspicions)
        return Difference(
            function,
            output,
            tuple(dict.fromkeys(r.case.name for r in results)),
            failing,
            tuple(clause for clause in CLAUSES if clause in look_at),
            tuple(suspicions.most_common()),
        )


def packages() -> dict[str, str]:
    """The versions that a report depends on."""
    try:
        own = version("snr-reid")
    except PackageNotFoundError:
        own = "not installed"
    return {"snr-reid": own, "numpy": np.__version__}


def _shows(result: Result) -> list[tuple[str, Comparison | None]]:
    """The names of the quantities that a result says something of."""
    function = result.case.function
    if result.comparisons:
        return [(f"{function}.{c.output}", c) for c in result.comparisons]
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


def _completeness(results: list[Result]) -> str:
    there = [r.outcome != "not provided" for r in results]
    if not any(there):
        return "not provided"
    return "complete" if all(there) and all(_BEYOND.issuperset(r.missing) for r in results) else "partly"


def _quantity_json(quantity: Quantity) -> dict[str, Any]:
    figures = {"error": quantity.error, "ulps": quantity.ulps, "fraction_of_tolerance": quantity.fraction}
    return {
        "name": quantity.name,
        "function": quantity.function,
        "dtype": quantity.dtype,
        "passed": not quantity.failed and not quantity.expected_failures,
        "cases": quantity.cases,
        "failed": quantity.failed,
        "expected_failures": quantity.expected_failures,
    } | {
        f"worst_{name}": None if worst is None else {"value": _finite(worst.value), "case": worst.case}
        for name, worst in figures.items()
    }


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "case": result.case.name,
        "dtype": result.dtype,
        "function": result.case.function,
        "outcome": result.outcome,
        "why": result.why,
        "reason": result.case.reason,
        "clauses": list(result.case.clauses),
        "suspicions": list(result.suspicions),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
