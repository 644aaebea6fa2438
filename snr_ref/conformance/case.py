"""A case: a function's arguments, the reason for them, the expected answer and the error that rounding explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snr_ref.conformance.arguments import is_exact
from snr_ref.conformance.clauses import CLAUSES
from snr_ref.conformance.expectation import Expected, expect
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.groups import Group


@dataclass(frozen=True, eq=False)
class Case:
    """One question to an implementation.

    Attributes:
        name: `group/case`; it seeds everything random in the case.
        group: Group of the case.
        reason: Why the case exists.
        clauses: Clauses of the specification that the case pins.
        function: Function to call, a name in `FUNCTIONS`.
        arguments: Arguments by the names of the reference, in float64.
        kind: "numbers": the expected numbers, within the tolerance. "pattern": where numbers are finite, or one of
            several answers. "refusal": any exception except NotImplementedError.
        outputs: Outputs to compare; None means all.
        choices: Other arguments whose answers are equally right, such as another order among ties.
    """

    name: str
    group: Group
    reason: str
    clauses: tuple[str, ...]
    function: str
    arguments: Mapping[str, Any]
    kind: str = "numbers"
    outputs: tuple[str, ...] | None = None
    choices: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a case that names an unknown function or clause."""
        unknown = [clause for clause in self.clauses if clause not in CLAUSES]
        if unknown or not self.clauses:
            raise ValueError(f"{self.name} must pin clauses of the specification. Received: {self.clauses}")
        if self.function not in FUNCTIONS:
            raise ValueError(f"{self.name} calls {self.function!r}, which must be one of {', '.join(FUNCTIONS)}")

    @cached_property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes that hold its arguments exactly; a refusal is run in float64 only."""
        if self.kind == "refusal":
            return ("float64",)
        function = FUNCTIONS[self.function]
        return tuple(dtype for dtype in function.dtypes if is_exact(self.arguments, dtype, function.maps))

    @cached_property
    def expected(self) -> tuple[Expected, ...]:
        """The right answers, any of which is accepted; none for a refusal. The reference computes them on first use."""
        if self.kind == "refusal":
            return ()
        answers = (
            expect(FUNCTIONS[self.function], arguments, self.dtypes) for arguments in (self.arguments, *self.choices)
        )
        return tuple(
            {name: numbers for name, numbers in answer.items() if self.outputs is None or name in self.outputs}
            for answer in answers
        )
