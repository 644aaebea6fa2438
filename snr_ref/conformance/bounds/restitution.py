"""Bounds of the dual restitution loss and of its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.losses import log_softmax
from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact

_IMAGES = ("f_tilde", "f_plus", "f_minus")
_PIXELS = ("F_tilde", "F_plus", "F_minus")


def dual_restitution_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Softplus of differences of mean entropies."""
    tilde, plus, minus = (_mean(_Entropies(f, arguments, precision.u).h) for f in _rows(arguments, _IMAGES))
    return {"plus": (plus - tilde).softplus().error, "minus": (tilde - minus).softplus().error}


def pixelwise_dual_restitution_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Means of Softplus of differences of entropies."""
    tilde, plus, minus = (_Entropies(f, arguments, precision.u).h for f in _rows(arguments, _PIXELS))
    return {"plus": _mean((plus - tilde).softplus()).error, "minus": _mean((tilde - minus).softplus()).error}


def dual_restitution_gradients_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A Sigmoid over N times the slope of the entropy, through f W + b."""
    return _gradients(arguments, _IMAGES, precision.u, mean=True)


def pixelwise_dual_restitution_gradients_bounds(
    arguments: Mapping[str, Any], precision: Precision
) -> dict[str, np.ndarray]:
    """Likewise for every pixel."""
    return _gradients(arguments, _PIXELS, precision.u, mean=False)


class _Entropies:
    """The entropies of rows of features, and their slopes in the logits."""

    def __init__(self, f: np.ndarray, arguments: Mapping[str, Any], u: float):
        self.f, self.w, b = exact(f, u), exact(arguments["w"], u), arguments.get("b")
        logits = self.f @ self.w
        self.log_p = log_softmax(logits if b is None else logits + exact(b, u))
        self.p = self.log_p.exp()
        self.h = -(self.p * self.log_p).sum(1)

    @property
    def slope(self) -> Rounded:
        """-p (log p + h).

        Automatic differentiation takes p (sum of p (log p + 1) - (log p + 1)), in which the ones cancel but for their
        rounding, and that of the sum of p.
        """
        slope = -(self.p * (self.log_p + self.h[:, None]))
        classes = self.p.value.shape[1]
        ones = 2 * (classes + 8) * self.p.u * (self.p.value + self.p.error) * (1 + self.h.value[:, None])
        of_p = self.p.error + (self.p.value + self.p.error) * self.p.error.sum(1, keepdims=True)
        return Rounded(slope.value, slope.error + ones + of_p, slope.u)


def _gradients(arguments: Mapping[str, Any], names: tuple[str, ...], u: float, *, mean: bool) -> dict[str, np.ndarray]:
    shape = arguments[names[0]].shape
    features = [_Entropies(f, arguments, u) for f in _rows(arguments, names)]
    tilde, plus, minus = (_mean(x.h)[None] if mean else x.h for x in features)
    up, down = (plus - tilde).sigmoid(), (tilde - minus).sigmoid()
    rows = exact(len(features[0].f.value), u)
    in_logits = [(weight / rows)[:, None] * x.slope for weight, x in zip((down - up, up, -down), features, strict=True)]
    by_classifier = [x.f.T @ dl for x, dl in zip(features, in_logits, strict=True)]
    bounds = {
        f"grad_{name}": (dl @ x.w.T).error.reshape(shape)
        for name, dl, x in zip(names, in_logits, features, strict=True)
    }
    bounds["grad_w"] = (by_classifier[0] + by_classifier[1] + by_classifier[2]).error
    if arguments.get("b") is not None:
        by_bias = [dl.sum(0) for dl in in_logits]
        bounds["grad_b"] = (by_bias[0] + by_bias[1] + by_bias[2]).error
    return bounds


def _rows(arguments: Mapping[str, Any], names: tuple[str, ...]) -> list[np.ndarray]:
    return [arguments[name].reshape(-1, arguments[name].shape[-1]) for name in names]


def _mean(x: Rounded) -> Rounded:
    return x.sum(0) / exact(len(x.value), x.u)
