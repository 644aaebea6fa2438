"""The description of a function that an implementation may provide: everything the kit knows of it.

A module of `functions/` makes a `Function` and adds to it, from top to bottom, the bound of its rounding error, its
cases, its refusals and the mistakes that people make. `FUNCTIONS`, `catalogue()` and `MISTAKES` find every module that
is there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

import snr_ref
from snr_ref.conformance.arguments import DTYPES, HALF
from snr_ref.conformance.clauses import CLAUSES
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.groups import Group, refusals
from snr_ref.conformance.precision import Precision


@dataclass(frozen=True)
class Choices:
    """The return value of a case builder if more than one answer is right: the arguments of each."""

    arguments: tuple[Mapping[str, Any], ...]


Arguments = Mapping[str, Any]
#: A function from a case's arguments to the bound of each output's absolute error.
Bound = Callable[[Arguments, Precision], dict[str, np.ndarray]]
#: A function from the random numbers of a case to its arguments.
Builder = Callable[[Draw], Mapping[str, Any] | Choices]

Adapter = TypeVar("Adapter", bound=type[Any])
AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Recipe:
    """How to make a case: the fields of `Case`, and the function that draws its arguments."""

    name: str
    group: Group
    reason: str
    clauses: tuple[str, ...]
    build: Builder
    kind: str
    outputs: tuple[str, ...] | None


@dataclass(frozen=True)
class Mistake:
    """One way to get a function wrong.

    Attributes:
        name: A few words joined by underscores.
        about: What is wrong, in a sentence.
        who: Who makes the mistake, and why.
        clause: Clause of the specification that it violates.
        function: Function where it first shows; nothing that is computed before is wrong.
        output: Output of that function where it first shows.
        adapter: Implementation that makes this mistake and no other.
    """

    name: str
    about: str
    who: str
    clause: str
    function: str
    output: str
    adapter: Any


@dataclass(eq=False)
class Function:
    """One function of the reference.

    Attributes:
        name: Name in `snr_ref`.
        outputs: Outputs, flattened, in the order in which they are computed: where two implementations differ, look at
            the first output that differs.
        clause: Clause of the specification that defines the function.
        after: Function after which it is listed; empty for the first of all.
        maps: Arguments and outputs that are feature maps. In half precision only these have the half dtype, and
            everything else is float32. No case runs a function without maps in half precision.
        records: Arguments that consist of several arrays, each with its NamedTuple in the reference.
        own_functions: Arguments that are a function of the implementation itself: a case holds a word, from which a
            pattern such as "{}_distance" makes the function's name.
        parts: Functions of an implementation of which this one is composed; empty if it is one of them.
        spread: NamedTuple whose fields are outputs, where implementations may return it as one part of a tuple.
        is_tuple: Whether a plain tuple holds the outputs in their order.
        recipes: Cases of the function.
        mistakes: Mistakes in this function that show in none of the functions of which it is composed.
    """

    name: str
    outputs: tuple[str, ...]
    _: KW_ONLY
    clause: str
    after: str
    maps: frozenset[str] = frozenset()
    records: Mapping[str, Any] = field(default_factory=dict)
    own_functions: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    spread: Any = None
    is_tuple: bool = True
    recipes: list[Recipe] = field(default_factory=list, repr=False)
    mistakes: list[Mistake] = field(default_factory=list, repr=False)
    _bound: Bound | None = field(default=None, repr=False)
    _is_decided: Callable[[Arguments, Precision], bool] | None = field(default=None, repr=False)
    _besides: Callable[[Arguments], dict[str, np.ndarray]] | None = field(default=None, repr=False)
    _composition: Callable[..., Any] | None = field(default=None, repr=False)
    _good: Callable[[Draw], dict[str, Any]] | None = field(default=None, repr=False)

    # Added by a module of `functions/`

    def bound(self, bound: Bound) -> Bound:
        """Decorator of the function that bounds the error that rounding alone explains."""
        self._bound = bound
        return bound

    def decision(self, is_decided: Callable[[Arguments, Precision], bool]) -> Callable[[Arguments, Precision], bool]:
        """Decorator of the function that says whether rounding leaves choices, such as the nearest of two, alone."""
        self._is_decided = is_decided
        return is_decided

    def besides(
        self, outputs: Callable[[Arguments], dict[str, np.ndarray]]
    ) -> Callable[[Arguments], dict[str, np.ndarray]]:
        """Decorator of the function that computes outputs that the reference does not return."""
        self._besides = outputs
        return outputs

    def composition(self, function: AnyFunction) -> AnyFunction:
        """Decorator of the function that composes this one from the `parts` of its first argument."""
        self._composition = function
        return function

    def case(
        self,
        group: Group,
        *clauses: str,
        kind: str = "numbers",
        outputs: tuple[str, ...] | None = None,
        prefix: str = "",
        besides: Arguments | None = None,
    ) -> Callable[[AnyFunction], AnyFunction]:
        """Decorator of the function that draws a case's arguments; its docstring says why the case exists.

        The case has the builder's name, which may begin with the group's name where a file would define it twice.

        Args:
            group: Group of the case.
            clauses: Clauses that the case pins.
            kind: "numbers", "pattern" or "refusal".
            outputs: Outputs to compare; None means all.
            prefix: Prefix of the case's name, before the builder's name.
            besides: More arguments, where several functions share a builder.
        """

        def add(build: AnyFunction) -> AnyFunction:
            name = f"{group.name}/{prefix}{build.__name__.removeprefix(f'{group.name}_')}"
            self._add(
                name, group, build.__doc__ or "", clauses, lambda draw: _with(build(draw), besides), kind, outputs
            )
            return build

        return add

    def good(self, build: Callable[[Draw], dict[str, Any]]) -> Callable[[Draw], dict[str, Any]]:
        """Decorator of the function that draws valid arguments."""
        self._good = build
        return build

    def refuse(self, what: str, why: str, *clauses: str, **wrong: Callable[[Any], Any]) -> None:
        """Add a refusal: valid arguments, except for the named ones, which are made from the valid ones.

        Args:
            what: What is wrong, in a word or two for the case's name.
            why: Why it must be refused, in a sentence.
            clauses: Clauses that the case pins, besides the clause on refusals.
            wrong: Functions that make the wrong argument from the valid one, which is None if it may be absent.
        """

        def build(draw: Draw) -> dict[str, Any]:
            arguments = self.good_arguments(draw)
            return arguments | {name: spoil(arguments.get(name)) for name, spoil in wrong.items()}

        self._add(f"{refusals.name}/{self.name}_{what}", refusals, why, (*clauses, "6.6"), build, "refusal", None)

    def mistake(self, clause: str, output: str, *, who: str) -> Callable[[Adapter], Adapter]:
        """Decorator of an implementation with one mistake, named as the class and described by its docstring.

        Args:
            clause: Clause that it violates.
            output: Output of this function where it first shows.
            who: Who makes the mistake.
        """
        if clause not in CLAUSES or output not in self.outputs:
            raise ValueError(f"A mistake must name a clause and an output of {self.name}. Received: {clause}, {output}")

        def add(adapter: Adapter) -> Adapter:
            name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in adapter.__name__)[1:]
            about = " ".join((adapter.__doc__ or "").split())
            self.mistakes.append(Mistake(name, about, who, clause, self.name, output, adapter()))
            return adapter

        return add

    def _add(self, name: str, group: Group, reason: str, *rest: Any) -> None:
        if not reason or any(recipe.name == name for recipe in self.recipes):
            raise ValueError(f"{name} must be new and say in its docstring why it is there")
        self.recipes.append(Recipe(name, group, " ".join(reason.split()), *rest))

    # Used by the kit

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes in which its cases can be run."""
        return DTYPES if self.maps else tuple(d for d in DTYPES if d not in HALF)

    @property
    def half_arguments(self) -> frozenset[str]:
        """The arguments with the half dtype in half precision, which are maps, or all except gradients and records."""
        given = set(self.signature.parameters) - set(self.records)
        return self.maps or frozenset(name for name in given if not name.startswith("grad_"))

    @property
    def half_outputs(self) -> frozenset[str]:
        """The outputs with the half dtype, which are maps, or the gradients of arguments given in half precision."""
        return self.maps or frozenset(name for name in self.outputs if name.startswith("grad_"))

    @property
    def signature(self) -> inspect.Signature:
        """The signature of the reference, or of the composition without its first argument, the implementation."""
        if self._composition is None:
            return inspect.signature(getattr(snr_ref, self.name))
        return inspect.signature(partial(self._composition, None))

    def bounds(self, arguments: Arguments, precision: Precision) -> dict[str, np.ndarray]:
        """The largest errors of a correct implementation's outputs that rounding alone can cause.

        Args:
            arguments: Arguments by name, in float64. What comes out of another function, such as logits, multilabels or
                gradients, may be off itself, as `Rounded` says, and the bound then has what is made of that in it.
            precision: Precision in which it computes and stores.

        Returns:
            The largest absolute error of each number of each output.
        """
        assert self._bound is not None, f"{self.name} has no bound"
        return self._bound(arguments, precision)

    def is_decided(self, arguments: Arguments, precision: Precision) -> bool:
        """Whether every choice in the answer, such as which distance is the smallest, is independent of rounding.

        Where it is not, the bounds do not hold.
        """
        return self._is_decided is None or self._is_decided(arguments, precision)

    def good_arguments(self, draw: Draw) -> dict[str, Any]:
        """Valid arguments."""
        assert self._good is not None, f"{self.name} has no good arguments"
        return self._good(draw)

    def provided_by(self, adapter: Any) -> bool:
        """Whether an implementation has the function, or all of its parts."""
        return all(callable(getattr(adapter, part, None)) for part in self.parts or (self.name,))

    def call(self, implementation: Any, arguments: Arguments) -> dict[str, np.ndarray]:
        """Call it as the reference is called: positional arguments by position, others by keyword.

        Args:
            implementation: Object with the function as an attribute.
            arguments: Arguments by name.

        Returns:
            The outputs by name.

        Raises:
            NotImplementedError: If the implementation lacks a function that this call needs.
        """
        values = dict(arguments)
        for name, pattern in self.own_functions.items():
            if name in values:
                values[name] = _attribute(implementation, pattern.format(values[name]))
        declared = self.signature.parameters.values()
        parameters = [p for p in declared if p.kind is p.POSITIONAL_OR_KEYWORD]
        while parameters and parameters[-1].default is None and values.get(parameters[-1].name) is None:
            parameters.pop()
        positional = [values.get(p.name) for p in parameters]
        keywords = {p.name: values[p.name] for p in declared if p.kind is p.KEYWORD_ONLY and p.name in values}
        if self._composition is None:
            return self.named(_attribute(implementation, self.name)(*positional, **keywords))
        return self.named(partial(self._composition, _Needed(implementation))(*positional, **keywords))

    def reference(self, arguments: Arguments) -> dict[str, np.ndarray]:
        """The outputs of the reference by name, in the precision of the arguments."""
        besides = {} if self._besides is None else self._besides(arguments)
        return besides | self.call(snr_ref, arguments)

    def named(self, result: Any) -> dict[str, np.ndarray]:
        """The returned value as outputs by name.

        Args:
            result: An array for one output. For several, a tuple in the reference's order, or a mapping or an object
                that has any of them by name. A gradient of None is zero: a scalar 0 stands for it.

        Returns:
            The outputs that are there, as arrays in the dtype in which they were returned.

        Raises:
            TypeError: If the result is none of these; the message names what was expected and what was received.
        """
        by_name: dict[str, Any]
        if isinstance(result, Mapping):
            by_name = {output: result[output] for output in self.outputs if output in result}
        elif isinstance(result, tuple | list) and not hasattr(result, "_fields") and self.is_tuple:
            by_name = dict(zip(self.outputs, self._one_by_one(result), strict=False))
        elif len(self.outputs) == 1:
            by_name = {self.outputs[0]: result}
        else:
            by_name = {output: getattr(result, output) for output in self.outputs if hasattr(result, output)}
        if not by_name:
            raise TypeError(f"{self.name} must return {', '.join(self.outputs)}. Received: {type(result).__name__}")
        zero = {output: 0.0 for output, value in by_name.items() if value is None and output.startswith("grad_")}
        return {output: np.asarray(value) for output, value in (by_name | zero).items() if value is not None}

    def _one_by_one(self, result: Sequence[Any]) -> list[Any]:
        """The parts of a tuple, where one part may hold the fields of a record."""
        fields = () if self.spread is None else self.spread._fields
        parts: list[Any] = []
        for part in result:
            if isinstance(part, Mapping) and not set(part).isdisjoint(fields):
                parts += [part.get(name) for name in fields]
            elif fields and hasattr(part, fields[0]):
                parts += [getattr(part, name, None) for name in fields]
            else:
                parts.append(part)
        return parts


def _with(built: Arguments | Choices, besides: Arguments | None) -> Arguments | Choices:
    return built if besides is None or isinstance(built, Choices) else {**built, **besides}


def _attribute(implementation: Any, name: str) -> Any:
    function = getattr(implementation, name, None)
    if function is None:
        raise NotImplementedError(f"{name} is not provided")
    return function


class _Needed:
    """An implementation in which a missing function counts as not provided, not as an error."""

    def __init__(self, implementation: Any):
        self._implementation = implementation

    def __getattr__(self, name: str) -> Any:
        return _attribute(self._implementation, name)
