"""Where in the chain of a function the answers start to differ, because that is where the mistake is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from snr_ref.conformance.clauses import CLAUSES
from snr_ref.conformance.functions import FUNCTIONS, HALF
from snr_ref.conformance.report.result import Result

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


@dataclass(frozen=True)
class Difference:
    """Where in the chain of a function the answers start to differ.

    Attributes:
        function: The function.
        output: The output that differs first.
        cases: The names of the cases where it does.
        failing: The number of cases where any output of the function differs.
        clauses: Where to look: those that say what the output is, and those that all these cases pin but no passing one
            (all that they pin, if that is none); that on half precision, if it shows there alone.
        suspicions: Known mistakes that give these numbers, with the number of cases in which they do.
    """

    function: str
    output: str
    cases: tuple[str, ...]
    failing: int
    clauses: tuple[str, ...]
    suspicions: tuple[tuple[str, int], ...]


def first_differences(results: Iterable[Result]) -> list[Difference]:
    """Where the answers of each failing function start to differ, the commonest place first.

    Args:
        results: Of a whole run: a clause that passing cases pin too is hardly where the mistake is.

    Returns:
        One per function and output that is the first to differ in some case.
    """
    results = list(results)
    differences: list[Difference] = []
    for function in FUNCTIONS:
        of_function = [r for r in results if r.case.function == function]
        failing: dict[str, list[Result]] = {}
        for result in of_function:
            if result.outcome == "failed" and result.first_difference:
                failing.setdefault(result.first_difference.output, []).append(result)
        cases = len({r.case.name for at in failing.values() for r in at})
        passing = {clause for r in of_function if r.outcome == "passed" for clause in r.case.clauses}
        found = [_difference(output, at, cases, passing) for output, at in failing.items()]
        differences += sorted(found, key=lambda d: -len(d.cases))
    return differences


def _difference(output: str, results: list[Result], failing: int, pinned_by_passing: set[str]) -> Difference:
    function = results[0].case.function
    outputs = FUNCTIONS[function].outputs
    answered = {c.output for r in results for c in r.comparisons}
    before = [o for o in outputs[: outputs.index(output)] if o in answered]
    since = outputs[outputs.index(before[-1]) + 1 if before else 0 : outputs.index(output) + 1]
    said_by = {clause for o in since for clause in _SAID_BY.get(o, ())}
    of_cases = [set(r.case.clauses) for r in results]
    pinned = set[str]().union(*of_cases)
    telling = set.intersection(*of_cases) - pinned_by_passing if pinned_by_passing else set()
    look_at = (said_by & pinned) | telling or pinned
    if all(r.dtype in HALF for r in results):
        look_at.add("6.5")
    of_each_case = {r.case.name: r.suspicions for r in results}
    suspicions = Counter(suspicion for of_case in of_each_case.values() for suspicion in of_case)
    return Difference(
        function,
        output,
        tuple(of_each_case),
        failing,
        tuple(clause for clause in CLAUSES if clause in look_at),
        tuple(suspicions.most_common()),
    )
