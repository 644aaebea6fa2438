"""`assert_conforms`: what right and wrong answers to drawn arguments come to."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import snr_ref
from snr_ref.conformance.assertion import assert_conforms, is_decided
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.steps import Literal, ReRanking, Retrieval, Verification

ADAPTERS = (Literal(), Retrieval(), Verification(), ReRanking())
ROWS = {"x": np.array([[1.0, 2, 3], [0.1, -0.7, 0.3]]), "y": np.array([[0.3, 0.2, -0.1]])}


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "objective"])
def test_right_answers_conform_in_every_dtype_that_they_come_in(function: str) -> None:
    about = FUNCTIONS[function]
    arguments = about.good_arguments(Draw("arguments in general position"))
    adapter = next(adapter for adapter in ADAPTERS if about.provided_by(adapter))
    for dtype in set(about.dtypes) & set(adapter.dtypes) - {"bfloat16"}:
        if is_decided(function, arguments, dtype=dtype):
            assert_conforms(adapter, function, arguments, dtype=dtype)


def test_the_whole_objective_is_put_together_from_the_parts() -> None:
    weights = FUNCTIONS["snr"].good_arguments(Draw("a module"))
    arguments = {"F": weights["F"], "params": weights["params"], "weight": 0.3}
    arguments |= {"logits": Draw("logits").normal(4, 5), "labels": np.array([0, 0, 1, 1])}
    assert_conforms(Literal(), "objective", arguments, dtype="float32")


def test_what_was_returned_does_for_the_implementation() -> None:
    assert_conforms(snr_ref.cosine_distance(**ROWS), "cosine_distance", ROWS)
    single = {name: x.astype(np.float32) for name, x in ROWS.items()}
    assert_conforms(Literal().cosine_distance(**single), "cosine_distance", ROWS, dtype="float32")
    with pytest.raises(AssertionError, match="distances: "):
        assert_conforms(1 - 2 * snr_ref.cosine_distance(**ROWS), "cosine_distance", ROWS)


def test_a_failure_says_what_differs_where_to_look_and_which_mistake_it_is() -> None:
    adapter = SimpleNamespace(cosine_distance=lambda x, y: 2 * snr_ref.cosine_distance(x, y))
    with pytest.raises(AssertionError) as caught:
        assert_conforms(adapter, "cosine_distance", ROWS)
    told = str(caught.value)
    assert told.startswith("drawn/cosine_distance in float64")
    assert re.search(r"distances: expected \S+ at \[\d, 0\], received \S+: off by \S+, where rounding explains", told)
    assert "2.2: the cosine distance is 0.5 - x.y / (2 |x| |y|)" in told
    assert "These are the numbers of: one minus cosine" in told


def test_an_exception_and_an_overwritten_argument_are_failures() -> None:
    def overwrite(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        distances = snr_ref.cosine_distance(x, y)
        x[0] = 0
        return distances

    def fail(x: np.ndarray, y: np.ndarray) -> Any:
        raise RuntimeError("no luck")

    with pytest.raises(AssertionError, match="it overwrote its argument x"):
        assert_conforms(SimpleNamespace(cosine_distance=overwrite), "cosine_distance", ROWS)
    with pytest.raises(AssertionError, match="RuntimeError: no luck"):
        assert_conforms(SimpleNamespace(cosine_distance=fail), "cosine_distance", ROWS)


def test_a_function_without_maps_computes_in_float32_of_half_features_and_stores_its_gradient_in_half() -> None:
    class InFloat32:
        dtypes = ("float16",)

        def cross_entropy(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
            assert logits.dtype == np.float16
            return Literal().cross_entropy(logits.astype(np.float32), labels)

        def cross_entropy_gradient(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
            return Literal().cross_entropy_gradient(logits.astype(np.float32), labels).astype(logits.dtype)

    arguments = {"logits": 4 * Draw("logits").normal(4, 5, bits=53), "labels": np.array([0, 0, 1, 4])}
    assert_conforms(InFloat32(), "cross_entropy", arguments, dtype="float16")
    assert_conforms(InFloat32(), "cross_entropy_gradient", arguments, dtype="float16")
    with pytest.raises(AssertionError, match="drawn/cross_entropy in float16"):
        assert_conforms(Literal(), "cross_entropy", arguments, dtype="float16")


def test_which_pairs_are_mined_is_decided_but_on_the_edge() -> None:
    features = np.array([[0.0], [1], [2 + 2.0**-22]])  # the middle one is a bit nearer to the first than to the last
    mined = {"features": features, "multilabels": np.eye(3)[[0, 0, 1]], "threshold": 0.3, "mining_ratio": 0.34}
    assert is_decided("discriminative_loss", mined)
    assert not is_decided("discriminative_loss", mined, dtype="float32")
    assert is_decided("discriminative_loss", mined | {"mining_ratio": 1.0}, dtype="float32")
    assert not is_decided("discriminative_loss", mined | {"mining_ratio": 1.0, "threshold": 1 - 1e-9}, dtype="float32")


def test_what_rounding_decides_is_not_decided() -> None:
    features = np.array([[0.0, 0], [1, 0], [0, 1 + 2.0**-22], [8, 8]])
    arguments = {"features": features, "labels": np.array([0, 0, 0, 1]), "margin": "soft"}
    assert is_decided("batch_hard_triplet_gradient", arguments)
    assert not is_decided("batch_hard_triplet_gradient", arguments, dtype="float32")
    assert is_decided("batch_hard_triplet_loss", arguments, dtype="float32")


@pytest.mark.parametrize(
    ("function", "dtype", "said"),
    [
        ("cosine", "float64", r"`function` must be one of instance_norm, .*\. Received: 'cosine'"),
        ("cosine_distance", "half", r"`dtype` must be one of float64, .*, bfloat16\. Received: 'half'"),
    ],
)
def test_what_there_is_not_is_refused(function: str, dtype: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        assert_conforms(snr_ref, function, ROWS, dtype=dtype)
