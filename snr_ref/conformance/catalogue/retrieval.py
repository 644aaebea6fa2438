"""Retrieval: what is junk, who matches, and what CMC, mAP and mINP are made of."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue, Choices
from snr_ref.conformance.draw import Draw

cases = Catalogue("retrieval", "CMC, mAP and mINP of a ranked gallery")


def ranked(*matches: str) -> dict[str, Any]:
    """Queries whose ranked galleries are spelled out, a word each: their cameras are 1, and letters say what is there.

    `m` is a match in camera 2, `c` the query's identity in the query's own camera, `d` a distractor, `j` is junk, `o`
    another identity in camera 2 and `s` one in the query's camera. All queries have one gallery size; each query's
    gallery is its own, as identities are unlike, and far from the other queries.
    """
    size = len(matches[0])
    queries = len(matches)
    distances = np.full((queries, queries * size), 0.0)
    ids, cameras = [], []
    for query, word in enumerate(matches):
        own = np.arange(query * size, (query + 1) * size)
        others = np.setdiff1d(np.arange(queries * size), own)
        distances[query, own], distances[query, others] = np.arange(size), size + np.arange(len(others))
        identity = query + 1
        ids += [{"m": identity, "c": identity, "d": 0, "j": -1, "o": 100 + query, "s": 100 + query}[c] for c in word]
        cameras += [1 if c in "cs" else 2 for c in word]
    return {
        "distances": distances / 8,
        "query_ids": np.arange(1, queries + 1),
        "gallery_ids": np.array(ids),
        "query_cameras": np.ones(queries, np.int64),
        "gallery_cameras": np.array(cameras),
        "max_rank": 5,
    }


def shuffled(draw: Draw, batch: dict[str, Any]) -> dict[str, Any]:
    """The same with the gallery in another order, so that a ranking is not the order it came in."""
    order = draw.permutation(len(batch["gallery_ids"]))
    return batch | {
        "distances": batch["distances"][:, order],
        "gallery_ids": batch["gallery_ids"][order],
        "gallery_cameras": batch["gallery_cameras"][order],
    }


@cases.case("evaluate_retrieval", "7.1", "7.2", "7.3", "7.4")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Eight queries, forty gallery images of six identities, three cameras, with junk and distractors; no ties."""
    ids = np.concatenate([draw.integers(-1, 7, 34), np.arange(1, 7)])
    return {
        "distances": np.stack([draw.permutation(40) for _ in range(8)]) / 32.0,
        "query_ids": draw.integers(1, 7, 8),
        "gallery_ids": ids,
        "query_cameras": draw.integers(0, 3, 8),
        "gallery_cameras": np.concatenate([draw.integers(0, 3, 34), np.full(6, 3)]),
        "max_rank": 10,
    }


@cases.case("evaluate_retrieval", "7.1")
def junk_identity(draw: Draw) -> dict[str, Any]:
    """Identity -1 before the match is taken out of the ranking: the match is first."""
    return shuffled(draw, ranked("jjmoo", "ojmoj"))


@cases.case("evaluate_retrieval", "7.1")
def same_identity_same_camera(draw: Draw) -> dict[str, Any]:
    """The query's identity in its own camera is neither a match nor a miss: it is taken out."""
    return shuffled(draw, ranked("ccmoo", "ocmco"))


@cases.case("evaluate_retrieval", "7.1")
def same_camera_stays(draw: Draw) -> dict[str, Any]:
    """Other identities in the query's camera stay in the ranking: a camera alone makes no junk."""
    return shuffled(draw, ranked("ssmoo", "somsm"))


@cases.case("evaluate_retrieval", "7.1")
def same_identity_stays(draw: Draw) -> dict[str, Any]:
    """The query's identity in other cameras stays: an identity alone makes no junk."""
    return shuffled(draw, ranked("omomm", "mcomc"))


@cases.case("evaluate_retrieval", "7.7")
def distractors(draw: Draw) -> dict[str, Any]:
    """Identity 0 before the match pushes it back: a distractor is ranked, and is no junk."""
    return shuffled(draw, ranked("ddmoo", "dmdom"))


@cases.case("evaluate_retrieval", "7.3")
def query_without_a_match(draw: Draw) -> dict[str, Any]:
    """One query has no match and another's are all junk: they count nowhere, not as zeros in the means."""
    return shuffled(draw, ranked("omoom", "ooooo", "oocoo"))


@cases.case("evaluate_retrieval", "7.2", "7.3", "7.4")
def perfect(draw: Draw) -> dict[str, Any]:
    """All matches come first: every metric is 1."""
    return shuffled(draw, ranked("mmooo", "mmmod"))


@cases.case("evaluate_retrieval", "7.2")
def average_precision(draw: Draw) -> dict[str, Any]:
    """Matches at ranks 2, 3 and 5: AP is the mean of 1/2, 2/3 and 3/5; the trapezoidal one is smaller."""
    return shuffled(draw, ranked("ommom"))


@cases.case("evaluate_retrieval", "7.4")
def last_match(draw: Draw) -> dict[str, Any]:
    """INP is the number of matches over the rank of the last: 2/5, 3/4 and 1/2, and mINP their mean."""
    return shuffled(draw, ranked("mooom", "mommo", "omooo"))


@cases.case("evaluate_retrieval", "7.3")
def curve_longer_than_the_gallery(draw: Draw) -> dict[str, Any]:
    """A CMC curve of twelve ranks over a gallery of five: it keeps its last value."""
    return shuffled(draw, ranked("oomoo")) | {"max_rank": 12}


@cases.case("evaluate_retrieval", "7.3")
def curve_of_one_rank(draw: Draw) -> dict[str, Any]:
    """Only rank-1 is asked for; mAP and mINP look at the whole ranking all the same."""
    return shuffled(draw, ranked("oomom", "mooom")) | {"max_rank": 1}


@cases.case("evaluate_retrieval", "7.3")
def usual_curve(draw: Draw) -> dict[str, Any]:
    """The length of the curve isn't named: 50."""
    batch = shuffled(draw, ranked("oomom", "mooom"))
    del batch["max_rank"]
    return batch


@cases.case("evaluate_retrieval", "7.6")
def no_camera(draw: Draw) -> dict[str, Any]:
    """Without cameras nothing is junk but identity -1: what shares the query's camera is a match."""
    batch = shuffled(draw, ranked("cjmoo", "ojcod"))
    del batch["query_cameras"], batch["gallery_cameras"]
    return batch | {"protocol": "no_camera"}


@cases.case("evaluate_retrieval", "7.6")
def cameras_that_play_no_part(draw: Draw) -> dict[str, Any]:
    """Cameras are there, but the protocol says not to look at them."""
    return shuffled(draw, ranked("cjmoo", "ojcod")) | {"protocol": "no_camera"}


@cases.case("evaluate_retrieval", "7.1", "7.2")
def negative_distances(draw: Draw) -> dict[str, Any]:
    """Smaller is nearer, below zero too: a negated similarity is a distance."""
    batch = shuffled(draw, ranked("omomm", "mcomc"))
    return batch | {"distances": batch["distances"] - 64}


@cases.case("evaluate_retrieval", "7.1", "7.2")
def huge_distances(draw: Draw) -> dict[str, Any]:
    """Distances of 1e30: junk must not be marked by a large number, nor taken for infinitely far."""
    batch = shuffled(draw, ranked("omjmm", "mcomc"))
    return batch | {"distances": batch["distances"] * 2.0**100}


@cases.case("evaluate_retrieval", "7.1", "7.3")
def any_numbers(draw: Draw) -> dict[str, Any]:
    """Identities and cameras are names: any integers, beyond the whole numbers of float32, and other negatives."""
    batch = shuffled(draw, ranked("oocmo", "mcoom"))
    large = {1: 16777216, 2: 16777217, 100: -7, 101: 16777218}
    ids = {name: np.array([large[i] for i in batch[name].tolist()]) for name in ("query_ids", "gallery_ids")}
    cameras = {name: batch[name] * 1000 - 1001 for name in ("query_cameras", "gallery_cameras")}
    return batch | ids | cameras


@cases.case("evaluate_retrieval", "7.2", kind="pattern")
def any_order_among_ties(draw: Draw) -> dict[str, Any] | Choices:
    """A match and two others at the same distance: without a rule for ties the match may be any of the three."""
    batch = ranked("omoom")
    orders = [[0, 1, 2, 3, 4], [0, 2, 1, 3, 4], [0, 3, 1, 2, 4]]  # the rank of every gallery image
    tied = batch | {"distances": np.array([[0.0, 1, 1, 1, 2]])}
    return Choices((tied, *(batch | {"distances": np.array([order], np.float64)} for order in orders)))
