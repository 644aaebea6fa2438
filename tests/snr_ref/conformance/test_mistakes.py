"""Every mistake that is shipped is caught, and the report would point at the step where it is."""

from functools import cache

import numpy as np
import pytest

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.comparison import compare
from snr_ref.conformance.function import Mistake
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.mistakes import MISTAKES
from snr_ref.conformance.report import Result
from snr_ref.conformance.report.difference import Difference, first_differences
from snr_ref.conformance.runner import questions
from snr_ref.conformance.steps import Literal, ReRanking, Retrieval, Verification

#: Where all is junk, a mistake takes the mean over no query.
pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")

RIGHT = [Implementation(steps()) for steps in (Literal, Retrieval, Verification, ReRanking)]


def answers(implementation: Implementation, function: str) -> list[Result]:
    """The results of a function's cases in every dtype; unlike `run`, without a search for the mistake."""
    of_function = [case for case in catalogue() if case.function == function and case.kind != "refusal"]
    return [answered(implementation, case, dtype) for case, dtype in questions(implementation, of_function)]


def answered(implementation: Implementation, case: Case, dtype: str) -> Result:
    with np.errstate(all="ignore"):
        try:
            comparisons = tuple(compare(case, dtype, implementation.answer(case, dtype)))
        except Exception:
            return Result(case, dtype, "failed", why="an exception")
    passed = all(c.passed for c in comparisons)
    return Result(case, dtype, "passed" if passed else "failed", comparisons)


@cache
def answers_of(mistake: Mistake) -> list[Result]:
    """The results of the function where the mistake first shows."""
    return answers(Implementation(mistake.adapter), mistake.function)


def caught(mistake: Mistake) -> list[tuple[Case, str]]:
    """The cases that it fails, each with the first output that is wrong."""
    failed = [r for r in answers_of(mistake) if r.outcome == "failed"]
    return [(r.case, r.first_difference.output if r.first_difference else "an exception") for r in failed]


def difference_at(output: str, results: list[Result]) -> Difference:
    """The report's line on the place where the results start to differ."""
    return next(difference for difference in first_differences(results) if difference.output == output)


each_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_the_mistakes_are_made_of_is_right(function):
    assert any(case.function == function for case in catalogue())
    (right,) = (implementation for implementation in RIGHT if implementation.provides(function))
    assert [(r.case.name, r.dtype) for r in answers(right, function) if r.outcome == "failed"] == []


@each_mistake
def test_it_is_caught_by_a_case_that_pins_its_clause(mistake):
    found = caught(mistake)
    assert any(mistake.clause in case.clauses and output == mistake.output for case, output in found), found


@each_mistake
def test_nothing_before_it_in_the_chain_is_found_wrong(mistake):
    chain = ("an exception", *FUNCTIONS[mistake.function].outputs)
    assert min((output for _, output in caught(mistake)), key=chain.index) == mistake.output


@each_mistake
def test_its_clause_is_among_the_three_at_most_that_the_report_shows(mistake):
    clauses = difference_at(mistake.output, answers_of(mistake)).clauses
    assert mistake.clause in clauses
    assert len(clauses) <= 3


def test_a_folded_instance_norm_points_to_large_means_and_constant_channels():
    folded = next(mistake for mistake in MISTAKES if mistake.name == "folded_instance_norm")
    assert {"6.1", "6.2"} <= set(difference_at("F_tilde", answers_of(folded)).clauses[:2])


@pytest.mark.parametrize(
    ("name", "clause"),
    [("mean_over_all_pairs", "2.6"), ("anchors_of_both_kinds", "2.6"), ("distinct_triplets", "2.7")],
)
def test_wrong_weights_of_anchors_and_triplets_point_to_the_clause_of_the_mean(name, clause):
    (wrong,) = (mistake for mistake in MISTAKES if mistake.name == name)
    for difference in first_differences(answers_of(wrong)):
        assert difference.clauses[0] == clause


@each_mistake
def test_it_says_what_is_wrong_and_who_does_it(mistake):
    assert mistake.about.endswith(".")
    assert mistake.who


def test_no_two_have_one_name():
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 24
