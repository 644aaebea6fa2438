"""k-reciprocal re-ranking: whose neighbours are whose, and what they have in common."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("re_ranking", "k-reciprocal re-ranking of distances")


def people(draw: Draw, identities: int, images: int, *, spread: float = 0.5) -> dict[str, Any]:
    """A query and some gallery images of each of several people in eight dimensions, near each other."""
    centres = draw.normal(identities, 8)
    features = np.repeat(centres, images, axis=0) + spread * draw.normal(identities * images, 8)
    features = np.round(features * 64) / 64
    return {"query_features": features[::images], "gallery_features": np.delete(features, np.s_[::images], axis=0)}


@cases.case("re_ranking", "7.12", "7.13", "7.14")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Six people with eight images, and the usual numbers, which aren't named: k1 = 20, k2 = 6, lambda = 0.3."""
    return people(draw, 6, 8)


@cases.case("re_ranking", "7.12")
def few_neighbours(draw: Draw) -> dict[str, Any]:
    """k1 = 6 among five people with five images."""
    return people(draw, 5, 5) | {"k1": 6, "k2": 3}


@cases.case("re_ranking", "7.13")
def half_of_an_odd_number(draw: Draw) -> dict[str, Any]:
    """k1 = 5, whose half is rounded to the even 2, not to 3."""
    return people(draw, 5, 6, spread=0.75) | {"k1": 5, "k2": 1}


@cases.case("re_ranking", "7.13")
def half_of_the_next_odd_number(draw: Draw) -> dict[str, Any]:
    """k1 = 7, whose half is rounded to the even 4, not to 3."""
    return people(draw, 5, 6, spread=0.75) | {"k1": 7, "k2": 1}


@cases.case("re_ranking", "7.13")
def overlapping_people(draw: Draw) -> dict[str, Any]:
    """People whose images mix: some neighbourhoods have more than two thirds in common with others, some not."""
    return people(draw, 4, 10, spread=1.5) | {"k1": 9, "k2": 1}


@cases.case("re_ranking", "7.14")
def no_expansion(draw: Draw) -> dict[str, Any]:
    """k2 = 1: nothing is averaged."""
    return people(draw, 5, 6) | {"k1": 8, "k2": 1}


@cases.case("re_ranking", "7.14")
def wide_expansion(draw: Draw) -> dict[str, Any]:
    """k2 = 10: encodings are averaged over more images than a person has."""
    return people(draw, 5, 6) | {"k1": 8, "k2": 10}


@cases.case("re_ranking", "7.12")
def distances_alone(draw: Draw) -> dict[str, Any]:
    """With lambda = 1: the squared distances, each query's over its largest."""
    return people(draw, 4, 5) | {"lambda_value": 1.0}


@cases.case("re_ranking", "7.12")
def neighbours_alone(draw: Draw) -> dict[str, Any]:
    """With lambda = 0: the Jaccard distances."""
    return people(draw, 4, 5) | {"k1": 6, "k2": 2, "lambda_value": 0.0}


@cases.case("re_ranking", "7.12")
def more_neighbours_than_images(draw: Draw) -> dict[str, Any]:
    """k1 and k2 are larger than the number of images: all are neighbours of all."""
    return people(draw, 2, 3)


@cases.case("re_ranking", "7.12")
def one_query(draw: Draw) -> dict[str, Any]:
    """A single query: neighbours are sought among it and the gallery."""
    batch = people(draw, 4, 6)
    return batch | {"query_features": batch["query_features"][:1], "k1": 6, "k2": 3}


@cases.case("re_ranking", "7.12")
def near_features(draw: Draw) -> dict[str, Any]:
    """All distances are far below 1: an image's largest is what they are over, however small it is."""
    batch = people(draw, 4, 6)
    return {name: features / 64 for name, features in batch.items()} | {"k1": 6, "k2": 3}


@cases.case("re_ranking", "7.12")
def long_and_short_features(draw: Draw) -> dict[str, Any]:
    """Features are taken as they are, of whatever length: the distances are Euclidean, not of directions."""
    batch = people(draw, 4, 6)
    scales = 2.0 ** draw.integers(-1, 2, 20)
    return batch | {"gallery_features": batch["gallery_features"] * scales[:, np.newaxis], "k1": 6, "k2": 3}
