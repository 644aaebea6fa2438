"""Retrieval: junk, matches, and the parts of CMC, mAP and mINP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import snr_ref
from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Choices, Function
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.spoiled import always, first_row, one_more
from snr_ref.conformance.steps import Retrieval
from snr_ref.conformance.steps.elementary import Array

evaluate_retrieval = Function(
    "evaluate_retrieval", ("cmc", "mAP", "mINP", "num_valid_queries"), clause="7.3", after="batch_hard_triplet_gradient"
)


@evaluate_retrieval.bound
def evaluate_retrieval_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A count is exact, a ratio rounds once, a mean of n rounds once for each addition and once for the division.

    An expected curve also has the error of its probabilities: each identity's fraction and its product with the
    probabilities so far round five times, all at most 1; they are added up to the rank, and over the matches.
    """
    result, u = snr_ref.evaluate_retrieval(**arguments), precision.u
    queries = result.num_valid_queries
    matches = max(np.count_nonzero(arguments["gallery_ids"] == identity) for identity in arguments["query_ids"])
    drawn = 0.0
    if arguments.get("protocol") == "single_gallery_shot":
        drawn = (5 * len(np.unique(arguments["gallery_ids"])) + len(result.cmc) + matches + 1) * u
    return {
        "cmc": (queries + 1) * u * result.cmc + drawn,
        "mAP": np.asarray((queries + 1 + matches + 2) * u * result.mAP),
        "mINP": np.asarray((queries + 1 + 1) * u * result.mINP),
        "num_valid_queries": np.asarray(0.0),
    }


def ranked(*matches: str) -> dict[str, Any]:
    """Queries whose ranked galleries are spelled out, a word each; queries have camera 1, and letters stand for images.

    `m` is a match in camera 2, `c` the query's identity in the query's own camera, `d` a distractor, `j` is junk, `o`
    another identity in camera 2 and `s` one in the query's camera. All queries have galleries of the same size; each
    query's gallery is its own, since identities differ, and far from the other queries.
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
    """The same with the gallery in another order, so that the ranking differs from the order of the gallery."""
    order = draw.permutation(len(batch["gallery_ids"]))
    return batch | {
        "distances": batch["distances"][:, order],
        "gallery_ids": batch["gallery_ids"][order],
        "gallery_cameras": batch["gallery_cameras"][order],
    }


@evaluate_retrieval.case(groups.retrieval, "7.1", "7.2", "7.3", "7.4")
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


@evaluate_retrieval.case(groups.retrieval, "7.1")
def junk_identity(draw: Draw) -> dict[str, Any]:
    """Identity -1 before the match is taken out of the ranking: the match is first."""
    return shuffled(draw, ranked("jjmoo", "ojmoj"))


@evaluate_retrieval.case(groups.retrieval, "7.1")
def same_identity_same_camera(draw: Draw) -> dict[str, Any]:
    """The query's identity in its own camera is neither a match nor a miss: it is taken out."""
    return shuffled(draw, ranked("ccmoo", "ocmco"))


@evaluate_retrieval.case(groups.retrieval, "7.1")
def same_camera_stays(draw: Draw) -> dict[str, Any]:
    """Other identities in the query's camera stay in the ranking: a camera alone makes no junk."""
    return shuffled(draw, ranked("ssmoo", "somsm"))


@evaluate_retrieval.case(groups.retrieval, "7.1")
def same_identity_stays(draw: Draw) -> dict[str, Any]:
    """The query's identity in other cameras stays: an identity alone makes no junk."""
    return shuffled(draw, ranked("omomm", "mcomc"))


@evaluate_retrieval.case(groups.retrieval, "7.7")
def distractors(draw: Draw) -> dict[str, Any]:
    """Identity 0 before the match pushes it back: a distractor is ranked, and is no junk."""
    return shuffled(draw, ranked("ddmoo", "dmdom"))


@evaluate_retrieval.case(groups.retrieval, "7.3")
def query_without_a_match(draw: Draw) -> dict[str, Any]:
    """One query has no match and another's are all junk: they count nowhere, not as zeros in the means."""
    return shuffled(draw, ranked("omoom", "ooooo", "oocoo"))


@evaluate_retrieval.case(groups.retrieval, "7.2", "7.3", "7.4")
def perfect(draw: Draw) -> dict[str, Any]:
    """All matches come first: every metric is 1."""
    return shuffled(draw, ranked("mmooo", "mmmod"))


@evaluate_retrieval.case(groups.retrieval, "7.2")
def average_precision(draw: Draw) -> dict[str, Any]:
    """Matches at ranks 2, 3 and 5: AP is the mean of 1/2, 2/3 and 3/5; the trapezoidal one is smaller."""
    return shuffled(draw, ranked("ommom"))


@evaluate_retrieval.case(groups.retrieval, "7.4")
def last_match(draw: Draw) -> dict[str, Any]:
    """INP is the number of matches over the rank of the last: 2/5, 3/4 and 1/2, and mINP their mean."""
    return shuffled(draw, ranked("mooom", "mommo", "omooo"))


@evaluate_retrieval.case(groups.retrieval, "7.3")
def curve_longer_than_the_gallery(draw: Draw) -> dict[str, Any]:
    """A CMC curve of twelve ranks over a gallery of five: it keeps its last value."""
    return shuffled(draw, ranked("oomoo")) | {"max_rank": 12}


@evaluate_retrieval.case(groups.retrieval, "7.3")
def curve_of_one_rank(draw: Draw) -> dict[str, Any]:
    """Only rank-1 is asked for; mAP and mINP look at the whole ranking all the same."""
    return shuffled(draw, ranked("oomom", "mooom")) | {"max_rank": 1}


@evaluate_retrieval.case(groups.retrieval, "7.3")
def usual_curve(draw: Draw) -> dict[str, Any]:
    """The length of the curve isn't named: 50."""
    batch = shuffled(draw, ranked("oomom", "mooom"))
    del batch["max_rank"]
    return batch


@evaluate_retrieval.case(groups.retrieval, "7.6")
def no_camera(draw: Draw) -> dict[str, Any]:
    """Without cameras nothing is junk but identity -1: what shares the query's camera is a match."""
    batch = shuffled(draw, ranked("cjmoo", "ojcod"))
    del batch["query_cameras"], batch["gallery_cameras"]
    return batch | {"protocol": "no_camera"}


@evaluate_retrieval.case(groups.retrieval, "7.6")
def cameras_that_play_no_part(draw: Draw) -> dict[str, Any]:
    """Cameras are there, but the protocol says not to look at them."""
    return shuffled(draw, ranked("cjmoo", "ojcod")) | {"protocol": "no_camera"}


@evaluate_retrieval.case(groups.retrieval, "7.1", "7.2")
def negative_distances(draw: Draw) -> dict[str, Any]:
    """Smaller is nearer, below zero too: a negated similarity is a distance."""
    batch = shuffled(draw, ranked("omomm", "mcomc"))
    return batch | {"distances": batch["distances"] - 64}


@evaluate_retrieval.case(groups.retrieval, "7.1", "7.2")
def huge_distances(draw: Draw) -> dict[str, Any]:
    """Distances of 1e30: junk must not be marked by a large number, nor taken for infinitely far."""
    batch = shuffled(draw, ranked("omjmm", "mcomc"))
    return batch | {"distances": batch["distances"] * 2.0**100}


@evaluate_retrieval.case(groups.retrieval, "7.1", "7.3")
def any_numbers(draw: Draw) -> dict[str, Any]:
    """Identities and cameras are names: any integers, beyond the whole numbers of float32, and other negatives."""
    batch = shuffled(draw, ranked("oocmo", "mcoom"))
    large = {1: 16777216, 2: 16777217, 100: -7, 101: 16777218}
    ids = {name: np.array([large[i] for i in batch[name].tolist()]) for name in ("query_ids", "gallery_ids")}
    cameras = {name: batch[name] * 1000 - 1001 for name in ("query_cameras", "gallery_cameras")}
    return batch | ids | cameras


@evaluate_retrieval.case(groups.retrieval, "7.2", kind="pattern")
def any_order_among_ties(draw: Draw) -> dict[str, Any] | Choices:
    """A match and two others at the same distance: without a rule for ties the match may be any of the three."""
    batch = ranked("omoom")
    orders = [[0, 1, 2, 3, 4], [0, 2, 1, 3, 4], [0, 3, 1, 2, 4]]  # the rank of every gallery image
    tied = batch | {"distances": np.array([[0.0, 1, 1, 1, 2]])}
    return Choices((tied, *(batch | {"distances": np.array([order], np.float64)} for order in orders)))


@evaluate_retrieval.case(groups.retrieval_ties, "7.5")
def retrieval_ties_match_after(draw: Draw) -> dict[str, Any]:
    """A match and two others at one distance, the match with the highest index: it comes last of the three."""
    return ranked("ooomo") | {"distances": np.array([[0.0, 1, 1, 1, 2]])}


@evaluate_retrieval.case(groups.retrieval_ties, "7.5")
def retrieval_ties_match_before(draw: Draw) -> dict[str, Any]:
    """A match and two others at one distance, the match with the lowest index: it comes first of the three."""
    return ranked("omooo") | {"distances": np.array([[0.0, 1, 1, 1, 2]])}


@evaluate_retrieval.case(groups.retrieval_ties, "7.5")
def retrieval_ties_all_equal(draw: Draw) -> dict[str, Any]:
    """A network that gives every image the same feature: the ranking is the gallery's order."""
    batch = ranked("oomom", "moomo", "oooom")
    return batch | {"distances": np.ones((3, 15))}


@evaluate_retrieval.case(groups.retrieval_ties, "7.5", "7.1")
def retrieval_ties_tied_with_junk(draw: Draw) -> dict[str, Any]:
    """Junk among equal distances is taken out, and leaves the order of the others as it was."""
    return ranked("jcomo", "mjoco") | {"distances": np.zeros((2, 10))}


@evaluate_retrieval.case(groups.retrieval_ties, "7.5")
def retrieval_ties_many_ties(draw: Draw) -> dict[str, Any]:
    """Sixty gallery images at four distances, where a sort that isn't stable shows."""
    return {
        "distances": draw.integers(0, 4, 6, 60).astype(np.float64),
        "query_ids": np.arange(1, 7),
        "gallery_ids": draw.permutation(60) % 8,
        "query_cameras": np.zeros(6, np.int64),
        "gallery_cameras": draw.integers(0, 3, 60),
        "max_rank": 20,
    }


@evaluate_retrieval.case(groups.retrieval_ties, "7.5")
def retrieval_ties_zero_and_minus_zero(draw: Draw) -> dict[str, Any]:
    """0 and -0 are the same distance."""
    return ranked("oomoo") | {"distances": np.array([[0.0, 0.0, -0.0, -0.0, 1.0]])}


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


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8")
def single_gallery_shot_ordinary(draw: Draw) -> dict[str, Any]:
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


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8")
def single_gallery_shot_one_image_each(draw: Draw) -> dict[str, Any]:
    """There is nothing to draw: the curve is that of the whole gallery."""
    return shuffled(draw, ranking("23145"))


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8")
def single_gallery_shot_either_match(draw: Draw) -> dict[str, Any]:
    """The match that is drawn is first or last, each in half of the draws."""
    return shuffled(draw, ranking("12341"))


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8")
def single_gallery_shot_either_stranger(draw: Draw) -> dict[str, Any]:
    """Of four images of a stranger one is before the match: the match is first in three quarters of the draws."""
    return shuffled(draw, ranking("21222"))


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8")
def single_gallery_shot_strangers_are_drawn_independently(draw: Draw) -> dict[str, Any]:
    """Two strangers, each before the match with probability 1/2: none, one and both are 1/4, 1/2 and 1/4."""
    return shuffled(draw, ranking("23123"))


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8", "7.1")
def single_gallery_shot_junk_is_never_drawn(draw: Draw) -> dict[str, Any]:
    """Junk identities, and the query's identity in its own camera, are taken out before anything is drawn."""
    return shuffled(draw, ranking("jcj12c21j"))


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8", "7.7")
def single_gallery_shot_distractors_are_in_every_draw(draw: Draw) -> dict[str, Any]:
    """Distractors are nobody: not one of them is drawn, all are there, and push the match back."""
    return shuffled(draw, ranking("02001200"))


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8")
def single_gallery_shot_curve_longer_than_the_identities(draw: Draw) -> dict[str, Any]:
    """A curve of nine ranks against three identities: it ends at 1."""
    return shuffled(draw, ranking("2233311")) | {"max_rank": 9}


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8")
def single_gallery_shot_curve_of_one_rank(draw: Draw) -> dict[str, Any]:
    """Rank-1 alone: the probability that no stranger's drawn image is before the match."""
    return shuffled(draw, ranking("2134121")) | {"max_rank": 1}


@evaluate_retrieval.case(groups.single_gallery_shot, "7.8", "7.3")
def single_gallery_shot_query_without_a_match(draw: Draw) -> dict[str, Any]:
    """A second query's identity is not there: it counts nowhere."""
    batch = shuffled(draw, ranking("2314121"))
    twice = {name: np.concatenate([batch[name]] * 2) for name in ("distances", "query_cameras")}
    return batch | twice | {"query_ids": np.array([1, 7])}


@evaluate_retrieval.good
def _good(draw: Draw) -> dict[str, Any]:
    return {
        "distances": np.arange(10.0).reshape(2, 5),
        "query_ids": np.array([1, 2]),
        "gallery_ids": np.array([2, 0, 1, -1, 2]),
        "query_cameras": np.array([1, 1]),
        "gallery_cameras": np.array([2, 2, 2, 2, 3]),
        "max_rank": 5,
        "protocol": "market1501",
    }


evaluate_retrieval.refuse("a_vector", "The distances of one query need an axis for the queries.", distances=first_row)
evaluate_retrieval.refuse(
    "nan", "A distance that is NaN has no rank.", "7.1", distances=lambda d: np.where(d == 3, np.nan, d)
)
evaluate_retrieval.refuse(
    "no_query",
    "A mean over no query.",
    "7.3",
    distances=lambda d: d[:0],
    query_ids=lambda i: i[:0],
    query_cameras=lambda c: c[:0],
)
evaluate_retrieval.refuse("length_of_query_ids", "There is one query more than there are rows.", query_ids=one_more)
evaluate_retrieval.refuse(
    "length_of_gallery_ids", "There is one gallery image more than there are columns.", gallery_ids=one_more
)
evaluate_retrieval.refuse(
    "length_of_query_cameras", "There is one camera more than there are queries.", query_cameras=one_more
)
evaluate_retrieval.refuse(
    "length_of_gallery_cameras",
    "There is one camera more than there are gallery images.",
    gallery_cameras=one_more,
)
evaluate_retrieval.refuse(
    "one_query_camera", "One camera for all queries, which would broadcast.", query_cameras=lambda c: c[:1]
)
evaluate_retrieval.refuse(
    "one_gallery_camera",
    "One camera for the whole gallery, which would broadcast.",
    gallery_cameras=lambda c: c[:1],
)
evaluate_retrieval.refuse(
    "float_query_ids", "Whole numbers, but of a floating dtype.", query_ids=lambda ids: ids.astype(np.float64)
)
evaluate_retrieval.refuse(
    "float_gallery_ids",
    "Whole numbers, but of a floating dtype.",
    gallery_ids=lambda ids: ids.astype(np.float64),
)
evaluate_retrieval.refuse("float_ids", "Identities that are no integers.", gallery_ids=lambda ids: ids + 0.5)
evaluate_retrieval.refuse(
    "junk_query", "A query of identity -1 has nothing to find.", "7.1", query_ids=always(np.array([1, -1]))
)
evaluate_retrieval.refuse(
    "distractor_query", "A query of identity 0 has nothing to find.", "7.7", query_ids=always(np.array([0, 1]))
)
evaluate_retrieval.refuse(
    "no_cameras",
    "Junk can't be told without cameras.",
    "7.1",
    query_cameras=always(None),
    gallery_cameras=always(None),
)
evaluate_retrieval.refuse(
    "no_match",
    "No query's identity is in the gallery: a mean over nothing.",
    "7.3",
    gallery_ids=always(np.full(5, 9)),
)
evaluate_retrieval.refuse(
    "all_junk",
    "Every match is junk: a mean over nothing.",
    "7.1",
    "7.3",
    gallery_cameras=always(np.ones(5, np.int64)),
)
evaluate_retrieval.refuse("no_rank", "A CMC curve of no rank.", "7.3", max_rank=always(0))
evaluate_retrieval.refuse("unknown_protocol", "A protocol that isn't there.", "7.1", protocol=always("cuhk03"))


@evaluate_retrieval.mistake("7.1", "cmc", who="whoever remembers the rule as 'no image of the same camera'")
class WholeCameraAsJunk(Retrieval):
    """Every gallery image of the query's camera is junk, whoever is on it."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return (gallery_ids == -1) | same_camera


@evaluate_retrieval.mistake("7.1", "cmc", who="metrics of general retrieval, which know no cameras")
class OwnCameraRanked(Retrieval):
    """The query's identity in the query's own camera is ranked, and matched."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return gallery_ids == -1


@evaluate_retrieval.mistake("7.1", "cmc", who="whoever takes identity -1 for one more distractor")
class JunkIdentityRanked(Retrieval):
    """Gallery images of identity -1 are ranked."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return match & same_camera


@evaluate_retrieval.mistake("7.1", "mAP", who="codes that take junk out for the CMC and leave it in for AP")
class JunkInThePrecision(Retrieval):
    """In AP, junk takes up ranks."""

    def _average_precision(self, ranked: Array, with_junk: Array, junk: Array) -> Array:
        return self._precisions(with_junk & ~junk).mean()


@evaluate_retrieval.mistake("7.2", "mAP", who="the evaluation code of Market-1501 and Oxford Buildings")
class TrapezoidalPrecision(Retrieval):
    """AP is the area under the trapezoids between the points of precision and recall."""

    def _precisions(self, ranked: Array) -> Array:
        ranks = np.flatnonzero(ranked) + 1
        found = np.arange(len(ranks))
        before = np.divide(found, ranks - 1, out=np.ones(len(ranks)), where=ranks > 1)
        return (before + (found + 1) / ranks) / 2


@evaluate_retrieval.mistake("7.3", "cmc", who="whoever takes the share of matches among the first k for the CMC")
class PrecisionForCmc(Retrieval):
    """The curve at k is the share of matches among the first k."""

    def _curve(self, ranked: Array, max_rank: int) -> Array:
        first = np.arange(1, max_rank + 1)
        return np.array([ranked[:k].mean() for k in first])


@evaluate_retrieval.mistake("7.3", "cmc", who="whoever divides by the number of queries")
class QueriesWithoutMatchCounted(Retrieval):
    """Queries without a match count as 0."""

    def _is_valid(self, ranked: Array) -> bool:
        return True

    def _expected_curve(self, ranked: Array, ids: Array, max_rank: int) -> Array:
        return super()._expected_curve(ranked, ids, max_rank) if ranked.any() else np.zeros(max_rank)

    def _precisions(self, ranked: Array) -> Array:
        return super()._precisions(ranked) if ranked.any() else np.zeros(1)

    def _inverse_penalty(self, ranked: Array) -> Array:
        return super()._inverse_penalty(ranked) if ranked.any() else np.zeros(())


@evaluate_retrieval.mistake("7.4", "mINP", who="whoever takes mINP for the mean reciprocal rank")
class FirstMatchForTheLast(Retrieval):
    """The penalty is that of the first match."""

    def _inverse_penalty(self, ranked: Array) -> Array:
        return 1 / (np.flatnonzero(ranked)[0] + 1)


@evaluate_retrieval.mistake("7.3", "cmc", who="whoever is used to similarities")
class FarthestFirst(Retrieval):
    """The image at the largest distance is ranked first."""

    def _ranking(self, distances: Array, match: Array) -> Array:
        return np.argsort(-distances, kind="stable")


@evaluate_retrieval.mistake("7.5", "cmc", who="a metric that counts how many negatives are strictly nearer")
class TiesForTheQuery(Retrieval):
    """Among equal distances the matches come first."""

    def _ranking(self, distances: Array, match: Array) -> Array:
        return np.lexsort((~match, distances))


@evaluate_retrieval.mistake("7.5", "cmc", who="whoever sorts similarities and reverses the order")
class TiesReversed(Retrieval):
    """Among equal distances the higher gallery index comes first."""

    def _ranking(self, distances: Array, match: Array) -> Array:
        return np.argsort(-distances, kind="stable")[::-1]


@evaluate_retrieval.mistake("7.6", "cmc", who="whoever gives every image camera 0 where there is none")
class OneCameraForAll(Retrieval):
    """Without camera labels all images are of one camera, so that every match is junk."""

    def _without_cameras(self, match: Array) -> Array:
        return np.ones(match.shape, bool)


@evaluate_retrieval.mistake("7.7", "cmc", who="whoever takes identity 0 for junk, as -1 is")
class DistractorsLeftOut(Retrieval):
    """Distractors, of identity 0, are left out of the ranking."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return super()._junk(gallery_ids, match, same_camera) | (gallery_ids == 0)


@evaluate_retrieval.mistake("7.7", "cmc", who="identities that are numbered from 0")
class DistractorsMatched(Retrieval):
    """Distractors, of identity 0, match every query."""

    def _matches(self, identity: int, gallery_ids: Array) -> Array:
        return super()._matches(identity, gallery_ids) | (gallery_ids == 0)


@evaluate_retrieval.mistake("7.8", "cmc", who="whoever keeps each identity's nearest image")
class NearestImageOfEach(Retrieval):
    """Of each identity the nearest image is in the gallery, not a random one."""

    def _share_before(self, images: Array, match: int) -> float:
        return float(images[:match].any())


@evaluate_retrieval.mistake("7.8", "cmc", who="code that draws one image of each number, 0 among them")
class OneDistractor(Retrieval):
    """All distractors are one identity, of which one image is drawn."""

    def _always_before(self, ids: Array) -> int:
        return 0

    def _drawn(self, ids: Array) -> Array:
        return np.unique(ids)
