"""A wrong answer is recognized as the mistake that gives it, and nothing else is."""

import numpy as np
import pytest

from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.diagnosis import diagnose
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.mistakes import MISTAKES
from snr_ref.conformance.steps import Literal

#: Where all is junk, a mistake takes the mean over no query.
pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")

LITERAL = Implementation(Literal())


def of_function(function: str, kind: str = "numbers"):
    return [case for case in catalogue() if case.function == function and case.kind == kind]


#: What these get wrong is rounding, which is another number on every machine, or overflow, elsewhere in every dtype.
ROUNDING = {"6.1", "6.4", "6.5", "2.8"}


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.clause not in ROUNDING], ids=lambda mistake: mistake.name)
def test_the_numbers_of_a_mistake_are_recognized(mistake):
    implementation = Implementation(mistake.adapter)
    for case in of_function(mistake.function) + of_function(mistake.function, "pattern"):
        if "float32" in case.dtypes:
            with np.errstate(all="ignore"):
                answer = implementation.answer(case, "float32")
            names = diagnose(case, "float32", answer)
            if any(name.startswith(f"{mistake.name.replace('_', ' ')}: ") for name in names):
                return
    pytest.fail(f"not recognized in float32 by any case of {mistake.function}")


def test_a_right_answer_is_no_mistake():
    for case in of_function("snr"):
        for dtype in set(case.dtypes) & set(LITERAL.dtypes):
            assert diagnose(case, dtype, LITERAL.answer(case, dtype)) == []


def test_an_unknown_mistake_is_none_of_the_known():
    case = of_function("snr")[0]
    wrong = {name: value + 0.125 for name, value in LITERAL.answer(case, "float64").items()}
    assert diagnose(case, "float64", wrong) == []


def test_part_of_the_outputs_is_enough():
    case = of_function("snr")[0]
    unbiased = next(m for m in MISTAKES if m.name == "unbiased_variance")
    answer = Implementation(unbiased.adapter).answer(case, "float64")
    names = diagnose(case, "float64", {"F_plus": answer["F_plus"]})
    assert names == ["unbiased variance: The variance is divided by the number of pixels less one."]


def test_a_gate_that_is_clipped_is_no_hard_sigmoid():
    for case in of_function("channel_attention"):
        for dtype in ("float64", "float32"):
            gate = np.clip(LITERAL.answer(case, dtype)["a"], 1e-7, 1 - 1e-7)
            assert diagnose(case, dtype, {"a": gate}) == []


@pytest.mark.parametrize("answer", [{}, {"a": np.zeros(3)}, {"a": np.array("text")}, {"a": np.array(None)}])
def test_whatever_came_it_does_not_raise(answer):
    assert diagnose(of_function("snr")[0], "float64", answer) == []
