"""The bounds of the module: every right way to compute it is within them, and what the specification forbids is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from snr_ref.conformance.arguments import numpy_dtype
from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.comparison import Comparison, compare
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.groups import Group
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.precision import PRECISIONS
from tests.snr_ref.conformance.chains import WAYS, Array, Chain, ClosedForm, Literal
from tests.strategies import snr_cases

MODULE_GROUPS = {
    "forward",
    "embeddings",
    "instance_norm",
    "channel_attention",
    "closed_form",
    "gradients",
    "half_precision",
}


def comparisons(adapter: Any, dtype: str, cases: list[Case] | None = None) -> dict[str, list[Comparison]]:
    """By case, of the module's cases that the adapter can answer in that dtype."""
    implementation = Implementation(adapter)
    if cases is None:
        cases = [case for case in catalogue() if case.group.name in MODULE_GROUPS]
    compared = {}
    for case in cases:
        if case.kind == "refusal" or dtype not in case.dtypes or not implementation.provides(case.function):
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            compared[case.name] = compare(case, dtype, implementation.answer(case, dtype))
    return compared


def failures(adapter: Any, dtype: str) -> set[str]:
    """The names of the cases in which some output is further off than rounding explains."""
    return {name for name, outputs in comparisons(adapter, dtype).items() if not all(c.passed for c in outputs)}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("way", WAYS)
def test_every_right_way_passes_every_case(way: str, dtype: str) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    compared = comparisons(WAYS[way], dtype)
    assert len(compared) > 50
    assert not [f"{name}: {c.output}: {c.why}" for name, outputs in compared.items() for c in outputs if not c.passed]


@st.composite
def questions(draw: DrawFn, dtype: str) -> list[Case]:
    """The functions of the module on one feature map, with numbers that fill the dtype."""
    F, params, epsilon = draw(snr_cases())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    wide = "float64" if dtype == "float64" else "float32"
    rows = (F.shape[0], F.shape[-1])
    with np.errstate(over="ignore"):
        F, G = (_stored(x, dtype) for x in (F, rng.normal(size=F.shape)))
    params = type(params)(*(None if p is None else _stored(p, wide) for p in params))
    plus, minus, tilde = (_stored(rng.normal(size=rows), wide) for _ in range(3))
    from_map, from_embeddings = draw(st.booleans()), draw(st.booleans())
    module = {"F": F, "params": params, "epsilon": epsilon}
    reaching = {
        "grad_F_plus": G if from_map else None,
        "grad_f_plus": plus if from_embeddings else None,
        "grad_f_minus": minus if from_embeddings else None,
        "grad_f_tilde": tilde if from_embeddings else None,
    }
    norm = {"F": F, "gamma": params.gamma, "beta": params.beta, "epsilon": epsilon}
    attention = {"z": plus, **{name: p for name, p in params._asdict().items() if name not in ("gamma", "beta")}}
    asked = {
        "snr": module,
        "snr_vjp": module | reaching,
        "instance_norm": norm,
        "instance_norm_vjp": norm | {"grad_F_tilde": G},
        "channel_attention": attention,
        "channel_attention_vjp": attention | {"grad_a": minus},
    }
    group = Group("drawn", "what Hypothesis draws", required=False)
    return [
        Case(f"drawn/{function}", group, "any", ("1.1",), function, arguments) for function, arguments in asked.items()
    ]


def _stored(x: np.ndarray, dtype: str) -> np.ndarray:
    return x.astype(numpy_dtype(dtype)).astype(np.float64)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@given(data=st.data())
def test_every_right_way_is_within_the_bounds(dtype: str, data: st.DataObject) -> None:
    cases = [case for case in data.draw(questions(dtype)) if dtype in case.dtypes]
    way = data.draw(st.sampled_from(sorted(WAYS)))
    expected = [np.abs(numbers.value) for case in cases for numbers in case.expected[0].values()]
    assume(all(values[values > 0].min(initial=1) > 1e-300 for values in expected))  # which the bounds can't express
    if dtype == "float16":  # what does not fit into the dtype is infinite there, rightly so
        assume(max(values.max() for values in expected) < 6e4)
    for name, outputs in comparisons(WAYS[way], dtype, cases).items():
        assert not [f"{name}: {c.output}: {c.why}" for c in outputs if not c.passed], way


def test_no_bound_is_a_thousand_times_what_rounding_does() -> None:
    """For every output, some right way uses up a thousandth of the tolerance at least: but where nothing rounds."""
    used: dict[tuple[str, str], float] = {}
    for chain in WAYS.values():
        for name, outputs in comparisons(chain, "float32").items():
            function = next(case.function for case in catalogue() if case.name == name)
            for c in outputs:
                used[function, c.output] = max(used.get((function, c.output), 0.0), c.fraction)
    exact = {("snr_closed_form", "f_tilde"), ("instance_norm_vjp", "grad_beta")}
    assert {output for output, fraction in used.items() if fraction < 1e-3} <= exact


def one_pass(chain: Chain, F: Array) -> tuple[Array, Array]:
    mu = chain.mean(F)
    return mu, np.maximum(chain.mean(F**2) - mu**2, 0)


class Folded(ClosedForm):
    def restituted(self, F: Array, mu: Array, s: Array, f: Array) -> Array:
        return s[:, None] * F + (f - s * mu)[:, None]


class FoldedNorm(Literal):
    def normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        g = gamma / sigma
        return F * g[:, None] + (beta - mu * g)[:, None]


def in_half(chain: Chain, F: Array) -> tuple[Array, Array]:
    """The statistics of what was a half map, summed up in float16."""
    total = F[:, 0].astype(np.float16)
    for pixel in range(1, F.shape[1]):
        total = total + F[:, pixel].astype(np.float16)
    mu = total.astype(F.dtype) / F.dtype.type(F.shape[1])
    return mu, chain.mean((F - mu[:, None]) ** 2)


class HalfAttention(Literal):
    def gate(self, *operands: Any) -> tuple[Array, Array, Array]:
        return super().gate(*(None if x is None else x.astype(np.float16).astype(x.dtype) for x in operands))


class RoundedThenPooled(Literal):
    def snr(self, F: Array, *arguments: Any, **keywords: Any) -> dict[str, Array]:
        out = super().snr(F, *arguments, **keywords)
        flat = out["F_plus"].reshape(F.shape[0], -1, F.shape[-1]).astype(out["mu"].dtype)
        return out | {"f_plus": self.mean(flat)}


class ThroughFloat32(Literal):
    def statistics(self, F: Array, epsilon: float) -> tuple[Array, Array, Array]:
        return super().statistics(F.astype(np.float32).astype(F.dtype), epsilon)


class SmallGatesLost(Literal):
    def sigmoid(self, x: Array) -> Array:
        return 0.5 + 0.5 * np.tanh(0.5 * x)


MISTAKES = {
    "E[x^2] - mu^2": (
        Literal(one_pass),
        "float32",
        {
            "forward/large_mean",
            "forward/large_mean_of_two_pixels",
            "forward/large_mean_of_one_channel",
            "instance_norm/large_mean",
            "gradients/large_mean",
            "gradients/norm_of_a_large_mean",
        },
    ),
    "E[x^2] - mu^2 in closed form": (ClosedForm(one_pass), "float32", {"closed_form/large_mean"}),
    "s F + (f - s mu)": (
        Folded(),
        "float32",
        {
            "forward/one_pixel",
            "forward/one_pixel_of_large_mean",
            "forward/constant_channel_of_large_mean",
            "forward/large_mean_of_two_pixels",
            "closed_form/one_pixel",
            "closed_form/constant_channel",
        },
    ),
    "g F + (beta - g mu)": (
        FoldedNorm(),
        "float32",
        {"forward/one_pixel_of_large_mean", "forward/large_mean_of_two_pixels", "instance_norm/constant_channel"},
    ),
    "sums in float16": (
        Literal(in_half),
        "float16",
        {f"half_precision/{name}" for name in ("many_pixels", "sum_beyond_float16", "instance_norm", "gradients")},
    ),
    "attention in float16": (HalfAttention(), "float16", {"half_precision/weights_of_float32"}),
    "embeddings of a rounded map": (RoundedThenPooled(), "float16", {"half_precision/embeddings"}),
    "float64 through float32": (ThroughFloat32(), "float64", {"forward/full_float64", "gradients/full_float64"}),
    "sigmoid by tanh": (SmallGatesLost(), "float32", {"forward/saturated_gates", "channel_attention/saturated"}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_the_specification_forbids_fails_the_cases_made_for_it(mistake: str) -> None:
    adapter, dtype, caught = MISTAKES[mistake]
    assert caught <= failures(adapter, dtype)


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
