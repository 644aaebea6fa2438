"""The cases of losses, gradients and metrics: what is right passes with room to spare, what is wrong does not."""

from __future__ import annotations

import numpy as np
import pytest

import snr_ref
from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.comparison import compare
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.functions.batch_hard_triplet import is_decided
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.mistakes import MISTAKES
from snr_ref.conformance.precision import PRECISIONS
from snr_ref.conformance.steps import Literal

GROUPS = (
    "distances",
    "dual_causality",
    "cross_entropy",
    "batch_hard_triplet",
    "objective",
    "loss_gradients",
    "retrieval",
    "retrieval_ties",
)
CASES = {case.name: case for case in catalogue() if case.group.name in GROUPS}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@np.errstate(all="ignore")
def complaints(implementation: Implementation, case: Case, dtype: str) -> list[str]:
    """Why the implementation fails the case; nothing if it passes."""
    return [f"{c.output}: {c.why}" for c in compare(case, dtype, implementation.answer(case, dtype)) if not c.passed]


def failed_by(mistake: str, function: str, dtype: str) -> set[str]:
    """The cases of a function that a known mistake fails."""
    (wrong,) = (Implementation(known.adapter) for known in MISTAKES if known.name == mistake)
    return {name for name, case in CASES.items() if case.function == function and complaints(wrong, case, dtype)}


@each_case
def test_the_reference_passes_its_own_case(case: Case) -> None:
    assert complaints(Implementation(snr_ref), case, "float64") == []


@each_case
def test_every_case_is_asked_in_single_precision_too_unless_that_has_no_such_numbers(case: Case) -> None:
    assert case.dtypes == (("float64",) if case.name.endswith("_in_float64") else ("float64", "float32"))


class Unscaled(Literal):
    """A Euclidean distance is the root of a sum of squares as they are."""

    def euclidean_distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.sqrt(((x[:, np.newaxis] - y) ** 2).sum(axis=-1))


class Expanded(Literal):
    """A Euclidean distance is the root of |x|^2 + |y|^2 - 2 x.y."""

    def euclidean_distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        squares = (x**2).sum(axis=1)[:, np.newaxis] + (y**2).sum(axis=1) - 2 * x @ y.T
        return np.sqrt(np.maximum(squares, 0))


@pytest.mark.parametrize(
    ("wrong", "failing"),
    [
        (Unscaled, {f"distances/euclidean_{size}" for size in ("tiny", "huge", "tiny_in_float64", "huge_in_float64")}),
        (Expanded, {"distances/euclidean_near_duplicates", "batch_hard_triplet/near_neighbours"}),
    ],
)
def test_squares_that_overflow_or_cancel_fail_where_they_are_asked_for(wrong: type, failing: set[str]) -> None:
    for name in failing:
        case = CASES[name]
        assert complaints(Implementation(wrong()), case, case.dtypes[-1])
        assert not complaints(Implementation(Literal()), case, case.dtypes[-1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pooled_noise_shows_where_beta_is_zero_and_nowhere_else(dtype: str) -> None:
    assert failed_by("pooled_normalized_map", "objective", dtype) == {"objective/at_the_start"}
    assert "rounding noise" in CASES["objective/at_the_start"].reason


def test_the_order_among_ties_is_asked_for_in_its_own_group_alone() -> None:
    failed = failed_by("ties_reversed", "evaluate_retrieval", "float64")
    assert {CASES[name].group.name for name in failed} == {"retrieval_ties"}


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.function == "batch_hard_triplet_gradient"], ids=lambda c: c.name
)
def test_rounding_decides_no_gradient_of_the_triplet_loss(case: Case) -> None:
    assert all(is_decided(case.arguments, PRECISIONS[dtype]) for dtype in case.dtypes)


@pytest.mark.parametrize(
    "case", [c for c in catalogue() if c.group.name in ("mining", "joint_embedding")], ids=lambda c: c.name
)
def test_rounding_decides_neither_what_is_mined_nor_which_agents_are_hard(case: Case) -> None:
    assert FUNCTIONS[case.function].is_decided(case.arguments, PRECISIONS["float32"])


def test_a_near_tie_is_not_decided() -> None:
    features = np.array([[0.0, 0], [1, 0], [0, 1 + 2.0**-22], [8, 8]])
    arguments = {"features": features, "labels": np.array([0, 0, 0, 1]), "margin": "soft"}
    assert not is_decided(arguments, PRECISIONS["float32"])
    assert is_decided(arguments, PRECISIONS["float64"])


def test_an_anchor_on_the_edge_of_the_hinge_is_not_decided() -> None:
    arguments = {"features": np.array([[0.0], [1.1], [1.6]]), "labels": np.array([0, 0, 1])}
    assert is_decided(arguments | {"margin": 0.25}, PRECISIONS["float64"])
    assert not is_decided(arguments | {"margin": 0.5}, PRECISIONS["float64"])


def test_an_anchor_on_the_edge_of_the_hinge_is_decided_where_distances_are_exact() -> None:
    arguments = {"features": np.array([[0.0], [1], [1.5]]), "labels": np.array([0, 0, 1]), "margin": 0.5}
    assert is_decided(arguments, PRECISIONS["float32"])


def test_the_answers_to_ties_differ() -> None:
    case = CASES["retrieval/any_order_among_ties"]
    assert len({float(answer["mAP"].value) for answer in case.expected}) == 3


@pytest.mark.parametrize(
    "clause",
    ["2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "3.1", "3.2", "3.3", "3.4", "5.3", "5.4", "6.4", "6.6"]
    + [f"7.{number}" for number in range(1, 8)],
)
def test_the_clause_is_pinned(clause: str) -> None:
    assert clause in {c for case in catalogue() if case.group.name in (*GROUPS, "refusals") for c in case.clauses}
