"""A catalogue of few cases, and adapters that are right, partial or wrong in one way each."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

import snr_ref
from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import cases_of
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.groups import Group
from snr_ref.restitution import SNRParams

_module = Group("small", "the module in little", required=True)
_losses = Group("little_losses", "a loss and a distance")
_snr, _cross_entropy, _cosine_distance = (
    replace(FUNCTIONS[name], recipes=[]) for name in ("snr", "cross_entropy", "cosine_distance")
)


def _params(draw: Draw) -> SNRParams:
    return SNRParams(draw.uniform(0.5, 2, 4), draw.normal(4), draw.normal(4, 4), draw.normal(4, 4))


@_snr.case(_module, "1.1", "1.2", "1.3", "1.4", "1.5", "1.6")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Everything in general position."""
    return {"F": draw.normal(2, 3, 2, 4), "params": _params(draw)}


@_snr.case(_module, "1.1", "1.2", "6.2")
def one_pixel(draw: Draw) -> dict[str, Any]:
    """F is its own mean."""
    return {"F": draw.normal(2, 1, 1, 4), "params": _params(draw)}


@_snr.case(_module, "1.1", "6.1")
def large_mean(draw: Draw) -> dict[str, Any]:
    """The mean is a hundred thousand standard deviations away."""
    return {"F": draw.normal(2, 4, 4, 4) + 2.0**17, "params": _params(draw)}


@_snr.case(_module, "6.3", kind="pattern", outputs=("F_tilde", "R", "F_plus"))
def a_nan(draw: Draw) -> dict[str, Any]:
    """NaN stays in its image."""
    F = draw.normal(2, 3, 2, 4)
    F[1, 0, 0, 0] = np.nan
    return {"F": F, "params": _params(draw)}


@_snr.case(_module, "6.6", kind="refusal")
def a_vector(draw: Draw) -> dict[str, Any]:
    """The feature map has one axis."""
    return {"F": draw.normal(4), "params": _params(draw)}


@_cross_entropy.case(_losses, "3.1")
def loss(draw: Draw) -> dict[str, Any]:
    """Logits in general position."""
    return {"logits": draw.normal(5, 3), "labels": draw.integers(0, 3, 5), "label_smoothing": 0.125}


@_cosine_distance.case(_losses, "2.2")
def distance(draw: Draw) -> dict[str, Any]:
    """Vectors in general position."""
    return {"x": draw.normal(3, 4), "y": draw.normal(2, 4)}


CASES: tuple[Case, ...] = tuple(cases_of([_snr, _cross_entropy, _cosine_distance]))


def adapter(**functions: Any) -> SimpleNamespace:
    """An implementation that has what it is given."""
    return SimpleNamespace(**functions)


def wide_epsilon(F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5) -> snr_ref.SNROutputs:
    """The epsilon is a hundred times too large."""
    return snr_ref.snr(F, params, epsilon=100 * epsilon)


def one_pass(F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5) -> dict[str, np.ndarray]:
    """E[x^2] - mu^2."""
    axes = (1, 2)
    mu = F.mean(axes, keepdims=True)
    var = (F**2).mean(axes, keepdims=True) - mu**2
    with np.errstate(invalid="ignore"):
        F_tilde = params.gamma * (F - mu) / np.sqrt(var + epsilon) + params.beta
    return {"mu": mu[:, 0, 0], "F_tilde": F_tilde}
