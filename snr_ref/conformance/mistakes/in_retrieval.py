"""Mistakes in the metrics of retrieval."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.mistakes.literal import Literal
from snr_ref.conformance.mistakes.literal.elementary import Array
from snr_ref.conformance.mistakes.mistake import mistake


@mistake("7.1", at="evaluate_retrieval: cmc", who="whoever remembers the rule as 'no image of the same camera'")
class WholeCameraAsJunk(Literal):
    """Every gallery image of the query's camera is junk, whoever is on it."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return (gallery_ids == -1) | same_camera


@mistake("7.1", at="evaluate_retrieval: cmc", who="metrics of general retrieval, which know no cameras")
class OwnCameraRanked(Literal):
    """The query's identity in the query's own camera is ranked, and matched."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return gallery_ids == -1


@mistake("7.1", at="evaluate_retrieval: cmc", who="whoever takes identity -1 for one more distractor")
class JunkIdentityRanked(Literal):
    """Gallery images of identity -1 are ranked."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return match & same_camera


@mistake("7.1", at="evaluate_retrieval: mAP", who="codes that take junk out for the CMC and leave it in for AP")
class JunkInThePrecision(Literal):
    """In AP, junk takes up ranks."""

    def _average_precision(self, ranked: Array, with_junk: Array, junk: Array) -> Array:
        return self._precisions(with_junk & ~junk).mean()


@mistake("7.2", at="evaluate_retrieval: mAP", who="the evaluation code of Market-1501 and Oxford Buildings")
class TrapezoidalPrecision(Literal):
    """AP is the area under the trapezoids between the points of precision and recall."""

    def _precisions(self, ranked: Array) -> Array:
        ranks = np.flatnonzero(ranked) + 1
        found = np.arange(len(ranks))
        before = np.divide(found, ranks - 1, out=np.ones(len(ranks)), where=ranks > 1)
        return (before + (found + 1) / ranks) / 2


@mistake("7.3", at="evaluate_retrieval: cmc", who="whoever takes the share of matches among the first k for the CMC")
class PrecisionForCmc(Literal):
    """The curve at k is the share of matches among the first k."""

    def _curve(self, ranked: Array, max_rank: int) -> Array:
        first = np.arange(1, max_rank + 1)
        return np.array([ranked[:k].mean() for k in first])


@mistake("7.3", at="evaluate_retrieval: cmc", who="whoever divides by the number of queries")
class QueriesWithoutMatchCounted(Literal):
    """Queries without a match count as 0."""

    def _is_valid(self, ranked: Array) -> bool:
        return True

    def _precisions(self, ranked: Array) -> Array:
        return super()._precisions(ranked) if ranked.any() else np.zeros(1)

    def _inverse_penalty(self, ranked: Array) -> Array:
        return super()._inverse_penalty(ranked) if ranked.any() else np.zeros(())


@mistake("7.4", at="evaluate_retrieval: mINP", who="whoever takes mINP for the mean reciprocal rank")
class FirstMatchForTheLast(Literal):
    """The penalty is that of the first match."""

    def _inverse_penalty(self, ranked: Array) -> Array:
        return 1 / (np.flatnonzero(ranked)[0] + 1)


@mistake("7.5", at="evaluate_retrieval: cmc", who="a metric that counts how many negatives are strictly nearer")
class TiesForTheQuery(Literal):
    """Among equal distances the matches come first."""

    def _ranking(self, distances: Array, match: Array) -> Array:
        return np.lexsort((~match, distances))


@mistake("7.5", at="evaluate_retrieval: cmc", who="whoever sorts similarities and reverses the order")
class TiesReversed(Literal):
    """Among equal distances the higher gallery index comes first."""

    def _ranking(self, distances: Array, match: Array) -> Array:
        return np.argsort(-distances, kind="stable")[::-1]


@mistake("7.6", at="evaluate_retrieval: cmc", who="whoever gives every image camera 0 where there is none")
class OneCameraForAll(Literal):
    """Without camera labels all images are of one camera, so that every match is junk."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return super()._junk(gallery_ids, match, same_camera | ~same_camera.any())


@mistake("7.7", at="evaluate_retrieval: cmc", who="whoever takes identity 0 for junk, as -1 is")
class DistractorsLeftOut(Literal):
    """Distractors, of identity 0, are left out of the ranking."""

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return super()._junk(gallery_ids, match, same_camera) | (gallery_ids == 0)


@mistake("7.7", at="evaluate_retrieval: cmc", who="identities that are numbered from 0")
class DistractorsMatched(Literal):
    """Distractors, of identity 0, match every query."""

    def _matches(self, identity: int, gallery_ids: Array) -> Array:
        return super()._matches(identity, gallery_ids) | (gallery_ids == 0)
