"""Verification: the pairs below a threshold, and the threshold of a rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import snr_ref
from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.spoiled import always, first_row, one_more
from snr_ref.conformance.steps import Verification
from snr_ref.conformance.steps.elementary import Array
from snr_ref.verification import VerificationResult

evaluate_verification = Function(
    "evaluate_verification", VerificationResult._fields, clause="7.9", after="evaluate_retrieval"
)


@evaluate_verification.bound
def evaluate_verification_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Thresholds and counts are exact; a fraction rounds once, half a sum of two twice more, an edge four times."""
    result, u = snr_ref.evaluate_verification(**arguments), precision.u
    exact = {name: np.asarray(0.0) for name in result._fields}
    magnitude = np.abs(result.bin_edges).max()
    return exact | {
        "true_positive_rates": u * result.true_positive_rates,
        "equal_error_rate": np.asarray(3 * u * result.equal_error_rate),
        "bin_edges": np.full(result.bin_edges.shape, 4 * u * magnitude),
    }


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
    """The same with these false-positive rates."""
    return batch | {"false_positive_rates": np.array(rates)}


@evaluate_verification.case(groups.verification, "7.9", "7.10", "7.11")
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


@evaluate_verification.case(groups.verification, "7.9")
def usual_rates(draw: Draw) -> dict[str, Any]:
    """The rates are not named: 0.0001, 0.001, 0.01 and 0.1. With fifteen pairs of two, only the last takes one."""
    return pairs([1, 3, 6], list(range(2, 32, 2)))


@evaluate_verification.case(groups.verification, "7.9")
def at_the_threshold_is_not_below(draw: Draw) -> dict[str, Any]:
    """Pairs of one person as far as the nearest of two: at rate 0 they are not taken."""
    return with_rates(pairs([1, 2, 2, 3], [2, 4, 5, 8]), 0.0, 0.25)


@evaluate_verification.case(groups.verification, "7.9")
def ties_are_taken_together(draw: Draw) -> dict[str, Any]:
    """Four of eight pairs of two at one distance: a rate of a quarter takes none of them, as half would be too many."""
    return with_rates(pairs([1, 3, 5], [2, 2, 2, 2, 4, 5, 6, 7]), 0.25, 0.5)


@evaluate_verification.case(groups.verification, "7.9")
def a_rate_that_is_met_exactly(draw: Draw) -> dict[str, Any]:
    """At most an eighth is one of eight: the threshold is the distance of the second."""
    return with_rates(pairs([1, 2.5, 5], [2, 3, 4, 5, 6, 7, 8, 9]), 0.125, 0.12, 0.13)


@evaluate_verification.case(groups.verification, "7.9")
def all_pairs_may_be_taken(draw: Draw) -> dict[str, Any]:
    """At rate 1 no distance is large enough: the threshold is infinite, and every pair is below it."""
    return with_rates(pairs([1, 9], [2, 4]), 1.0)


@evaluate_verification.case(groups.verification, "7.10")
def equal_errors(draw: Draw) -> dict[str, Any]:
    """At 4 a quarter of the others is taken and a half missed; at 5 a half and a half: the two are equal there."""
    return with_rates(pairs([1, 2, 5, 8], [3, 4, 6, 7]), 0.25)


@evaluate_verification.case(groups.verification, "7.10")
def errors_that_cross_between_two_distances(draw: Draw) -> dict[str, Any]:
    """No threshold makes both shares equal: the first at which too many are taken, and the mean of the shares."""
    return with_rates(pairs([1, 2, 5], [3, 4, 6, 7]), 0.25)


@evaluate_verification.case(groups.verification, "7.10")
def told_apart(draw: Draw) -> dict[str, Any]:
    """Every pair of one person is nearer than any other: the equal error rate is 0."""
    return with_rates(pairs([1, 2, 3], [4, 5, 6, 7]), 0.0)


@evaluate_verification.case(groups.verification, "7.10", "7.11")
def one_distance(draw: Draw) -> dict[str, Any]:
    """A network that gives every image the same feature: no threshold, a rate of a half, and a histogram of one bin."""
    return with_rates(pairs([0.5, 0.5], [0.5, 0.5, 0.5, 0.5]), 0.25)


@evaluate_verification.case(groups.verification, "7.11")
def edges(draw: Draw) -> dict[str, Any]:
    """From 0 to 128 the bins are one wide: an edge belongs to the bin above it, the largest to the last."""
    return with_rates(pairs([0, 0.5, 1], [64, 127.5, 128, 127]), 0.25)


@evaluate_verification.case(groups.verification, "7.9", "7.1")
def junk(draw: Draw) -> dict[str, Any]:
    """Junk identities and the query's identity in its own camera are no pairs, however near or far."""
    batch = pairs([0, 2, 3, 64], [0, 4, 5, 6, 64])
    ids, cameras = batch["gallery_ids"], batch["gallery_cameras"]
    ids[[4, 8]], cameras[[0, 3]] = -1, 1
    return with_rates(batch, 0.0, 0.25)


@evaluate_verification.case(groups.verification, "7.9", "7.7")
def distractors(draw: Draw) -> dict[str, Any]:
    """A distractor is nobody: with it, a pair shows two persons."""
    batch = pairs([1, 3, 5], [2, 4, 6, 8])
    batch["gallery_ids"][[3, 5]] = 0
    return with_rates(batch, 0.0, 0.25)


@evaluate_verification.case(groups.verification, "7.9", "7.6")
def no_camera(draw: Draw) -> dict[str, Any]:
    """Without cameras the query's own camera counts."""
    batch = with_rates(pairs([1, 3, 5], [2, 4, 6, 8]), 0.25)
    del batch["query_cameras"], batch["gallery_cameras"]
    return batch | {"protocol": "no_camera"}


@evaluate_verification.case(groups.verification, "7.9", "7.10")
def negative_distances(draw: Draw) -> dict[str, Any]:
    """Smaller is more alike, below zero too."""
    return with_rates(pairs([-8, -6, -3], [-7, -5, -4, 0]), 0.25)


@evaluate_verification.good
def _good(draw: Draw) -> dict[str, Any]:
    return {
        "distances": np.arange(10.0).reshape(2, 5),
        "query_ids": np.array([1, 2]),
        "gallery_ids": np.array([2, 0, 1, -1, 2]),
        "query_cameras": np.array([1, 1]),
        "gallery_cameras": np.array([2, 2, 2, 2, 3]),
        "false_positive_rates": np.array([0.0, 0.5]),
        "protocol": "market1501",
    }


evaluate_verification.refuse(
    "a_vector", "The distances of one query need an axis for the queries.", distances=first_row
)
evaluate_verification.refuse(
    "nan", "NaN is on no side of a threshold.", "7.9", distances=lambda d: np.where(d == 3, np.nan, d)
)
evaluate_verification.refuse(
    "infinity", "A histogram to infinity has no bins.", "7.11", distances=lambda d: np.where(d == 2, np.inf, d)
)
evaluate_verification.refuse(
    "no_rate", "No false-positive rate is asked for.", "7.9", false_positive_rates=always(np.zeros(0))
)
evaluate_verification.refuse("negative_rate", "A rate below 0.", "7.9", false_positive_rates=always(np.array([-0.125])))
evaluate_verification.refuse(
    "rate_above_one", "A rate above 1, a percentage.", "7.9", false_positive_rates=always(np.array([10.0]))
)
evaluate_verification.refuse(
    "one_rate_of_two", "The second rate is too large.", "7.9", false_positive_rates=always(np.array([0.0, 1.5]))
)
evaluate_verification.refuse(
    "range",
    "From the smallest distance to the largest is further than a number reaches.",
    "7.11",
    distances=lambda d: np.where(d == 2, 1.5e308, np.where(d == 1, -1.5e308, d)),
)
evaluate_verification.refuse(
    "one_kind", "There is no pair of one person.", "7.9", gallery_ids=always(np.array([3, 0, 3, -1, 4]))
)
evaluate_verification.refuse("length_of_query_ids", "There is one query more than there are rows.", query_ids=one_more)
evaluate_verification.refuse(
    "junk_query", "A query of identity -1 is nobody.", "7.1", query_ids=always(np.array([1, -1]))
)
evaluate_verification.refuse("no_cameras", "Cameras are needed under this protocol.", "7.6", query_cameras=always(None))
evaluate_verification.refuse("unknown_protocol", "A protocol that isn't there.", protocol=always("market"))


@evaluate_verification.mistake("7.9", "true_positive_rates", who="whoever takes a pair at the threshold too")
class AtTheThreshold(Verification):
    """A pair whose distance is the threshold is taken for one person."""

    def _below(self, distances: Array, thresholds: Array) -> Array:
        return np.searchsorted(distances, thresholds, side="right") / len(distances)


@evaluate_verification.mistake("7.9", "true_positive_rates", who="whoever takes a quantile of the distances")
class ThresholdByQuantile(Verification):
    """The threshold is interpolated between two distances."""

    def _threshold(self, different: Array, rate: float) -> float:
        return float(np.quantile(different, rate))


@evaluate_verification.mistake("7.9", "true_positive_rates", who="verification code that knows no cameras")
class OwnCameraVerified(Verification):
    """Pairs of one person in one camera count."""

    def _own_camera(self, match: Array, same_camera: Array) -> Array:
        return match & False


@evaluate_verification.mistake("7.10", "equal_error_rate", who="whoever reads the error off one of the two curves")
class OneErrorOfTheTwo(Verification):
    """The equal error rate is the false-positive rate at the threshold."""

    def _equal_error_rate(self, taken: float, missed: float) -> float:
        return taken


@evaluate_verification.mistake("7.11", "same_counts", who="histograms whose bins are closed above")
class EdgesBelow(Verification):
    """A distance at an edge is in the bin below it."""

    def _histogram(self, distances: Array, edges: Array) -> Array:
        bins = np.searchsorted(edges, distances, side="left") - 1
        return np.bincount(np.clip(bins, 0, 127), minlength=128)
