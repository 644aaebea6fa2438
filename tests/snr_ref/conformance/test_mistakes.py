"""Every mistake that is shipped is caught, and the report would point at the step where it is."""

from collections.abc import Iterator
from functools import cache

import pytest

from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.mistakes import MISTAKES, Literal, Mistake
from snr_ref.conformance.result import Result
from snr_ref.conformance.runner import run

LITERAL = Implementation(Literal())


@cache
def results(mistake: Mistake) -> tuple[Result, ...]:
    """Every case of the function where the mistake first shows."""
    return tuple(ask(Implementation(mistake.adapter), mistake.function))


def ask(implementation: Implementation, function: str) -> Iterator[Result]:
    """Every case of a function in every dtype."""
    for case in catalogue():
        if case.function == function and case.kind != "refusal":
            yield from (run(implementation, case, d) for d in case.dtypes if d in implementation.dtypes)


def first_difference(result: Result) -> str:
    """The first output that is wrong; an exception is no output."""
    return next((c.output for c in result.comparisons if not c.passed), "an exception")


each_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_the_mistakes_are_made_of_is_right(function):
    answers = list(ask(LITERAL, function))
    assert answers
    assert [(r.case.name, r.dtype, r.why) for r in answers if r.outcome != "passed"] == []


@each_mistake
def test_it_is_caught_by_a_case_that_pins_its_clause(mistake):
    caught = [r for r in results(mistake) if r.outcome == "failed"]
    assert any(mistake.clause in r.case.clauses and first_difference(r) == mistake.output for r in caught), {
        r.case.name: (first_difference(r), r.case.clauses) for r in caught
    }


@each_mistake
def test_nothing_before_it_in_the_chain_is_found_wrong(mistake):
    chain = ("an exception", *FUNCTIONS[mistake.function].outputs)
    first = min((first_difference(r) for r in results(mistake) if r.outcome == "failed"), key=chain.index)
    assert first == mistake.output


@each_mistake
def test_it_says_what_is_wrong_and_who_does_it(mistake):
    assert mistake.about.endswith(".")
    assert mistake.who


def test_no_two_have_one_name():
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 24
