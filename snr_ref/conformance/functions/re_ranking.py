"""k-reciprocal re-ranking: the neighbours, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.spoiled import always, first_row, integers, one_more, plain
from snr_ref.conformance.steps import ReRanking
from snr_ref.conformance.steps.elementary import Array
from snr_ref.re_ranking import squared_distances

re_ranking = Function("re_ranking", ("distances",), clause="7.12", after="evaluate_verification")


@re_ranking.bound
def re_ranking_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Distances as |x|^2 + |y|^2 - 2 x.y, then the steps of the equations.

    An error e of the relative distances d is a relative error e of exp(-d); the sum and the quotient double it and add
    roundings, and a mean over k2 encodings adds its own. Sums of minima, at most 1, carry that error as an absolute
    one, and 1 - c / (2 - c) at most doubles it.
    """
    features = np.concatenate([arguments["query_features"], arguments["gallery_features"]])
    images, width = features.shape
    squared = squared_distances(features)
    largest = squared.max(1)[: len(arguments["query_features"])]
    smallest_of_the_largest = np.min(squared.max(1), initial=np.inf)
    longest = np.sum(features**2, axis=1).max()
    u, lambda_value = precision.u, arguments.get("lambda_value", 0.3)
    if smallest_of_the_largest == 0:  # all features are equal; computed from differences, all distances are 0
        return {"distances": np.full((len(largest), images - len(largest)), images * u)}
    error = (width + 6) * u * 4 * longest / smallest_of_the_largest
    encodings = 2 * error + (images + 6 + arguments.get("k2", 6) + 1) * u
    jaccard = 2 * (encodings + images * u) + 3 * u
    return {
        "distances": np.full(
            (len(largest), images - len(largest)), (1 - lambda_value) * jaccard + lambda_value * error + 3 * u
        )
    }


def people(draw: Draw, identities: int, images: int, *, spread: float = 0.5) -> dict[str, Any]:
    """A query and some gallery images of each of several people in eight dimensions, near each other."""
    centres = draw.normal(identities, 8)
    features = np.repeat(centres, images, axis=0) + spread * draw.normal(identities * images, 8)
    features = np.round(features * 64) / 64
    return {"query_features": features[::images], "gallery_features": np.delete(features, np.s_[::images], axis=0)}


@re_ranking.case(groups.re_ranking, "7.12", "7.13", "7.14")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Six people with eight images, and the usual numbers, which aren't named: k1 = 20, k2 = 6, lambda = 0.3."""
    return people(draw, 6, 8)


@re_ranking.case(groups.re_ranking, "7.12")
def few_neighbours(draw: Draw) -> dict[str, Any]:
    """k1 = 6 among five people with five images."""
    return people(draw, 5, 5) | {"k1": 6, "k2": 3}


@re_ranking.case(groups.re_ranking, "7.13")
def half_of_an_odd_number(draw: Draw) -> dict[str, Any]:
    """k1 = 5, whose half is rounded to the even 2, not to 3."""
    return people(draw, 5, 6, spread=0.75) | {"k1": 5, "k2": 1}


@re_ranking.case(groups.re_ranking, "7.13")
def half_of_the_next_odd_number(draw: Draw) -> dict[str, Any]:
    """k1 = 7, whose half is rounded to the even 4, not to 3."""
    return people(draw, 5, 6, spread=0.75) | {"k1": 7, "k2": 1}


@re_ranking.case(groups.re_ranking, "7.13")
def overlapping_people(draw: Draw) -> dict[str, Any]:
    """People whose images mix: some neighbourhoods have more than two thirds in common with others, some not."""
    return people(draw, 4, 10, spread=1.5) | {"k1": 9, "k2": 1}


@re_ranking.case(groups.re_ranking, "7.14")
def no_expansion(draw: Draw) -> dict[str, Any]:
    """k2 = 1: nothing is averaged."""
    return people(draw, 5, 6) | {"k1": 8, "k2": 1}


@re_ranking.case(groups.re_ranking, "7.14")
def wide_expansion(draw: Draw) -> dict[str, Any]:
    """k2 = 10: encodings are averaged over more images than a person has."""
    return people(draw, 5, 6) | {"k1": 8, "k2": 10}


@re_ranking.case(groups.re_ranking, "7.12")
def distances_alone(draw: Draw) -> dict[str, Any]:
    """With lambda = 1: the squared distances, each query's over its largest."""
    return people(draw, 4, 5) | {"lambda_value": 1.0}


@re_ranking.case(groups.re_ranking, "7.12")
def neighbours_alone(draw: Draw) -> dict[str, Any]:
    """With lambda = 0: the Jaccard distances."""
    return people(draw, 4, 5) | {"k1": 6, "k2": 2, "lambda_value": 0.0}


@re_ranking.case(groups.re_ranking, "7.12")
def more_neighbours_than_images(draw: Draw) -> dict[str, Any]:
    """k1 and k2 are larger than the number of images: all are neighbours of all."""
    return people(draw, 2, 3)


@re_ranking.case(groups.re_ranking, "7.12")
def one_query(draw: Draw) -> dict[str, Any]:
    """A single query: neighbours are sought among it and the gallery."""
    batch = people(draw, 4, 6)
    return batch | {"query_features": batch["query_features"][:1], "k1": 6, "k2": 3}


@re_ranking.case(groups.re_ranking, "7.12")
def near_features(draw: Draw) -> dict[str, Any]:
    """All distances are far below 1: an image's largest is what they are over, however small it is."""
    batch = people(draw, 4, 6)
    return {name: features / 64 for name, features in batch.items()} | {"k1": 6, "k2": 3}


@re_ranking.case(groups.re_ranking, "7.12")
def long_and_short_features(draw: Draw) -> dict[str, Any]:
    """Features are taken as they are, of whatever length: the distances are Euclidean, not of directions."""
    batch = people(draw, 4, 6)
    scales = 2.0 ** draw.integers(-1, 2, 20)
    return batch | {"gallery_features": batch["gallery_features"] * scales[:, np.newaxis], "k1": 6, "k2": 3}


@re_ranking.case(groups.re_ranking_ties, "7.15")
def re_ranking_ties_equal_features(draw: Draw) -> dict[str, Any]:
    """All features are equal: of equal distances the lower index is nearer, and no number is divided by 0.

    More of them than neighbours: those with the highest indices are among nobody's, not even their own.
    """
    return {"query_features": np.ones((2, 3)), "gallery_features": np.ones((6, 3)), "k1": 5, "k2": 1}


@re_ranking.case(groups.re_ranking_ties, "7.15")
def re_ranking_ties_duplicates(draw: Draw) -> dict[str, Any]:
    """Every image is there twice: each pair's neighbours are the same but for the order among equals."""
    batch = people(draw, 4, 4)
    doubled = np.concatenate([batch["gallery_features"]] * 2)
    return batch | {"gallery_features": doubled, "k1": 5, "k2": 1}


@re_ranking.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain(draw, "query_features", "gallery_features") | {"k1": 3, "k2": 2, "lambda_value": 0.25}


re_ranking.refuse("a_vector", "The features of one query need an axis for the queries.", query_features=first_row)
re_ranking.refuse("widths", "Features of queries and gallery of two widths.", gallery_features=one_more)
re_ranking.refuse("no_query", "Not a single query.", query_features=lambda x: x[:0])
re_ranking.refuse("integers", "Features of integers.", query_features=integers, gallery_features=integers)
re_ranking.refuse(
    "nan", "A feature that is NaN is near to nothing.", query_features=lambda x: np.where(x == x, np.nan, x)
)
re_ranking.refuse("infinity", "A feature that is infinite.", gallery_features=lambda x: x + np.inf)
re_ranking.refuse("huge", "A feature whose square overflows.", gallery_features=lambda x: np.where(x == x[2], 1e200, x))
re_ranking.refuse(
    "hugely_negative", "The same far below zero.", query_features=lambda x: np.where(x == x[1], -1e200, x)
)
re_ranking.refuse(
    "boolean_weight", "True for lambda, which some languages take for 1.", "7.12", lambda_value=always(True)
)
re_ranking.refuse("weight_in_words", "lambda is no number.", "7.12", lambda_value=always("0.25"))
re_ranking.refuse("no_neighbour", "k1 is 0.", "7.12", k1=always(0))
re_ranking.refuse("half_a_neighbour", "k1 is no integer.", "7.12", k1=always(2.5))
re_ranking.refuse("no_average", "k2 is 0.", "7.14", k2=always(0))
re_ranking.refuse("negative_weight", "lambda is below 0.", "7.12", lambda_value=always(-0.25))
re_ranking.refuse("weight_above_one", "lambda is above 1.", "7.12", lambda_value=always(1.25))


@re_ranking.mistake("7.12", "distances", who="whoever gives it distances, and not their squares")
class DistancesNotSquared(ReRanking):
    """The distances are Euclidean, not squared."""

    def _distances(self, squared: Array) -> Array:
        return np.sqrt(squared)


@re_ranking.mistake("7.12", "distances", who="whoever scales by the largest distance of all")
class OneScaleForAll(ReRanking):
    """All distances are over the largest of all images, not each image's own."""

    def _largest(self, far: Array) -> Array:
        return far.max(keepdims=True)


@re_ranking.mistake("7.12", "distances", who="whoever counts the image itself as one of its k neighbours")
class ItselfAmongTheK(ReRanking):
    """The neighbourhood has k images with the image itself, not k + 1."""

    def _reciprocal(self, ranking: Array, p: int, k: int) -> list[int]:
        return super()._reciprocal(ranking, p, k - 1)


@re_ranking.mistake("7.12", "distances", who="whoever takes lambda for the weight of what is new")
class WeightsSwapped(ReRanking):
    """The Jaccard distance has the weight lambda."""

    def _mixed(self, jaccard: Array, d: Array, lambda_value: float) -> Array:
        return lambda_value * jaccard + (1 - lambda_value) * d


@re_ranking.mistake("7.13", "distances", who="whoever divides integers, or rounds a half up")
class HalfRoundedDown(ReRanking):
    """Half of an odd k1 is rounded down."""

    def _half(self, k: int) -> int:
        return k // 2


@re_ranking.mistake("7.13", "distances", who="the paper's own formula, which its code does not follow")
class TwoThirdsAreEnough(ReRanking):
    """Exactly two thirds in common are enough to extend a neighbourhood."""

    def _is_much(self, common: int, size: int) -> bool:
        return 3 * common >= 2 * size


@re_ranking.mistake("7.13", "distances", who="whoever leaves the extension out")
class NothingExtended(ReRanking):
    """Neighbourhoods are not extended by those of their members."""

    def _is_much(self, common: int, size: int) -> bool:
        return False


@re_ranking.mistake("7.14", "distances", who="whoever averages over the neighbours of an image without it")
class AveragedWithoutItself(ReRanking):
    """The image itself is not among those whose encodings are averaged."""

    def _averaged(self, ranking: Array, k2: int) -> Array:
        return ranking[1 : k2 + 1]


@re_ranking.mistake("7.15", "distances", who="a sort that is not stable")
class LaterDuplicatesNearer(ReRanking):
    """Among equal distances the higher index is nearer."""

    def _neighbours(self, far: Array) -> Array:
        return len(far) - 1 - np.argsort(far[:, ::-1], axis=1, kind="stable")
