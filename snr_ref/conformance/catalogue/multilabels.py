"""Soft multilabels, their agreement, and what runs along of both from batch to batch."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw
from snr_ref.mar.multilabels import MultilabelMemory

cases = Catalogue("multilabels", "soft multilabels, their agreement, the threshold and the memory")

#: 2 to these: usual rows, and such whose squares leave float32.
LENGTHS = np.array([0.0, 0, -70, 70])


def rows_of_any_length(draw: Draw) -> dict[str, Any]:
    """Four rows and a zero vector."""
    return {"x": np.concatenate([draw.normal(4, 3) * np.exp2(LENGTHS)[:, None], np.zeros((1, 3))])}


@cases.case("unit", "9.1")
def directions(draw: Draw) -> dict[str, Any]:
    """Rows whose squares underflow or overflow in float32 have a direction; the zero vector has none and stays zero."""
    return rows_of_any_length(draw)


@cases.case("unit_vjp", "9.1")
def gradient_of_directions(draw: Draw) -> dict[str, Any]:
    """What points along x has no effect, the rest the more the shorter x is; at the zero vector it is 0, not NaN."""
    return {**rows_of_any_length(draw), "grad_u": draw.normal(5, 3)}


def alike(draw: Draw) -> dict[str, Any]:
    """Five images and four agents, with the usual scale, which isn't named: 30."""
    return {"features": draw.directions(5), "agents": draw.directions(4)}


def another_scale(draw: Draw) -> dict[str, Any]:
    """The scale is named: 4."""
    return alike(draw) | {"scale": 4.0}


def huge_scale(draw: Draw) -> dict[str, Any]:
    """Multilabels whose smallest are 0 have logarithms all the same; an image without a direction is like everyone."""
    case = alike(draw)
    case["features"][0] = 0
    return case | {"scale": 2.0**14}


for _build in (alike, another_scale, huge_scale):
    _numerics = ("6.4",) if _build is huge_scale else ()
    cases.case("log_multilabels", "9.2", *_numerics)(_build)


@cases.case("log_multilabels_vjp", "9.2")
def gradient_of_alike(draw: Draw) -> dict[str, Any]:
    """Of five images and four agents, with the usual scale."""
    return alike(draw) | {"grad_log_multilabels": draw.normal(5, 4)}


@cases.case("log_multilabels_vjp", "9.2", "6.4")
def gradient_of_huge_scale(draw: Draw) -> dict[str, Any]:
    """Multilabels of 0 and 1, and an image without a direction, for which all agents pull alike."""
    return huge_scale(draw) | {"grad_log_multilabels": draw.normal(5, 4)}


@cases.case("multilabel_agreement", "9.3")
def agreement(draw: Draw) -> dict[str, Any]:
    """Four images and three others, five identities."""
    return {"x": draw.shares(4, 5), "y": draw.shares(3, 5)}


@cases.case("multilabel_agreement", "9.3")
def same_and_disjoint(draw: Draw) -> dict[str, Any]:
    """1 of a multilabel with itself, 0 of two that have no identity in common."""
    half = draw.shares(2, 3)
    x = np.concatenate([np.pad(half, ((0, 0), (0, 3))), np.pad(half, ((0, 0), (3, 0)))])
    return {"x": x, "y": x}


@cases.case("initial_threshold", "9.4")
def third_from_the_top(draw: Draw) -> dict[str, Any]:
    """Three eighths of ten pairs are 3.75, which is the third."""
    return {"multilabels": draw.shares(5, 4), "mining_ratio": 0.375}


@cases.case("initial_threshold", "9.4")
def usual_ratio(draw: Draw) -> dict[str, Any]:
    """The ratio is not named, 0.005: of 406 pairs that makes two, of which the second is the threshold."""
    return {"multilabels": draw.shares(29, 6)}


@cases.case("initial_threshold", "9.4")
def all_pairs(draw: Draw) -> dict[str, Any]:
    """With a ratio of 1 the threshold is the lowest agreement, which two pairs have."""
    y = np.array([[32.0, 32, 0, 0], [8, 24, 32, 0], [0, 0, 48, 16], [32, 0, 0, 32]]) / 64
    return {"multilabels": y, "mining_ratio": 1.0}


@cases.case("next_threshold", "9.4")
def threshold_moves(draw: Draw) -> dict[str, Any]:
    """A tenth of the batch's own, the second from the top of six agreements."""
    return {"threshold": 0.75, "multilabels": draw.shares(4, 5), "mining_ratio": 0.375}


@cases.case("next_memory", "9.5")
def first_and_later_visits(draw: Draw) -> dict[str, Any]:
    """The third image comes for the first time, two come again, and two are not in the batch."""
    return {
        "memory": MultilabelMemory(draw.shares(5, 4), np.array([True, False, False, True, True])),
        "indices": np.array([3, 2, 0]),
        "multilabels": draw.shares(3, 4),
    }


@cases.case("next_memory", "9.5")
def rate_of_the_memory(draw: Draw) -> dict[str, Any]:
    """The rate is named, a quarter; what stood in a row before its first visit does not matter, were it no share."""
    return {
        "memory": MultilabelMemory(np.array([[0.25, 0.75], [7.0, 7.0], [0.5, 0.5]]), np.array([True, False, False])),
        "indices": np.array([0, 1]),
        "multilabels": np.array([[0.75, 0.25], [0.125, 0.875]]),
        "rate": 0.25,
    }
