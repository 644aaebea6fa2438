"""Soft multilabels, their agreement, and the state carried between batches: the threshold and the memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, direction, exact, length, log_softmax, one_for_zero, scalar
from snr_ref.conformance.spoiled import always, integers, one_more, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.elementary import norm
from snr_ref.mar.multilabels import SCALE, MultilabelMemory

unit = Function("unit", ("directions",), clause="9.1", after="pixelwise_dual_restitution_gradients")
unit_vjp = Function("unit_vjp", ("grad_x",), clause="9.1", after="unit")
log_multilabels = Function("log_multilabels", ("log_multilabels",), clause="9.2", after="unit_vjp")
log_multilabels_vjp = Function("log_multilabels_vjp", ("grad_features",), clause="9.2", after="log_multilabels")
multilabel_agreement = Function("multilabel_agreement", ("agreement",), clause="9.3", after="log_multilabels_vjp")
initial_threshold = Function("initial_threshold", ("threshold",), clause="9.4", after="multilabel_agreement")
next_threshold = Function("next_threshold", ("threshold",), clause="9.4", after="initial_threshold")
next_memory = Function(
    "next_memory", MultilabelMemory._fields, clause="9.5", after="next_threshold", records={"memory": MultilabelMemory}
)


@unit.bound
def unit_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `unit`."""
    return {"directions": direction(exact(arguments["x"], precision.u)).error}


@unit_vjp.bound
def unit_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """(G - (G.u) u) / |x|, and 0 at a zero vector."""
    x, G = exact(arguments["x"], precision.u), exact(arguments["grad_u"], precision.u)
    u = direction(x)
    gradient = (G - (G * u).sum(1)[:, None] * u) / one_for_zero(x, length(x)[:, None])
    return {"grad_x": np.where((x.value == 0).all(1, keepdims=True), 0, gradient.error)}


@log_multilabels.bound
def log_multilabels_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The bounds of a log-softmax of the scaled cosines."""
    return {"log_multilabels": log_softmax(_logits(arguments, precision.u)).error}


@log_multilabels_vjp.bound
def log_multilabels_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A matrix product, as scale (G - y sum of G) A, of which (1 - y) G is one part and y sum of the other G another.

    Where G is off itself, so are both, which is rounded too, by less than 1 / sqrt(u) roundings.
    """
    u = precision.u
    y, given = log_softmax(_logits(arguments, u)).exp(), exact(arguments["grad_log_multilabels"], u)
    G, e = exact(given.value, u), (1 + np.sqrt(u)) * given.error
    in_logits = G - y * G.sum(1)[:, None]
    of_e = (1 - y.value) * e + y.value * (e.sum(1, keepdims=True) - e)
    in_logits = Rounded(in_logits.value, in_logits.error + of_e, u)
    return {"grad_features": (_scale(arguments, u) * in_logits @ exact(arguments["agents"], u)).error}


@multilabel_agreement.bound
def multilabel_agreement_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `multilabel_agreement`."""
    return {"agreement": _agreement_error(exact(arguments["x"], precision.u), exact(arguments["y"], precision.u))}


@initial_threshold.bound
def initial_threshold_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """An order statistic is off by at most the largest error of its numbers."""
    y = exact(arguments["multilabels"], precision.u)
    return {"threshold": _agreement_error(y, y)[np.triu_indices(len(y.value), 1)].max()}


@next_threshold.bound
def next_threshold_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A weighted mean of two agreements, which are at most 1."""
    u = precision.u
    batch = Rounded(np.asarray(1.0), initial_threshold.bounds(arguments, precision)["threshold"], u)
    return {"threshold": mixed(scalar(arguments["threshold"], u), batch, arguments.get("rate", 0.1)).error}


@next_memory.bound
def next_memory_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A weighted mean in the rows that were visited before and are again; all other rows are exact."""
    memory, indices, u = arguments["memory"], arguments["indices"], precision.u
    new = exact(arguments["multilabels"], u)
    rows = mixed(exact(memory.multilabels[indices], u), new, arguments.get("rate", 0.1))
    error = np.zeros_like(memory.multilabels)
    error[indices] = np.where(memory.visited[indices, None], rows.error, new.error)
    return {"multilabels": error, "visited": np.zeros(len(error))}


def mixed(old: Rounded, new: Rounded, rate: float) -> Rounded:
    """(1 - rate) old + rate new."""
    weight = scalar(rate, old.u)
    return (exact(1.0, old.u) - weight) * old + weight * new


def _agreement_error(x: Rounded, y: Rounded) -> np.ndarray:
    """1 - sum of |x - y| / 2, or the sum of the smaller of both, which is the same for rows that sum to 1."""
    u, x = x.u, x[:, None]
    difference = x - y
    total = Rounded(np.abs(difference.value), difference.error, u).sum(-1)
    by_difference = exact(1.0, u) - total / exact(2.0, u)
    return np.maximum(by_difference.error, exact(np.minimum(x.value, y.value), u).sum(-1).error)


def _logits(arguments: Mapping[str, Any], u: float) -> Rounded:
    return _scale(arguments, u) * (exact(arguments["features"], u) @ exact(arguments["agents"], u).T)


def _scale(arguments: Mapping[str, Any], u: float) -> Rounded:
    return scalar(arguments.get("scale", SCALE), u)


#: 2 to these powers: usual rows, and rows whose squares leave the range of float32.
LENGTHS = np.array([0.0, 0, -70, 70])


def rows_of_any_length(draw: Draw) -> dict[str, Any]:
    """Four rows and a zero vector."""
    return {"x": np.concatenate([draw.normal(4, 3) * np.exp2(LENGTHS)[:, None], np.zeros((1, 3))])}


@unit.case(groups.multilabels, "9.1")
def directions(draw: Draw) -> dict[str, Any]:
    """Rows whose squares underflow or overflow in float32 have a direction; the zero vector has none and stays zero."""
    return rows_of_any_length(draw)


@unit_vjp.case(groups.multilabels, "9.1")
def gradient_of_directions(draw: Draw) -> dict[str, Any]:
    """What points along x has no effect, the rest the more the shorter x is; at the zero vector it is 0, not NaN."""
    return {**rows_of_any_length(draw), "grad_u": draw.normal(5, 3)}


@log_multilabels.case(groups.multilabels, "9.2")
def alike(draw: Draw) -> dict[str, Any]:
    """Five images and four agents, with the usual scale, which isn't named: 30."""
    return {"features": draw.directions(5), "agents": draw.directions(4)}


@log_multilabels.case(groups.multilabels, "9.2")
def another_scale(draw: Draw) -> dict[str, Any]:
    """The scale is named: 4."""
    return alike(draw) | {"scale": 4.0}


@log_multilabels.case(groups.multilabels, "9.2", "6.4")
def huge_scale(draw: Draw) -> dict[str, Any]:
    """Multilabels whose smallest are 0 have logarithms all the same; an image without a direction is like everyone."""
    case = alike(draw)
    case["features"][0] = 0
    return case | {"scale": 2.0**14}


@log_multilabels_vjp.case(groups.multilabels, "9.2")
def gradient_of_alike(draw: Draw) -> dict[str, Any]:
    """Of five images and four agents, with the usual scale."""
    return alike(draw) | {"grad_log_multilabels": draw.normal(5, 4)}


@log_multilabels_vjp.case(groups.multilabels, "9.2", "6.4")
def gradient_of_huge_scale(draw: Draw) -> dict[str, Any]:
    """Multilabels of 0 and 1, and an image without a direction, for which all agents pull alike."""
    return huge_scale(draw) | {"grad_log_multilabels": draw.normal(5, 4)}


@multilabel_agreement.case(groups.multilabels, "9.3")
def agreement(draw: Draw) -> dict[str, Any]:
    """Four images and three others, five identities."""
    return {"x": draw.shares(4, 5), "y": draw.shares(3, 5)}


@multilabel_agreement.case(groups.multilabels, "9.3")
def same_and_disjoint(draw: Draw) -> dict[str, Any]:
    """1 of a multilabel with itself, 0 of two that have no identity in common."""
    half = draw.shares(2, 3)
    x = np.concatenate([np.pad(half, ((0, 0), (0, 3))), np.pad(half, ((0, 0), (3, 0)))])
    return {"x": x, "y": x}


@initial_threshold.case(groups.multilabels, "9.4")
def third_from_the_top(draw: Draw) -> dict[str, Any]:
    """Three eighths of ten pairs are 3.75, which is the third."""
    return {"multilabels": draw.shares(5, 4), "mining_ratio": 0.375}


@initial_threshold.case(groups.multilabels, "9.4")
def usual_ratio(draw: Draw) -> dict[str, Any]:
    """The ratio is not named, 0.005: of 406 pairs that makes two, of which the second is the threshold."""
    return {"multilabels": draw.shares(29, 6)}


@initial_threshold.case(groups.multilabels, "9.4")
def all_pairs(draw: Draw) -> dict[str, Any]:
    """With a ratio of 1 the threshold is the lowest agreement, which two pairs have."""
    y = np.array([[32.0, 32, 0, 0], [8, 24, 32, 0], [0, 0, 48, 16], [32, 0, 0, 32]]) / 64
    return {"multilabels": y, "mining_ratio": 1.0}


@next_threshold.case(groups.multilabels, "9.4")
def threshold_moves(draw: Draw) -> dict[str, Any]:
    """A tenth of the batch's own, the second from the top of six agreements."""
    return {"threshold": 0.75, "multilabels": draw.shares(4, 5), "mining_ratio": 0.375}


@next_memory.case(groups.multilabels, "9.5")
def first_and_later_visits(draw: Draw) -> dict[str, Any]:
    """The third image comes for the first time, two come again, and two are not in the batch."""
    return {
        "memory": MultilabelMemory(draw.shares(5, 4), np.array([True, False, False, True, True])),
        "indices": np.array([3, 2, 0]),
        "multilabels": draw.shares(3, 4),
    }


@next_memory.case(groups.multilabels, "9.5")
def rate_of_the_memory(draw: Draw) -> dict[str, Any]:
    """The rate is named, a quarter; what stood in a row before its first visit does not matter, were it no share."""
    return {
        "memory": MultilabelMemory(np.array([[0.25, 0.75], [7.0, 7.0], [0.5, 0.5]]), np.array([True, False, False])),
        "indices": np.array([0, 1]),
        "multilabels": np.array([[0.75, 0.25], [0.125, 0.875]]),
        "rate": 0.25,
    }


@unit.good
def _good_unit(draw: Draw) -> dict[str, Any]:
    return plain(draw, x="unit_x")


@unit_vjp.good
def _good_unit_vjp(draw: Draw) -> dict[str, Any]:
    return plain(draw, x="unit_x", grad_u="grad_u")


@log_multilabels.good
def _good_log_multilabels(draw: Draw) -> dict[str, Any]:
    return plain(draw, "features", "agents") | {"scale": 30.0}


@log_multilabels_vjp.good
def _good_log_multilabels_vjp(draw: Draw) -> dict[str, Any]:
    drawn = plain(draw, "features", "agents", "grad_log_multilabels")
    gradient = drawn.pop("grad_log_multilabels")
    return drawn | {"scale": 30.0, "grad_log_multilabels": gradient}


@multilabel_agreement.good
def _good_agreement(draw: Draw) -> dict[str, Any]:
    return plain(draw, x="multilabels", y="other_multilabels")


@initial_threshold.good
def _good_initial_threshold(draw: Draw) -> dict[str, Any]:
    return plain(draw, "multilabels") | {"mining_ratio": 0.5}


@next_threshold.good
def _good_next_threshold(draw: Draw) -> dict[str, Any]:
    return {"threshold": 0.5, **plain(draw, "multilabels"), "mining_ratio": 0.5, "rate": 0.25}


@next_memory.good
def _good_next_memory(draw: Draw) -> dict[str, Any]:
    drawn = plain(draw, "memory", "multilabels")
    return {
        "memory": drawn["memory"],
        "indices": np.array([5, 0, 2, 1]),
        "multilabels": drawn["multilabels"],
        "rate": 0.25,
    }


unit.refuse("integers", "Rows of integers.", "9.1", x=integers)


unit_vjp.refuse("gradient_of_one_row", "The gradient lacks a row.", "9.1", grad_u=lambda g: g[1:])


log_multilabels.refuse("integers", "Features of integers.", "9.2", features=integers)
log_multilabels.refuse("no_agent", "Likeness to nobody.", "9.2", agents=lambda a: a[:0])


log_multilabels_vjp.refuse("agents", "There is a class more than agents.", "9.2", grad_log_multilabels=one_more)


multilabel_agreement.refuse(
    "one_class", "Multilabels of one class, which would broadcast.", "9.3", y=lambda y: y[:, :1]
)


initial_threshold.refuse("one_image", "One image makes no pair.", "9.4", multilabels=lambda y: y[:1])


next_threshold.refuse("ratio_of_none", "A mining ratio of 0.", "9.4", mining_ratio=always(0.0))


next_memory.refuse("twice", "An image is in the batch twice.", "9.5", indices=always(np.array([5, 0, 5, 1])))
next_memory.refuse("negative_index", "An index that counts from the end.", "9.5", indices=lambda i: i - 1)
next_memory.refuse("index_too_large", "An image that the memory has no row for.", "9.5", indices=lambda i: i + 1)
next_memory.refuse("rate_of_none", "A rate of 0, with which nothing is ever remembered.", "9.5", rate=always(0.0))
next_memory.refuse(
    "one_class",
    "A memory of one class, which would broadcast.",
    "9.5",
    memory=lambda m: MultilabelMemory(m.multilabels[:, :1], m.visited),
)


@unit.mistake("9.1", "directions", who="torch.nn.functional.normalize, as it is")
class LeastLength(Literal):
    """Lengths below 1e-12 count as that, so that short rows do not come out with length 1."""

    def _direction(self, x: Array) -> Array:
        return x / np.maximum(norm(x)[:, np.newaxis], 1e-12)


@unit_vjp.mistake("9.1", "grad_x", who="whoever divides by a length without a gradient")
class LengthDetached(Literal):
    """The length is a constant to the gradient, which keeps what points along x."""

    def _across(self, G: Array, u: Array) -> Array:
        return G


@log_multilabels.mistake("9.2", "log_multilabels", who="the paper's formula, which has no scale")
class CosinesNotScaled(Literal):
    """The softmax is of the cosines as they are."""

    def _scaled(self, x: Array, scale: float) -> Array:
        return x


@multilabel_agreement.mistake("9.3", "agreement", who="whoever forgets that the L1 distance reaches to 2")
class DistanceNotHalved(Literal):
    """The agreement is 1 - |x - y|_1."""

    def _agreement(self, difference: Array) -> Array:
        return 1 - difference


@initial_threshold.mistake("9.4", "threshold", who="whoever sorts upwards and counts from the start")
class PlaceFromTheBottom(Literal):
    """The threshold is the agreement at that place from the bottom."""

    def _at_place(self, from_the_top: Array, place: int) -> Array:
        return from_the_top[-place]


@initial_threshold.mistake("9.4", "threshold", who="whoever rounds up, lest there be no pair")
class CountRoundedUp(Literal):
    """A part of a pair counts as one."""

    def _mined_count(self, pairs: int, ratio: float) -> int:
        return math.ceil(ratio * pairs)


@next_threshold.mistake("9.4", "threshold", who="whoever takes the rate for that of what stays")
class OldAndNewSwapped(Literal):
    """What runs along keeps a tenth of itself."""

    def _moved(self, old: Any, new: Array, rate: float) -> Array:
        return rate * old + (1 - rate) * new


@next_memory.mistake("9.5", "multilabels", who="whoever starts a running mean from zeros")
class MixedAtTheFirstVisit(Literal):
    """The first multilabel of an image is mixed with what stood in its row before."""

    def _has_a_row(self, visited: bool) -> bool:
        return True


@next_memory.mistake("9.5", "multilabels", who="whoever writes each batch over the rows")
class LastVisitAlone(Literal):
    """The memory is the last multilabel."""

    def _has_a_row(self, visited: bool) -> bool:
        return False
