"""The refusals: each has one thing wrong, and that is why the reference refuses it."""

import pytest

import snr_ref
from snr_ref.conformance.arguments import flat
from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.functions.dual_causality import TRIPLETS
from snr_ref.conformance.implementation import Implementation

CASES = [case for case in catalogue() if case.group.name == "refusals"]
FUNCTIONS_THAT_REFUSE = [name for name in FUNCTIONS if name != "objective"]


@pytest.mark.parametrize("function", FUNCTIONS_THAT_REFUSE)
def test_nothing_is_wrong_with_the_good_arguments(function: str) -> None:
    FUNCTIONS[function].call(snr_ref, FUNCTIONS[function].good_arguments(Draw("any")))


@pytest.mark.parametrize("function", ["dual_causality_loss", "dual_causality_gradients"])
def test_nothing_is_wrong_with_the_triplets_that_are_spoilt(function: str) -> None:
    good = FUNCTIONS[function].good_arguments(Draw("any"))
    FUNCTIONS[function].call(snr_ref, good | {"triplets": TRIPLETS})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_reference_refuses_it_in_words(case: Case) -> None:
    with pytest.raises(ValueError, match=r"Received|must have"):
        Implementation(snr_ref).answer(case, "float64")


def test_every_function_refuses_something() -> None:
    assert {case.function for case in CASES} == set(FUNCTIONS_THAT_REFUSE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_few_arguments_are_wrong_at_once(case: Case) -> None:
    right = flat(FUNCTIONS[case.function].good_arguments(Draw(case.name)))
    given = flat(case.arguments)
    unlike = [name for name in right | given if repr(given.get(name)) != repr(right.get(name))]
    assert 1 <= len(unlike) <= 3


def test_nothing_is_expected_of_a_refusal_and_it_is_asked_in_double_precision_alone() -> None:
    for case in CASES:
        assert case.kind == "refusal"
        assert case.expected == ()
        assert case.dtypes == ("float64",)
