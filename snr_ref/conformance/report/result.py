"""The result of one case in one dtype."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from snr_ref.conformance.case import Case
from snr_ref.conformance.comparison import Comparison

#: The outcomes of a case in a dtype. "not asked" is a refusal, if the implementation does not take part in refusals.
OUTCOMES = ("passed", "failed", "expected failure", "unexpected pass", "not provided", "not asked")

#: The outcomes of a case that was answered.
PROVIDED = OUTCOMES[:4]


@dataclass(frozen=True, eq=False)
class Result:
    """The result of one case in one dtype.

    Attributes:
        case: The case.
        dtype: Dtype in which it was run.
        outcome: One of `OUTCOMES`.
        comparisons: Comparisons of the outputs that were answered, in their order; none for a refusal or an exception.
        why: Empty if the case passed, else a sentence.
        suspicions: Known mistakes that give the numbers of the answer.
        overwritten: Names of the arguments that the implementation changed.
    """

    case: Case
    dtype: str
    outcome: str
    comparisons: tuple[Comparison, ...] = ()
    why: str = ""
    suspicions: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()

    @property
    def first_difference(self) -> Comparison | None:
        """The first output, in the order of computation, that differs."""
        return next((c for c in self.comparisons if not c.passed), None)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The outputs that the case expects and the answer lacks."""
        if not self.comparisons:
            return ()
        answered = {c.output for c in self.comparisons}
        return tuple(output for output in self.case.expected[0] if output not in answered)
