"""Arithmetic that carries a bound on its own rounding error: how far off a computation may be for these numbers.

This is Wilkinson's running error analysis. Every operation returns the exact result for its operands' values, with a
bound: the propagated errors of the operands plus one rounding `u |result|` of its own (for a sum of n terms, n
roundings of the sum of magnitudes, in any order). A port that computes the same formula in precision u, in any order
of summation, is within the bound. Nothing here is fitted to a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: An exponential, logarithm, sigmoid, softplus or reciprocal root may be off by this many roundings.
_ELEMENTARY = 8

#: A square root that is not correctly rounded may be off by this many roundings.
_SQUARE_ROOT = 2


@dataclass(frozen=True, eq=False)
class Rounded:
    """Numbers, a bound on the error of each, and the unit roundoff with which they are computed.

    Attributes:
        value: The numbers in exact arithmetic (in float64).
        error: Bound on |computed - value|, of the same shape.
        u: Unit roundoff.
    """

    value: np.ndarray
    error: np.ndarray
    u: float

    def __add__(self, other: Rounded) -> Rounded:
        return self._rounded(self.value + other.value, self.error + other.error)

    def __sub__(self, other: Rounded) -> Rounded:
        return self + -other

    def __neg__(self) -> Rounded:
        return Rounded(-self.value, self.error, self.u)

    def __mul__(self, other: Rounded) -> Rounded:
        error = np.abs(self.value) * other.error + self.error * (np.abs(other.value) + other.error)
        value = self.value * other.value
        return self._rounded(value, error + self._lost(np.abs(value) + error))

    def __truediv__(self, other: Rounded) -> Rounded:
        low = np.abs(other.value) - other.error
        assert not (low <= 0).any(), "a divisor may be zero"
        value = self.value / other.value
        return self._rounded(value, (self.error + np.abs(value) * other.error) / low)

    def __matmul__(self, other: Rounded) -> Rounded:
        x, y = np.abs(self.value), np.abs(other.value)
        error = x @ other.error + self.error @ (y + other.error)
        terms, magnitude = self.value.shape[-1], (x + self.error) @ (y + other.error)
        roundings = terms * (self.u * magnitude + self._lost(magnitude))
        return Rounded(self.value @ other.value, error + roundings, self.u)

    def __getitem__(self, index: Any) -> Rounded:
        return Rounded(self.value[index], self.error[index], self.u)

    @property
    def T(self) -> Rounded:
        """The transpose."""
        return Rounded(self.value.T, self.error.T, self.u)

    def sum(self, axis: int) -> Rounded:
        """The sum over an axis."""
        roundings = (self.value.shape[axis] - 1) * self.u * (np.abs(self.value) + self.error).sum(axis)
        return Rounded(self.value.sum(axis), self.error.sum(axis) + roundings, self.u)

    def relu(self) -> Rounded:
        """max(x, 0), which is 0 where rounding cannot make x positive."""
        error = np.where(self.value + self.error <= 0, 0, self.error)
        return Rounded(np.maximum(self.value, 0), error, self.u)

    def sigmoid(self) -> Rounded:
        """1 / (1 + exp(-x)), with relative accuracy: small values are kept. It is steepest where |x| is smallest."""
        nearest = np.maximum(np.abs(self.value) - self.error, 0)
        off = self.error * np.exp(-nearest) / (1 + np.exp(-nearest)) ** 2
        value = np.exp(-np.logaddexp(0, -self.value))
        off = off + _ELEMENTARY * self.u * (value + off) + self._lost(value)
        return Rounded(value, np.minimum(off, 1), self.u)

    def softplus(self) -> Rounded:
        """log(1 + exp(x)), with relative accuracy: small values are kept. It is convex: steepest at the largest x."""
        value = np.logaddexp(0, self.value)
        off = self.error * np.exp(-np.logaddexp(0, -(self.value + self.error)))
        return Rounded(value, off + _ELEMENTARY * self.u * (value + off) + self._lost(value), self.u)

    def exp(self) -> Rounded:
        """The exponential."""
        value = np.exp(self.value)
        off = value * (np.expm1(self.error) + _ELEMENTARY * self.u * np.exp(self.error))
        return Rounded(value, off + self._lost(value), self.u)

    def log(self) -> Rounded:
        """The logarithm of numbers that are positive whatever their error."""
        assert (self.value > self.error).all(), "the logarithm's argument may be zero"
        value, off = np.log(self.value), -np.log1p(-self.error / self.value)
        return Rounded(value, off + _ELEMENTARY * self.u * (np.abs(value) + off), self.u)

    def sqrt(self) -> Rounded:
        """The square root, whose slope is steepest where x is smallest; that of 0 is 0."""
        value, low = np.sqrt(self.value), np.sqrt(np.maximum(self.value - self.error, 0))
        least = np.where(self.error > 0, np.maximum(value + low, np.sqrt(self.error)), 1)
        off = self.error / least
        return Rounded(value, off + _SQUARE_ROOT * self.u * (value + off), self.u)

    def max(self, axis: int) -> Rounded:
        """The maximum along an axis: any of the numbers that rounding can make the largest."""
        least = (self.value - self.error).max(axis, keepdims=True)
        error = np.where(self.value + self.error >= least, self.error, 0).max(axis)
        return Rounded(self.value.max(axis), error, self.u)

    def rsqrt(self, least: float) -> Rounded:
        """1 / sqrt(x), where the number computed for x is at least `least`."""
        value, high = 1 / np.sqrt(self.value), 1 / np.sqrt(np.maximum(self.value - self.error, least))
        off = np.maximum(high - value, value - 1 / np.sqrt(self.value + self.error))
        return Rounded(value, off + _ELEMENTARY * self.u * high, self.u)

    def where_positive(self, x: Rounded) -> Rounded:
        """These numbers where x > 0, else 0; either where the sign of x is within its error."""
        undecided = (np.abs(x.value) <= x.error) & (x.error > 0)
        error = np.where(x.value > 0, self.error, 0)
        return Rounded(
            np.where(x.value > 0, self.value, 0),
            np.where(undecided, np.abs(self.value) + self.error, error),
            self.u,
        )

    def stored(self, u: float, underflow: float) -> Rounded:
        """After conversion to a dtype with unit roundoff u; numbers too small for it lose up to `underflow`."""
        return Rounded(self.value, self.error + u * (np.abs(self.value) + self.error) + underflow, self.u)

    def _lost(self, magnitude: np.ndarray) -> np.ndarray:
        """The loss of a number that may be too small for full precision and become 0; 0 loses nothing."""
        return np.minimum(magnitude, 2.0**-126 if self.u > 2.0**-30 else 2.0**-1022)

    def _rounded(self, value: np.ndarray, error: np.ndarray) -> Rounded:
        return Rounded(value, error + self.u * (np.abs(value) + error), self.u)


def exact(value: Any, u: float) -> Rounded:
    """Numbers without an error, for computation in precision u; those that carry an error keep it."""
    if isinstance(value, Rounded):
        return value
    value = np.asarray(value, np.float64)
    return Rounded(value, np.zeros_like(value), u)


def scalar(value: float, u: float) -> Rounded:
    """A number that is passed in float64 and that a port may round first."""
    return Rounded(np.asarray(value, np.float64), np.asarray(u * abs(value)), u)


def stack(numbers: list[Rounded], u: float) -> Rounded:
    """Numbers, or arrays of one shape, stacked along a new first axis."""
    return Rounded(np.array([x.value for x in numbers]), np.array([x.error for x in numbers]), u)


def mean(x: Rounded) -> Rounded:
    """The mean of a vector; 0 without an error if it is empty."""
    return x.sum(0) / exact(max(1, len(x.value)), x.u)


def log_softmax(logits: Rounded) -> Rounded:
    """(l - m) - log(sum of exp(l - m)), with m the largest: what all logits have in common cancels without rounding."""
    shifted = logits - exact(logits.value.max(1, keepdims=True), logits.u)
    return shifted - shifted.exp().sum(1).log()[:, None]


def length(v: Rounded) -> Rounded:
    """|v| over the last axis."""
    largest, scaled = _scaled(v)
    return (scaled * scaled).sum(-1).sqrt() * largest[..., 0]


def direction(v: Rounded) -> Rounded:
    """The rows v / |v| over the last axis; the zero vector stays zero."""
    _, scaled = _scaled(v)
    return scaled / one_for_zero(scaled, (scaled * scaled).sum(-1).sqrt()[..., None])


def one_for_zero(v: Rounded, lengths: Rounded) -> Rounded:
    """The lengths of the rows of v, with an exact 1 in place of the length of a zero vector."""
    is_zero = ((v.value == 0) & (v.error == 0)).all(-1, keepdims=True)
    return Rounded(np.where(is_zero, 1, lengths.value), np.where(is_zero, 0, lengths.error), v.u)


def squared_distance(x: Rounded, y: Rounded) -> Rounded:
    """|x - y|^2 over the last axis, from differences or as |x|^2 + |y|^2 - 2 x.y: its exponential is as accurate."""
    difference = x - y
    of_differences = (difference * difference).sum(-1)
    expanded = (x * x).sum(-1) + (y * y).sum(-1) - exact(2.0, x.u) * (x * y).sum(-1)
    return Rounded(of_differences.value, np.maximum(of_differences.error, expanded.error), x.u)


def _scaled(v: Rounded) -> tuple[Rounded, Rounded]:
    """The largest magnitude of the last axis, 1 for a zero vector, and v divided by it."""
    largest = np.abs(v.value).max(-1, keepdims=True)
    scale = exact(np.where(largest > 0, largest, 1), v.u)
    return scale, v / scale
