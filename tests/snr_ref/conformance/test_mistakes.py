"""Every mistake that is shipped is caught, and the report would point at the step where it is."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.comparison import compare
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.mistakes import MISTAKES, Literal, Mistake

LITERAL = Implementation(Literal())


class Failure(NamedTuple):
    """A case that is answered wrongly, and the first output that is wrong."""

    case: Case
    dtype: str
    output: str


def failures(implementation: Implementation, function: str) -> Iterator[Failure]:
    """The cases of a function that an implementation fails, in every dtype."""
    for case in catalogue():
        for dtype in case.dtypes if case.function == function and case.kind != "refusal" else ():
            if dtype in implementation.dtypes:
                output = first_difference(implementation, case, dtype)
                if output is not None:
                    yield Failure(case, dtype, output)


def first_difference(implementation: Implementation, case: Case, dtype: str) -> str | None:
    """The first output that is wrong, or that there is none because of an exception."""
    with np.errstate(all="ignore"):
        try:
            answer = implementation.answer(case, dtype)
        except Exception:
            return "an exception"
        return next((c.output for c in compare(case, dtype, answer) if not c.passed), None)


@cache
def caught(mistake: Mistake) -> tuple[Failure, ...]:
    """The cases that a mistake fails, of the function where it first shows."""
    return tuple(failures(Implementation(mistake.adapter), mistake.function))


each_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_the_mistakes_are_made_of_is_right(function):
    assert any(case.function == function for case in catalogue())
    assert [(f.case.name, f.dtype, f.output) for f in failures(LITERAL, function)] == []


@each_mistake
def test_it_is_caught_by_a_case_that_pins_its_clause(mistake):
    found = caught(mistake)
    assert any(mistake.clause in f.case.clauses and f.output == mistake.output for f in found), found


@each_mistake
def test_nothing_before_it_in_the_chain_is_found_wrong(mistake):
    chain = ("an exception", *FUNCTIONS[mistake.function].outputs)
    assert min((f.output for f in caught(mistake)), key=chain.index) == mistake.output


@each_mistake
def test_it_says_what_is_wrong_and_who_does_it(mistake):
    assert mistake.about.endswith(".")
    assert mistake.who


def test_no_two_have_one_name():
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 24
