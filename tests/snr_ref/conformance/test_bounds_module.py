"""The bounds of the module: a right way is within them, whatever the arguments, and what rounds otherwise is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref.conformance.assertion import assert_conforms
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.comparison import compare
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.precision import PRECISIONS
from snr_ref.conformance.steps import Literal
from tests.strategies import DEFECTS, SNRCase, generators, snr_cases

MODULE_GROUPS = {
    "forward",
    "embeddings",
    "instance_norm",
    "channel_attention",
    "closed_form",
    "gradients",
    "half_precision",
}

#: Maps whose gradients float16 holds.
SMALL = tuple(defect for defect in DEFECTS if defect not in ("large mean", "one bright pixel"))


@pytest.mark.parametrize(("dtype", "defects"), [("float64", DEFECTS), ("float32", DEFECTS), ("float16", SMALL)])
@given(data=st.data(), rng=generators())
def test_a_right_way_is_within_the_bounds(
    dtype: str, defects: tuple[str, ...], data: st.DataObject, rng: np.random.Generator
) -> None:
    case: SNRCase = data.draw(snr_cases(defects=defects))
    F, params, epsilon = case
    G, (plus, minus, tilde) = rng.normal(size=F.shape), rng.normal(size=(3, F.shape[0], F.shape[-1]))
    from_map, from_embeddings = data.draw(st.booleans()), data.draw(st.booleans())
    reaching = {
        "grad_F_plus": G if from_map else None,
        "grad_f_plus": plus if from_embeddings else None,
        "grad_f_minus": minus if from_embeddings else None,
        "grad_f_tilde": tilde if from_embeddings else None,
    }
    module = case._asdict()
    norm = {"F": F, "gamma": params.gamma, "beta": params.beta, "epsilon": epsilon}
    asked: dict[str, dict[str, Any]] = {
        "snr": module,
        "snr_closed_form": module,
        "snr_vjp": module | reaching,
        "instance_norm": norm,
        "instance_norm_vjp": norm | {"grad_F_tilde": G},
    }
    for function, arguments in asked.items():
        assert_conforms(Literal(), function, arguments, dtype=dtype)
    attention = {"z": plus, **{name: p for name, p in params._asdict().items() if name not in ("gamma", "beta")}}
    if dtype != "float16":  # which the attention is never computed in
        assert_conforms(Literal(), "channel_attention", attention, dtype=dtype)
        assert_conforms(Literal(), "channel_attention_vjp", attention | {"grad_a": minus}, dtype=dtype)


def test_no_bound_is_a_thousand_times_what_rounding_does() -> None:
    """For every output, some case uses up a thousandth of the tolerance at least: but where nothing rounds."""
    used: dict[tuple[str, str], float] = {}
    for case in catalogue():
        if case.group.name in MODULE_GROUPS and "float32" in case.dtypes:
            with np.errstate(all="ignore"):
                answer = Implementation(Literal()).answer(case, "float32")
                for c in compare(case, "float32", answer):
                    used[case.function, c.output] = max(used.get((case.function, c.output), 0.0), c.fraction)
    exact = {("snr", "f_tilde"), ("snr_closed_form", "f_tilde"), ("instance_norm_vjp", "grad_beta")}
    assert {output for output, fraction in used.items() if fraction < 1e-3} <= exact


class ThroughFloat32(Literal):
    """A float64 map goes through float32 on the way."""

    def _wide(self, F: np.ndarray) -> np.ndarray:
        return F.astype(np.float32).astype(F.dtype)


@pytest.mark.parametrize("name", ["forward/full_float64", "gradients/full_float64"])
def test_float64_that_goes_through_float32_is_seen(name: str) -> None:
    (case,) = (case for case in catalogue() if case.name == name)
    answer = Implementation(ThroughFloat32()).answer(case, "float64")
    assert not all(c.passed for c in compare(case, "float64", answer))


@pytest.mark.parametrize("case", ["from_the_embeddings_of_one_pixel", "from_the_embeddings_of_constants"])
def test_gamma_gets_exactly_nothing_from_embeddings_where_no_way_to_compute_it_rounds(case: str) -> None:
    (asked,) = (c for c in catalogue() if c.name == f"gradients/{case}")
    gamma = asked.expected[0]["grad_gamma"]
    assert not gamma.value.any()
    assert all(not tolerance.any() for tolerance in gamma.tolerance.values())


def test_a_constant_of_2_to_the_k_pixels_is_its_own_mean() -> None:
    F = np.full((1, 4, 4, 1), 9984.0)
    bound = FUNCTIONS["instance_norm"].bounds({"F": F, "gamma": np.ones(1), "beta": np.zeros(1)}, PRECISIONS["float32"])
    assert (bound["F_tilde"] <= 2.0**-126).all()


def test_only_the_image_that_holds_nan_has_no_bound() -> None:
    for case in catalogue():
        if case.group.name in MODULE_GROUPS and case.kind == "pattern" and case.function != "instance_norm":
            first = case.arguments["z" if "z" in case.arguments else "F"]
            lost = ~np.isfinite(first.reshape(len(first), -1)).all(axis=1)
            for numbers in case.expected[0].values():
                for tolerance in numbers.tolerance.values():
                    assert np.isfinite(tolerance[~lost]).all()
                assert np.isfinite(numbers.value[~lost]).all()
                assert not np.isfinite(numbers.value[lost]).all()
