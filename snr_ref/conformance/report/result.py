"""What one case came to in one dtype."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from snr_ref.conformance.case import Case
from snr_ref.conformance.comparison import Comparison

#: What one case in one dtype can come to. "not asked" is a refusal that the implementation takes no part in.
OUTCOMES = ("passed", "failed", "expected failure", "unexpected pass", "not provided", "not asked")

#: Those of a case that was answered.
PROVIDED = OUTCOMES[:4]


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
        overwritten: The arguments that it changed, by name.
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
        """The first output in the order of the chain that differs."""
        return next((c for c in self.comparisons if not c.passed), None)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The outputs that the case expects and the answer lacks."""
        if not self.comparisons:
            return ()
        answered = {c.output for c in self.comparisons}
        return tuple(output for output in self.case.expected[0] if output not in answered)
