"""The distances between rows, the conventions where their formulas are undefined, and their gradients.

The cosine is the product of two directions, each a row divided by its length; this bound is wider than that of the
product of the rows divided by the product of their lengths. A Euclidean distance is the length of a difference: the
expansion |x|^2 + |y|^2 - 2 x.y is off by u (|x|^2 + |y|^2) / d, in which near neighbours drown, and is not allowed.
Lengths may be computed after division by the largest magnitude, so that no square overflows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, direction, exact, length, one_for_zero
from snr_ref.conformance.spoiled import first_row, integers, one_more, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.elementary import norm

cosine_distance = Function("cosine_distance", ("distances",), clause="2.2", after="snr_closed_form")
euclidean_distance = Function("euclidean_distance", ("distances",), clause="2.3", after="cosine_distance")
cosine_distance_vjp = Function("cosine_distance_vjp", ("grad_x", "grad_y"), clause="5.3", after="snr_vjp")
euclidean_distance_vjp = Function(
    "euclidean_distance_vjp", ("grad_x", "grad_y"), clause="5.3", after="cosine_distance_vjp"
)

#: Function from two matrices to the distances between their rows.
RoundedDistance = Callable[[Rounded, Rounded], Rounded]

#: Function from two matrices and the gradient of their distances to the gradients of both.
RoundedVJP = Callable[[Rounded, Rounded, Rounded], tuple[Rounded, Rounded]]


def cosine(x: Rounded, y: Rounded) -> Rounded:
    """0.5 - x.y / (2 |x| |y|); equal rows that are known exactly have distance 0 without an error."""
    half = exact(0.5, x.u)
    d = half - half * (direction(x) @ direction(y).T)
    equal = (x.value[:, None] == y.value).all(-1)
    unchanged = equal & (x.error == 0).all(1)[:, None] & (y.error == 0).all(1)
    return Rounded(np.where(equal, 0, d.value), np.where(unchanged, 0, d.error), x.u)


def euclidean(x: Rounded, y: Rounded) -> Rounded:
    """|x - y|, from differences."""
    return length(x[:, None] - y)


def cosine_vjp(x: Rounded, y: Rounded, w: Rounded) -> tuple[Rounded, Rounded]:
    """With directions u and v: -(sum of w v - sum of (w (u.v)) u) / (2 |x|), and the same with x and y swapped.

    Automatic differentiation takes the same terms in another order.
    """
    u, v = direction(x), direction(y)
    w_cos = w * (u @ v.T)
    return _over_twice_the_length(w @ v, w_cos.sum(1), u, x), _over_twice_the_length(w.T @ u, w_cos.sum(0), v, y)


def euclidean_vjp(x: Rounded, y: Rounded, w: Rounded) -> tuple[Rounded, Rounded]:
    """Sums of w (x - y) / |x - y|, from differences."""
    terms = w[:, :, None] * direction(x[:, None] - y)
    return terms.sum(1), -terms.sum(0)


DISTANCES: dict[str, tuple[RoundedDistance, RoundedVJP]] = {
    "cosine": (cosine, cosine_vjp),
    "euclidean": (euclidean, euclidean_vjp),
}


def _over_twice_the_length(along: Rounded, cosines: Rounded, unit: Rounded, x: Rounded) -> Rounded:
    lengths = one_for_zero(x, length(x)[:, None])
    gradient = -(along - cosines[:, None] * unit) / (exact(2.0, x.u) * lengths)
    is_zero = ((x.value == 0) & (x.error == 0)).all(1, keepdims=True)
    return Rounded(np.where(is_zero, 0, gradient.value), np.where(is_zero, 0, gradient.error), x.u)


@cosine_distance.bound
def cosine_distance_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `cosine_distance`."""
    return {"distances": cosine(*_rows(arguments, precision.u)).error}


@euclidean_distance.bound
def euclidean_distance_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `euclidean_distance`."""
    return {"distances": euclidean(*_rows(arguments, precision.u)).error}


@cosine_distance_vjp.bound
def cosine_distance_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `cosine_distance_vjp`."""
    return _vjp_bounds(cosine_vjp, arguments, precision)


@euclidean_distance_vjp.bound
def euclidean_distance_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `euclidean_distance_vjp`."""
    return _vjp_bounds(euclidean_vjp, arguments, precision)


def _vjp_bounds(vjp: RoundedVJP, arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    grad_x, grad_y = vjp(*_rows(arguments, precision.u), exact(arguments["grad_d"], precision.u))
    return {"grad_x": grad_x.error, "grad_y": grad_y.error}


def _rows(arguments: Mapping[str, Any], u: float) -> tuple[Rounded, Rounded]:
    return exact(arguments["x"], u), exact(arguments["y"], u)


@cosine_distance.case(groups.distances, "2.2")
def distances_cosine(draw: Draw) -> dict[str, Any]:
    """Five rows against four, in general position."""
    return {"x": draw.normal(5, 8), "y": draw.normal(4, 8)}


@cosine_distance.case(groups.distances, "2.2")
def cosine_of_many_channels(draw: Draw) -> dict[str, Any]:
    """A width such as a network has: 256 channels."""
    return {"x": draw.normal(3, 256), "y": draw.normal(2, 256)}


@cosine_distance.case(groups.distances, "2.2")
def cosine_of_lengths(draw: Draw) -> dict[str, Any]:
    """Rows a thousand times longer or shorter than others: each is divided by its own length."""
    scales = np.array([[2.0**10], [1.0], [2.0**-10]])
    return {"x": draw.normal(3, 6) * scales, "y": draw.normal(3, 6) * scales[::-1]}


@cosine_distance.case(groups.distances, "2.2")
def cosine_duplicates(draw: Draw) -> dict[str, Any]:
    """Equal rows are at distance exactly 0, whatever rounding says of the formula."""
    x = draw.normal(6, 7)
    return {"x": x, "y": x[[3, 0, 5]]}


@cosine_distance.case(groups.distances, "2.2")
def cosine_opposite(draw: Draw) -> dict[str, Any]:
    """Opposite rows, of whichever length, are at distance 1, the largest there is."""
    x = draw.normal(4, 6)
    return {"x": x, "y": np.concatenate([-x, -4 * x])}


@cosine_distance.case(groups.distances, "2.2")
def cosine_orthogonal(draw: Draw) -> dict[str, Any]:
    """Orthogonal rows are at a half."""
    size = draw.uniform(1, 8, 3)
    return {"x": np.diag(size), "y": np.array([[0.0, 3, 4], [5, 0, -12], [1, -1, 0]])}


@cosine_distance.case(groups.distances, "2.2")
def cosine_zero(draw: Draw) -> dict[str, Any]:
    """The zero vector has no direction: it is at 0 from itself and at 0.5 from everything else, never NaN."""
    x, y = draw.normal(3, 5), draw.normal(3, 5)
    x[1] = y[0] = 0
    return {"x": x, "y": y}


@cosine_distance.case(groups.distances, "2.2")
def cosine_one_column(draw: Draw) -> dict[str, Any]:
    """With one channel a cosine is a sign: distances are 0 or 1, and 0.5 from zero."""
    return {"x": np.array([[2.0], [-0.5], [0.0]]), "y": np.array([[4.0], [-8.0]])}


@cosine_distance.case(groups.distances, "2.2")
def cosine_short_rows(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e-5: an epsilon that is added to the length, not kept for rows of zero, shows here."""
    return {"x": draw.normal(4, 6) * 2.0**-18, "y": draw.normal(3, 6) * 2.0**-18}


@cosine_distance.case(groups.distances, "2.2")
def cosine_tiny(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e-30 have a direction as any others, though in float32 their squares vanish."""
    return {"x": draw.normal(3, 5) * 2.0**-100, "y": draw.normal(2, 5) * 2.0**-100}


@cosine_distance.case(groups.distances, "2.2")
def cosine_huge(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e30 have a direction as any others, though in float32 their squares overflow."""
    return {"x": draw.normal(3, 5) * 2.0**100, "y": draw.normal(2, 5) * 2.0**100}


@cosine_distance.case(groups.distances, "2.2")
def cosine_tiny_in_float64(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e-180, whose squares vanish in float64 too."""
    return {"x": draw.normal(3, 5) * 2.0**-600, "y": draw.normal(2, 5) * 2.0**-600}


@cosine_distance.case(groups.distances, "2.2")
def cosine_huge_in_float64(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e180, whose squares overflow in float64 too."""
    return {"x": draw.normal(3, 5) * 2.0**600, "y": draw.normal(2, 5) * 2.0**600}


@cosine_distance.case(groups.distances, "2.2", "6.3", kind="pattern")
def cosine_nan(draw: Draw) -> dict[str, Any]:
    """A row that holds NaN has NaN distances, and the other rows keep theirs."""
    x = draw.normal(3, 4)
    x[1, 2] = np.nan
    return {"x": x, "y": draw.normal(2, 4)}


@euclidean_distance.case(groups.distances, "2.3")
def distances_euclidean(draw: Draw) -> dict[str, Any]:
    """Five rows against four, in general position; the squared distance is another number."""
    return {"x": draw.normal(5, 8), "y": draw.normal(4, 8)}


@euclidean_distance.case(groups.distances, "2.3")
def euclidean_of_many_channels(draw: Draw) -> dict[str, Any]:
    """A width such as a network has: 256 channels."""
    return {"x": draw.normal(3, 256), "y": draw.normal(2, 256)}


@euclidean_distance.case(groups.distances, "2.3")
def euclidean_duplicates(draw: Draw) -> dict[str, Any]:
    """Equal rows are at distance exactly 0, and so is zero from zero."""
    x = draw.normal(6, 7)
    x[2] = 0
    return {"x": x, "y": x[[3, 2, 5]]}


@euclidean_distance.case(groups.distances, "2.3")
def euclidean_near_duplicates(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e4 that differ by 1: the expansion |x|^2 + |y|^2 - 2 x.y loses most digits in float32."""
    x = draw.integers(-6000, 6000, 4, 8).astype(np.float64)
    steps = np.array([[1.0] + 7 * [0.0], [0.0, -1.0, 1.0] + 5 * [0.0], 8 * [0.5], 7 * [0.0] + [0.125]])
    return {"x": x, "y": x + steps}


@euclidean_distance.case(groups.distances, "2.3")
def euclidean_one_column(draw: Draw) -> dict[str, Any]:
    """With one channel the distance is the magnitude of the difference."""
    return {"x": draw.normal(4, 1), "y": draw.normal(3, 1)}


@euclidean_distance.case(groups.distances, "2.3")
def euclidean_tiny(draw: Draw) -> dict[str, Any]:
    """Rows 1e-30 apart, whose squared differences vanish in float32."""
    return {"x": draw.normal(3, 5) * 2.0**-100, "y": draw.normal(2, 5) * 2.0**-100}


@euclidean_distance.case(groups.distances, "2.3")
def euclidean_huge(draw: Draw) -> dict[str, Any]:
    """Rows 1e30 apart, whose squared differences overflow in float32."""
    return {"x": draw.normal(3, 5) * 2.0**100, "y": draw.normal(2, 5) * 2.0**100}


@euclidean_distance.case(groups.distances, "2.3")
def euclidean_tiny_in_float64(draw: Draw) -> dict[str, Any]:
    """Rows 1e-180 apart, whose squared differences vanish in float64 too."""
    return {"x": draw.normal(3, 5) * 2.0**-600, "y": draw.normal(2, 5) * 2.0**-600}


@euclidean_distance.case(groups.distances, "2.3")
def euclidean_huge_in_float64(draw: Draw) -> dict[str, Any]:
    """Rows 1e180 apart, whose squared differences overflow in float64 too."""
    return {"x": draw.normal(3, 5) * 2.0**600, "y": draw.normal(2, 5) * 2.0**600}


@cosine_distance_vjp.case(groups.loss_gradients, "5.3")
def loss_gradients_cosine(draw: Draw) -> dict[str, Any]:
    """Four rows against three, in general position."""
    return _pair(draw)


@cosine_distance_vjp.case(groups.loss_gradients, "5.3")
def loss_gradients_cosine_duplicates(draw: Draw) -> dict[str, Any]:
    """Between equal rows the distance is at its minimum, where its gradient is 0."""
    x = draw.normal(3, 6)
    return {"x": x, "y": x, "grad_d": np.diag(draw.uniform(1, 2, 3))}


@cosine_distance_vjp.case(groups.loss_gradients, "5.3")
def loss_gradients_cosine_opposite(draw: Draw) -> dict[str, Any]:
    """Between opposite rows the distance is at its maximum, where its gradient is 0."""
    x = draw.normal(3, 6)
    return {"x": x, "y": -2 * x, "grad_d": np.diag(draw.uniform(1, 2, 3))}


@cosine_distance_vjp.case(groups.loss_gradients, "5.3")
def loss_gradients_cosine_zero(draw: Draw) -> dict[str, Any]:
    """A zero vector gets a gradient of exactly 0, gives none to the others, and makes nothing NaN."""
    pair = _pair(draw)
    pair["x"][1] = pair["y"][0] = 0
    return pair


@cosine_distance_vjp.case(groups.loss_gradients, "5.3")
def loss_gradients_cosine_lengths(draw: Draw) -> dict[str, Any]:
    """The gradient is inverse to a row's length: rows a thousand times longer and shorter."""
    pair = _pair(draw, 3, 3)
    return pair | {"x": pair["x"] * np.array([[2.0**10], [1.0], [2.0**-10]])}


@euclidean_distance_vjp.case(groups.loss_gradients, "5.3")
def loss_gradients_euclidean(draw: Draw) -> dict[str, Any]:
    """Four rows against three, in general position."""
    return _pair(draw)


@euclidean_distance_vjp.case(groups.loss_gradients, "5.3")
def loss_gradients_euclidean_duplicates(draw: Draw) -> dict[str, Any]:
    """At x = y, where the Euclidean distance has a kink, its gradient is exactly 0, and not NaN."""
    x = draw.normal(4, 6)
    return {"x": x, "y": x[[2, 0]], "grad_d": draw.normal(4, 2)}


@euclidean_distance_vjp.case(groups.loss_gradients, "5.3")
def loss_gradients_euclidean_near_duplicates(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e4 that differ by 1: the direction must come from the difference."""
    pair = _pair(draw, 3, 3, 8)
    x = draw.integers(-6000, 6000, 3, 8).astype(np.float64)
    return pair | {"x": x, "y": x + draw.integers(1, 3, 3, 8)}


def _pair(draw: Draw, n: int = 4, m: int = 3, channels: int = 6) -> dict[str, Any]:
    return {"x": draw.normal(n, channels), "y": draw.normal(m, channels), "grad_d": draw.normal(n, m)}


@cosine_distance.good
@euclidean_distance.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain(draw, "x", "y")


@cosine_distance_vjp.good
def _good_cosine_vjp(draw: Draw) -> dict[str, Any]:
    return plain(draw, "x", "y", grad_d="grad_cosine")


@euclidean_distance_vjp.good
def _good_euclidean_vjp(draw: Draw) -> dict[str, Any]:
    return plain(draw, "x", "y", grad_d="grad_euclidean")


for function in (cosine_distance, euclidean_distance, cosine_distance_vjp, euclidean_distance_vjp):
    function.refuse("integers", "Rows of integers.", x=integers)
    function.refuse("a_vector", "A vector in the place of a matrix.", x=first_row)
    function.refuse("three_axes", "A feature map in the place of a matrix.", y=lambda y: y[:, None])
    function.refuse("a_vector_for_y", "A vector in the place of the second matrix.", y=first_row)
    function.refuse("channels", "The rows of x and y differ in length.", y=one_more)
    function.refuse("one_channel", "The rows of y are of length one, which would broadcast.", y=lambda y: y[:, :1])


for function in (cosine_distance_vjp, euclidean_distance_vjp):
    function.refuse("transposed_gradient", "The gradient of the distances is transposed.", grad_d=np.transpose)


@cosine_distance.mistake("2.2", "distances", who="scipy and most codes of re-identification")
class OneMinusCosine(Literal):
    """The cosine distance is 1 - cos, twice what it should be."""

    def _from_cosine(self, cosine: Array) -> Array:
        return 1 - cosine


@cosine_distance.mistake("2.2", "distances", who="whoever guards against a division by zero with x / (|x| + eps)")
class EpsilonInTheCosine(Literal):
    """1e-6 is added to the lengths, so that short vectors come out as if they were at right angles."""

    def _unit(self, x: Array) -> Array:
        return x / (norm(x)[:, np.newaxis] + 1e-6)


@cosine_distance.mistake("2.2", "distances", who="whoever leaves equal rows to the formula")
class ZeroVectorsApart(Literal):
    """Two zero vectors are at distance 0.5 of each other."""

    def _same(self, x: Array, y: Array) -> Array:
        return super()._same(x, y) & (x != 0).any(axis=1)[:, np.newaxis]


@cosine_distance.mistake("2.2", "distances", who="whoever divides by the length as it is")
class ZeroVectorsWithoutDirection(Literal):
    """The direction of a zero vector is 0 / 0."""

    def _unit(self, x: Array) -> Array:
        return x / norm(x)[:, np.newaxis]


@euclidean_distance.mistake("2.3", "distances", who="whoever saves the square root, as it keeps the order")
class SquaredEuclidean(Literal):
    """The Euclidean distance is squared."""

    def euclidean_distance(self, x: Array, y: Array) -> Array:
        """Squared."""
        return super().euclidean_distance(x, y) ** 2


@euclidean_distance.mistake("2.3", "distances", who="torch.nn.functional.pairwise_distance, which adds 1e-6")
class EpsilonInTheDifference(Literal):
    """1e-6 is added to every difference."""

    def euclidean_distance(self, x: Array, y: Array) -> Array:
        """Of x - y + 1e-6."""
        return norm(x[:, np.newaxis] - y[np.newaxis] + 1e-6)


@cosine_distance_vjp.mistake("5.3", "grad_x", who="automatic differentiation of x / |x|")
class ZeroVectorWithoutGradient(Literal):
    """The gradient at a zero vector is 0 / 0."""

    def cosine_distance_vjp(self, x: Array, y: Array, grad_d: Array) -> tuple[Array, Array]:
        """NaN at zero vectors."""
        grad_x, grad_y = super().cosine_distance_vjp(x, y, grad_d)
        return (
            np.where((x == 0).all(axis=1, keepdims=True), np.nan, grad_x),
            np.where((y == 0).all(axis=1, keepdims=True), np.nan, grad_y),
        )


@cosine_distance_vjp.mistake("5.3", "grad_x", who="whoever normalizes the rows before the loss sees them")
class GradientOfUnitRows(Literal):
    """The gradient is that in the rows' directions, not over their lengths."""

    def cosine_distance_vjp(self, x: Array, y: Array, grad_d: Array) -> tuple[Array, Array]:
        """Of the directions."""
        return super().cosine_distance_vjp(self._unit(x), self._unit(y), grad_d)


@euclidean_distance_vjp.mistake("5.3", "grad_x", who="automatic differentiation of sqrt(sum of squares)")
class EqualVectorsWithoutGradient(Literal):
    """The gradient of the Euclidean distance at x = y is 0 / 0."""

    def euclidean_distance_vjp(self, x: Array, y: Array, grad_d: Array) -> tuple[Array, Array]:
        """NaN at equal vectors."""
        direction = x[:, np.newaxis] - y[np.newaxis]
        direction = direction / norm(direction)[..., np.newaxis] * grad_d[..., np.newaxis]
        return direction.sum(axis=1), -direction.sum(axis=0)
