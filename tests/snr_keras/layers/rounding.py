"""By how much rounding may move each number that the SNR layer computes: the bounds of the conformance kit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snr_ref import SNRParams
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import REFERENCE, Precision


class SNRBounds(NamedTuple):
    """Bounds of the absolute error of each output and gradient, with maps flattened to (N, M, C)."""

    F_plus: np.ndarray
    f_plus: np.ndarray
    f_minus: np.ndarray
    F: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    w1: np.ndarray
    w2: np.ndarray
    b1: np.ndarray
    b2: np.ndarray


def snr_bounds(
    F: np.ndarray,
    params: SNRParams,
    cotangents: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    *,
    epsilon: float,
    u: float,
    stored_u: float,
    underflow: float,
) -> SNRBounds:
    """The bounds of the forward and the backward pass, with what the reference's own rounding in longdouble adds.

    The bounds are float64, in which a number that longdouble still holds may have become 0.

    Args:
        F: (N, M, C).
        params: Parameters, with both biases.
        cotangents: What reaches F~+ (N, M, C), f~, f~+ and f~- (N, C).
        epsilon: As in the layer.
        u: Unit roundoff of what the layer computes in.
        stored_u: Unit roundoff of the dtype of F and F~+.
        underflow: What numbers too small for that precision may lose.
    """
    module = {"F": F, "params": params, "epsilon": epsilon}
    names = ("grad_F_plus", "grad_f_tilde", "grad_f_plus", "grad_f_minus")
    reaching = dict(zip(names, cotangents, strict=True))
    precisions = (Precision(u, stored_u, underflow), REFERENCE)
    outputs, own_outputs = (FUNCTIONS["snr"].bounds(module, precision) for precision in precisions)
    gradients, own_gradients = (FUNCTIONS["snr_vjp"].bounds(module | reaching, precision) for precision in precisions)
    least = np.finfo(np.float64).tiny
    return SNRBounds(
        **{name: outputs[name] + own_outputs[name] + least for name in ("F_plus", "f_plus", "f_minus")},
        **{
            name: gradients[f"grad_{name}"] + own_gradients[f"grad_{name}"] + least
            for name in ("F", *SNRParams._fields)
        },
    )
