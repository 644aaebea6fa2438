"""Where the answers of a function start to differ, which is where the mistake is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from snr_ref.conformance.arguments import HALF
from snr_ref.conformance.clauses import CLAUSES
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.report.result import Result

#: The clauses that define each output of the module, whatever function returns it.
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


#: Maximal number of clauses to show.
_SHOWN = 3

#: A mistake in an output's definition shows in most answers that pin its clause, in all groups: such a clause gains
#: this times the fraction of them that differ.
_SAID = 0.5


@dataclass(frozen=True)
class Difference:
    """Where the answers of a function start to differ.

    Attributes:
        function: Name of the function.
        output: Output that differs first.
        cases: Names of the cases in which it does.
        failing: Number of cases in which any output of the function differs.
        clauses: Clauses to read, the likeliest first, at most three: those that failing answers pin and passing answers
            do not.
        suspicions: Known mistakes that give the numbers of most of these answers, each with its number of cases.
    """

    function: str
    output: str
    cases: tuple[str, ...]
    failing: int
    clauses: tuple[str, ...]
    suspicions: tuple[tuple[str, int], ...]


def first_differences(results: Iterable[Result]) -> list[Difference]:
    """Where the answers of each failing function start to differ, the most frequent place first.

    Args:
        results: Results of a whole run: a clause that passing cases pin too is hardly where the mistake is.

    Returns:
        One entry per function and output that differs first in some case.
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
        passing = [r for r in of_function if r.outcome == "passed" and r.comparisons]
        found = [
            Difference(
                function,
                output,
                tuple(dict.fromkeys(r.case.name for r in at)),
                cases,
                _where_to_look(output, at, passing),
                _suspicions(at),
            )
            for output, at in failing.items()
        ]
        differences += sorted(found, key=lambda d: -len(d.cases))
    return differences


def _where_to_look(output: str, failing: list[Result], passing: list[Result]) -> tuple[str, ...]:
    """The clauses that distinguish failing answers from passing ones.

    The likelihood of a clause is the harmonic mean of two fractions: of the answers that pin it, those that fail; of
    the answers that fail, those that pin it. It is 1 where the clause alone distinguishes failing from passing answers.
    """
    outputs = FUNCTIONS[failing[0].case.function].outputs
    answered = {c.output for r in failing for c in r.comparisons}
    before = [o for o in outputs[: outputs.index(output)] if o in answered]
    since = outputs[outputs.index(before[-1]) + 1 if before else 0 : outputs.index(output) + 1]
    said = {clause for o in since for clause in _SAID_BY.get(o, ())}
    of_others = {clause for o in outputs for clause in _SAID_BY.get(o, ())} - said
    half_alone = all(r.dtype in HALF for r in failing)

    def pins(result: Result, clause: str) -> bool:
        return clause in result.case.clauses or (clause == "6.5" and half_alone and result.dtype in HALF)

    def likelihood(clause: str) -> float:
        differing, right = (sum(pins(r, clause) for r in answers) for answers in (failing, passing))
        if not differing or clause in of_others:
            return 0.0
        apart = 2 * differing / (differing + right + len(failing))
        return apart + (_SAID * differing / (differing + right) if clause in said else 0.0)

    return tuple(filter(likelihood, sorted(CLAUSES, key=likelihood, reverse=True)))[:_SHOWN]


def _suspicions(failing: list[Result]) -> tuple[tuple[str, int], ...]:
    """The mistakes that explain most of the answers, each with its number of cases."""
    explained: dict[str, list[str]] = {}
    for result in failing:
        for suspicion in result.suspicions:
            explained.setdefault(suspicion, []).append(result.case.name)
    cases = {s: len(set(names)) for s, names in explained.items() if 2 * len(names) > len(failing)}
    return tuple(sorted(cases.items(), key=lambda counted: -counted[1]))
