"""Gradients from values alone: the complex step and extended-precision differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Nothing is subtracted, so the step may be far below the unit roundoff; a power of two rounds no product with it.
STEP = 2.0**-100

#: Of a smaller gradient the step leaves no normal number.
LEAST = float(np.finfo(np.float64).tiny) / STEP

#: Relative error of `central_difference` for a function whose third derivative is of its own size. Where longdouble is
#: no wider than double it is what double can give.
CENTRAL_DIFFERENCE_ERROR = float(np.finfo(np.longdouble).eps ** (np.longdouble(2) / 3))


def complex_step(f: Callable[[np.ndarray], complex], x: np.ndarray) -> np.ndarray:
    """df/dx = Im f(x + ih) / h, exact to rounding wherever f is analytic.

    Args:
        f: Function from an array to a scalar, computed without conjugates or magnitudes.
        x: Where to differentiate, real.

    Returns:
        The gradient, of the shape of x.
    """
    gradient = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        stepped = x.astype(np.complex128)
        stepped[index] += 1j * STEP
        gradient[index] = np.imag(f(stepped)) / STEP
    return gradient


def central_difference(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """df/dx = (f(x + h) - f(x - h)) / 2h in longdouble, with the step that balances truncation and rounding.

    Args:
        f: Function from a longdouble array to a scalar of the same precision.
        x: Where to differentiate, real.

    Returns:
        The gradient, of the shape of x, in float64.
    """
    h = np.finfo(np.longdouble).eps ** (np.longdouble(1) / 3)
    gradient = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        ahead, behind = x.astype(np.longdouble), x.astype(np.longdouble)
        ahead[index] += h
        behind[index] -= h
        gradient[index] = (f(ahead) - f(behind)) / (ahead[index] - behind[index])
    return gradient
