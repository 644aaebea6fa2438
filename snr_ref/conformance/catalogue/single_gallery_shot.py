"""The CMC curve against one random image of each identity, as an expectation over the draws."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.retrieval import shuffled
from snr_ref.conformance.draw import Draw

cases = Catalogue("single_gallery_shot", "the CMC curve against one random image of each identity")


def ranking(word: str) -> dict[str, Any]:
    """A query of identity 1 in camera 1 and its ranked gallery, spelled out: a digit is an identity, 0 a distractor.

    `j` is junk, and `c` the query's identity in the query's own camera; all else is in camera 2.
    """
    return {
        "distances": np.arange(len(word))[np.newaxis] / 8,
        "query_ids": np.array([1]),
        "gallery_ids": np.array([{"j": -1, "c": 1}[c] if c in "jc" else int(c) for c in word]),
        "query_cameras": np.array([1]),
        "gallery_cameras": np.array([1 if c == "c" else 2 for c in word]),
        "max_rank": 5,
        "protocol": "single_gallery_shot",
    }


@cases.case("evaluate_retrieval", "7.8")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Six queries, fifty gallery images of eight identities, three cameras, with junk and distractors; no ties."""
    return {
        "distances": np.stack([draw.permutation(50) for _ in range(6)]) / 32.0,
        "query_ids": draw.integers(1, 9, 6),
        "gallery_ids": np.concatenate([draw.integers(-1, 9, 42), np.arange(1, 9)]),
        "query_cameras": draw.integers(0, 3, 6),
        "gallery_cameras": np.concatenate([draw.integers(0, 3, 42), np.full(8, 3)]),
        "max_rank": 10,
        "protocol": "single_gallery_shot",
    }


@cases.case("evaluate_retrieval", "7.8")
def one_image_each(draw: Draw) -> dict[str, Any]:
    """There is nothing to draw: the curve is that of the whole gallery."""
    return shuffled(draw, ranking("23145"))


@cases.case("evaluate_retrieval", "7.8")
def either_match(draw: Draw) -> dict[str, Any]:
    """The match that is drawn is first or last, each in half of the draws."""
    return shuffled(draw, ranking("12341"))


@cases.case("evaluate_retrieval", "7.8")
def either_stranger(draw: Draw) -> dict[str, Any]:
    """Of four images of a stranger one is before the match: the match is first in three quarters of the draws."""
    return shuffled(draw, ranking("21222"))


@cases.case("evaluate_retrieval", "7.8")
def strangers_are_drawn_independently(draw: Draw) -> dict[str, Any]:
    """Two strangers, each before the match with probability 1/2: none, one and both are 1/4, 1/2 and 1/4."""
    return shuffled(draw, ranking("23123"))


@cases.case("evaluate_retrieval", "7.8", "7.1")
def junk_is_never_drawn(draw: Draw) -> dict[str, Any]:
    """Junk identities, and the query's identity in its own camera, are taken out before anything is drawn."""
    return shuffled(draw, ranking("jcj12c21j"))


@cases.case("evaluate_retrieval", "7.8", "7.7")
def distractors_are_in_every_draw(draw: Draw) -> dict[str, Any]:
    """Distractors are nobody: not one of them is drawn, all are there, and push the match back."""
    return shuffled(draw, ranking("02001200"))


@cases.case("evaluate_retrieval", "7.8")
def curve_longer_than_the_identities(draw: Draw) -> dict[str, Any]:
    """A curve of nine ranks against three identities: it ends at 1."""
    return shuffled(draw, ranking("2233311")) | {"max_rank": 9}


@cases.case("evaluate_retrieval", "7.8")
def curve_of_one_rank(draw: Draw) -> dict[str, Any]:
    """Rank-1 alone: the probability that no stranger's drawn image is before the match."""
    return shuffled(draw, ranking("2134121")) | {"max_rank": 1}


@cases.case("evaluate_retrieval", "7.8", "7.3")
def query_without_a_match(draw: Draw) -> dict[str, Any]:
    """A second query's identity is not there: it counts nowhere."""
    batch = shuffled(draw, ranking("2314121"))
    twice = {name: np.concatenate([batch[name]] * 2) for name in ("distances", "query_cameras")}
    return batch | twice | {"query_ids": np.array([1, 7])}
