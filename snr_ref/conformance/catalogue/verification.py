"""Verification: which pairs are below a threshold, and which threshold belongs to a rate."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("verification", "rates, thresholds and histograms of pairs of one person and of two")


def pairs(same: list[float], different: list[float]) -> dict[str, Any]:
    """One query with these distances to its own identity in another camera, and to another identity."""
    return {
        "distances": np.array([[*same, *different]], np.float64),
        "query_ids": np.array([1]),
        "gallery_ids": np.array([1] * len(same) + [2] * len(different)),
        "query_cameras": np.array([1]),
        "gallery_cameras": np.full(len(same) + len(different), 2),
    }


def with_rates(batch: dict[str, Any], *rates: float) -> dict[str, Any]:
    """The same, asked for these false-positive rates."""
    return batch | {"false_positive_rates": np.array(rates)}


@cases.case("evaluate_verification", "7.9", "7.10", "7.11")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Eight queries and sixty-four images of six identities in three cameras, distances from 0 to 4, without ties."""
    ids = np.concatenate([draw.integers(-1, 7, 58), np.arange(1, 7)])
    batch = {
        "distances": draw.permutation(512).reshape(8, 64) / 128.0,
        "query_ids": draw.integers(1, 7, 8),
        "gallery_ids": ids,
        "query_cameras": draw.integers(0, 3, 8),
        "gallery_cameras": np.concatenate([draw.integers(0, 3, 58), np.full(6, 3)]),
    }
    return with_rates(batch, 0.0, 0.03125, 0.26, 1.0)


@cases.case("evaluate_verification", "7.9")
def usual_rates(draw: Draw) -> dict[str, Any]:
    """The rates are not named: 0.0001, 0.001, 0.01 and 0.1. With fifteen pairs of two, only the last takes one."""
    return pairs([1, 3, 6], list(range(2, 32, 2)))


@cases.case("evaluate_verification", "7.9")
def at_the_threshold_is_not_below(draw: Draw) -> dict[str, Any]:
    """Pairs of one person as far as the nearest of two: at rate 0 they are not taken."""
    return with_rates(pairs([1, 2, 2, 3], [2, 4, 5, 8]), 0.0, 0.25)


@cases.case("evaluate_verification", "7.9")
def ties_are_taken_together(draw: Draw) -> dict[str, Any]:
    """Four of eight pairs of two at one distance: a rate of a quarter takes none of them, as half would be too many."""
    return with_rates(pairs([1, 3, 5], [2, 2, 2, 2, 4, 5, 6, 7]), 0.25, 0.5)


@cases.case("evaluate_verification", "7.9")
def a_rate_that_is_met_exactly(draw: Draw) -> dict[str, Any]:
    """At most an eighth is one of eight: the threshold is the distance of the second."""
    return with_rates(pairs([1, 2.5, 5], [2, 3, 4, 5, 6, 7, 8, 9]), 0.125, 0.12, 0.13)


@cases.case("evaluate_verification", "7.9")
def all_pairs_may_be_taken(draw: Draw) -> dict[str, Any]:
    """At rate 1 no distance is large enough: the threshold is infinite, and every pair is below it."""
    return with_rates(pairs([1, 9], [2, 4]), 1.0)


@cases.case("evaluate_verification", "7.10")
def equal_errors(draw: Draw) -> dict[str, Any]:
    """At 4 a quarter of the others is taken and a half missed; at 5 a half and a half: the two are equal there."""
    return with_rates(pairs([1, 2, 5, 8], [3, 4, 6, 7]), 0.25)


@cases.case("evaluate_verification", "7.10")
def errors_that_cross_between_two_distances(draw: Draw) -> dict[str, Any]:
    """No threshold makes both shares equal: the first at which too many are taken, and the mean of the shares."""
    return with_rates(pairs([1, 2, 5], [3, 4, 6, 7]), 0.25)


@cases.case("evaluate_verification", "7.10")
def told_apart(draw: Draw) -> dict[str, Any]:
    """Every pair of one person is nearer than any other: the equal error rate is 0."""
    return with_rates(pairs([1, 2, 3], [4, 5, 6, 7]), 0.0)


@cases.case("evaluate_verification", "7.10", "7.11")
def one_distance(draw: Draw) -> dict[str, Any]:
    """A network that gives every image the same feature: no threshold, a rate of a half, and a histogram of one bin."""
    return with_rates(pairs([0.5, 0.5], [0.5, 0.5, 0.5, 0.5]), 0.25)


@cases.case("evaluate_verification", "7.11")
def edges(draw: Draw) -> dict[str, Any]:
    """From 0 to 128 the bins are one wide: an edge belongs to the bin above it, the largest to the last."""
    return with_rates(pairs([0, 0.5, 1], [64, 127.5, 128, 127]), 0.25)


@cases.case("evaluate_verification", "7.9", "7.1")
def junk(draw: Draw) -> dict[str, Any]:
    """Junk identities and the query's identity in its own camera are no pairs, however near or far."""
    batch = pairs([0, 2, 3, 64], [0, 4, 5, 6, 64])
    ids, cameras = batch["gallery_ids"], batch["gallery_cameras"]
    ids[[4, 8]], cameras[[0, 3]] = -1, 1
    return with_rates(batch, 0.0, 0.25)


@cases.case("evaluate_verification", "7.9", "7.7")
def distractors(draw: Draw) -> dict[str, Any]:
    """A distractor is nobody: with it, a pair shows two persons."""
    batch = pairs([1, 3, 5], [2, 4, 6, 8])
    batch["gallery_ids"][[3, 5]] = 0
    return with_rates(batch, 0.0, 0.25)


@cases.case("evaluate_verification", "7.9", "7.6")
def no_camera(draw: Draw) -> dict[str, Any]:
    """Without cameras the query's own camera counts."""
    batch = with_rates(pairs([1, 3, 5], [2, 4, 6, 8]), 0.25)
    del batch["query_cameras"], batch["gallery_cameras"]
    return batch | {"protocol": "no_camera"}


@cases.case("evaluate_verification", "7.9", "7.10")
def negative_distances(draw: Draw) -> dict[str, Any]:
    """Smaller is more alike, below zero too."""
    return with_rates(pairs([-8, -6, -3], [-7, -5, -4, 0]), 0.25)
