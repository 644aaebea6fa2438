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

    def _expected_curve(self, ranked: Array, ids: Array, max_rank: int) -> Array:
        return super()._expected_curve(ranked, ids, max_rank) if ranked.any() else np.zeros(max_rank)

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

    def _without_cameras(self, match: Array) -> Array:
        return np.ones(match.shape, bool)


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


@mistake("7.8", at="evaluate_retrieval: cmc", who="whoever keeps each identity's nearest image")
class NearestImageOfEach(Literal):
    """Of each identity the nearest image is in the gallery, not a random one."""

    def _share_before(self, images: Array, match: int) -> float:
        return float(images[:match].any())


@mistake("7.8", at="evaluate_retrieval: cmc", who="code that draws one image of each number, 0 among them")
class OneDistractor(Literal):
    """All distractors are one identity, of which one image is drawn."""

    def _always_before(self, ids: Array) -> int:
        return 0

    def _drawn(self, ids: Array) -> Array:
        return np.unique(ids)


@mistake("7.9", at="evaluate_verification: true_positive_rates", who="whoever takes a pair at the threshold too")
class AtTheThreshold(Literal):
    """A pair whose distance is the threshold is taken for one person."""

    def _below(self, distances: Array, thresholds: Array) -> Array:
        return np.searchsorted(distances, thresholds, side="right") / len(distances)


@mistake("7.9", at="evaluate_verification: true_positive_rates", who="whoever takes a quantile of the distances")
class ThresholdByQuantile(Literal):
    """The threshold is interpolated between two distances."""

    def _threshold(self, different: Array, rate: float) -> float:
        return float(np.quantile(different, rate))


@mistake("7.9", at="evaluate_verification: true_positive_rates", who="verification code that knows no cameras")
class OwnCameraVerified(Literal):
    """Pairs of one person in one camera count."""

    def _own_camera(self, match: Array, same_camera: Array) -> Array:
        return match & False


@mistake("7.10", at="evaluate_verification: equal_error_rate", who="whoever reads the error off one of the two curves")
class OneErrorOfTheTwo(Literal):
    """The equal error rate is the false-positive rate at the threshold."""

    def _equal_error_rate(self, taken: float, missed: float) -> float:
        return taken


@mistake("7.11", at="evaluate_verification: same_counts", who="histograms whose bins are closed above")
class EdgesBelow(Literal):
    """A distance at an edge is in the bin below it."""

    def _histogram(self, distances: Array, edges: Array) -> Array:
        bins = np.searchsorted(edges, distances, side="left") - 1
        return np.bincount(np.clip(bins, 0, 127), minlength=128)


@mistake("7.12", at="re_ranking: distances", who="whoever gives it distances, and not their squares")
class DistancesNotSquared(Literal):
    """The distances are Euclidean, not squared."""

    def _distances(self, squared: Array) -> Array:
        return np.sqrt(squared)


@mistake("7.12", at="re_ranking: distances", who="whoever scales by the largest distance of all")
class OneScaleForAll(Literal):
    """All distances are over the largest of all images, not each image's own."""

    def _largest(self, far: Array) -> Array:
        return far.max(keepdims=True)


@mistake("7.12", at="re_ranking: distances", who="whoever counts the image itself as one of its k neighbours")
class ItselfAmongTheK(Literal):
    """The neighbourhood has k images with the image itself, not k + 1."""

    def _reciprocal(self, ranking: Array, p: int, k: int) -> list[int]:
        return super()._reciprocal(ranking, p, k - 1)


@mistake("7.12", at="re_ranking: distances", who="whoever takes lambda for the weight of what is new")
class WeightsSwapped(Literal):
    """The Jaccard distance has the weight lambda."""

    def _mixed(self, jaccard: Array, d: Array, lambda_value: float) -> Array:
        return lambda_value * jaccard + (1 - lambda_value) * d


@mistake("7.13", at="re_ranking: distances", who="whoever divides integers, or rounds a half up")
class HalfRoundedDown(Literal):
    """Half of an odd k1 is rounded down."""

    def _half(self, k: int) -> int:
        return k // 2


@mistake("7.13", at="re_ranking: distances", who="the paper's own formula, which its code does not follow")
class TwoThirdsAreEnough(Literal):
    """Exactly two thirds in common are enough to extend a neighbourhood."""

    def _is_much(self, common: int, size: int) -> bool:
        return 3 * common >= 2 * size


@mistake("7.13", at="re_ranking: distances", who="whoever leaves the extension out")
class NothingExtended(Literal):
    """Neighbourhoods are not extended by those of their members."""

    def _is_much(self, common: int, size: int) -> bool:
        return False


@mistake("7.14", at="re_ranking: distances", who="whoever averages over the neighbours of an image without it")
class AveragedWithoutItself(Literal):
    """The image itself is not among those whose encodings are averaged."""

    def _averaged(self, ranking: Array, k2: int) -> Array:
        return ranking[1 : k2 + 1]


@mistake("7.15", at="re_ranking: distances", who="a sort that is not stable")
class LaterDuplicatesNearer(Literal):
    """Among equal distances the higher index is nearer."""

    def _neighbours(self, far: Array) -> Array:
        return len(far) - 1 - np.argsort(far[:, ::-1], axis=1, kind="stable")
