"""A case: what a function is given, why, what it must answer, and how far off rounding alone can put the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snr_ref.conformance.clauses import CLAUSES
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.expectation import Expected, expect
from snr_ref.conformance.functions import FUNCTIONS, Function, is_exact


@dataclass(frozen=True, eq=False)
class Group:
    """Cases of one kind.

    Attributes:
        name: As in the names of its cases, `group/case`.
        about: What it is, in a sentence.
        required: Whether an implementation of SNR has to have it; a partial one may leave out the others.
    """

    name: str
    about: str
    required: bool


@dataclass(frozen=True, eq=False)
class Case:
    """One question to an implementation.

    Attributes:
        name: `group/case`; everything random in the case follows from it.
        group: The group it belongs to.
        reason: Why it is there.
        clauses: The clauses of the specification that it pins.
        function: What is called, a name in `FUNCTIONS`.
        arguments: By the names of the reference, in float64.
        kind: "numbers": these, within the tolerance. "pattern": where numbers are finite, or one of several answers.
            "refusal": an exception, whichever; a NotImplementedError is none.
        outputs: The outputs that are compared; None is all.
        choices: Other arguments whose answers are as right, such as another order among ties; without the first.
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
        """Refuse a case that names what is not there."""
        unknown = [clause for clause in self.clauses if clause not in CLAUSES]
        if unknown or not self.clauses:
            raise ValueError(f"{self.name} must pin clauses of the specification. Received: {self.clauses}")
        if self.function not in FUNCTIONS:
            raise ValueError(f"{self.name} calls {self.function!r}, which is none of {', '.join(FUNCTIONS)}")

    @cached_property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes that hold its arguments exactly; a refusal is asked in float64 alone."""
        function: Function = FUNCTIONS[self.function]
        if self.kind == "refusal":
            return ("float64",)
        return tuple(dtype for dtype in function.dtypes if is_exact(function, self.arguments, dtype))

    @cached_property
    def expected(self) -> tuple[Expected, ...]:
        """The answers that are right, any of them; none for a refusal. The reference computes them when first asked."""
        if self.kind == "refusal":
            return ()
        answers = (expect(self.function, arguments, self.dtypes) for arguments in (self.arguments, *self.choices))
        return tuple(
            {name: numbers for name, numbers in answer.items() if self.outputs is None or name in self.outputs}
            for answer in answers
        )


@dataclass(frozen=True)
class Choices:
    """What the builder of a case returns if more than one answer is right: the arguments of each."""

    arguments: tuple[Mapping[str, Any], ...]


Builder = Callable[[Draw], Mapping[str, Any] | Choices]


class Catalogue:
    """The cases of one group, each written as a function that draws its arguments and says in its docstring why."""

    def __init__(self, name: str, about: str, *, required: bool = False):
        self.group = Group(name, about, required)
        self._cases: dict[str, Callable[[], Case]] = {}

    def case(
        self, function: str, *clauses: str, kind: str = "numbers", outputs: tuple[str, ...] | None = None
    ) -> Callable[[Builder], Builder]:
        """Add a case: its name is the builder's, its reason the builder's docstring.

        Args:
            function: What is called.
            clauses: What the case pins.
            kind: "numbers", "pattern" or "refusal".
            outputs: The outputs that are compared; None is all.
        """

        def add(build: Builder) -> Builder:
            name = f"{self.group.name}/{build.__name__}"
            if name in self._cases or not build.__doc__:
                raise ValueError(f"{name} must be new and say in its docstring why it is there")
            reason = " ".join(build.__doc__.split())

            def make() -> Case:
                built = build(Draw(name))
                first, *choices = built.arguments if isinstance(built, Choices) else (built,)
                return Case(name, self.group, reason, clauses, function, first, kind, outputs, tuple(choices))

            self._cases[name] = make
            return build

        return add

    def __iter__(self) -> Iterator[Case]:
        return (make() for make in self._cases.values())
