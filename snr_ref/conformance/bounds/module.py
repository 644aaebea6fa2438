"""Bounds of the module's forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact


def snr_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Eqs. 1 to 5, literally, and the embeddings' closed form."""
    F, params, epsilon = arguments["F"], arguments["params"], arguments.get("epsilon", 1e-5)
    u = precision.u
    flat = np.asarray(F, np.float64).reshape(F.shape[0], -1, F.shape[-1])
    beta, gamma, w1, w2 = (exact(p, u) for p in (params.beta, params.gamma, params.w1, params.w2))
    mu, variance = moments(flat, u)
    centred = exact(flat, u) - mu[:, None]
    offset = Rounded(np.array(epsilon), np.array(u * epsilon), u)
    inverse_sigma = (variance + offset).rsqrt(least=epsilon * (1 - u))
    sigma = Rounded(1 / inverse_sigma.value, inverse_sigma.error / inverse_sigma.value**2, u)
    F_tilde = centred * inverse_sigma[:, None] * gamma + beta
    R = exact(flat, u) - F_tilde
    M = exact(flat.shape[1], u)
    z = R.sum(1) / M
    hidden = z @ w1 if params.b1 is None else z @ w1 + exact(params.b1, u)
    logits = hidden.relu() @ w2 if params.b2 is None else hidden.relu() @ w2 + exact(params.b2, u)
    a, rest = logits.sigmoid(), (-logits).sigmoid()
    R_plus, R_minus = a[:, None] * R, rest[:, None] * R
    F_plus, F_minus = F_tilde + R_plus, F_tilde + R_minus
    maps = {"F_tilde": F_tilde, "R": R, "R_plus": R_plus, "R_minus": R_minus, "F_plus": F_plus, "F_minus": F_minus}
    rows = {"mu": mu, "sigma": sigma, "a": a, "f_plus": F_plus.sum(1) / M, "f_minus": F_minus.sum(1) / M}
    rows["f_tilde"] = F_tilde.sum(1) / M
    stored = {
        name: x.stored(precision.stored_u, precision.underflow).error.reshape(F.shape) for name, x in maps.items()
    }
    return stored | {name: x.error for name, x in rows.items()}


def moments(F: np.ndarray, u: float) -> tuple[Rounded, Rounded]:
    """Mean and variance over the pixels in two passes, the first mean's own error not corrected for.

    The mean is off by `off`; the mean square of the differences to it is off by `off` squared besides its rounding.
    """
    pixels = F.shape[1]
    mean, variance = F.mean(1), F.var(1)
    off = (pixels + 1) * u * np.abs(F).mean(1)
    return Rounded(mean, off, u), Rounded(variance, (pixels + 4) * u * (variance + off**2) + off**2, u)
