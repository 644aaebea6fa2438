"""The CMC curve against one random image of each identity: the fast twin of `expected_cumulative_matches`."""

import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.protocols import DISTRACTOR


def expected_curve(row: NDArray, ids: NDArray, matches: NDArray, junk: NDArray, max_rank: int) -> NDArray[np.float64]:
    """The probability that the match of a query has at most each rank.

    Args:
        row: Distances, (G,).
        ids: Identities, (G,).
        matches: Gallery indices of the query's matches.
        junk: Gallery indices that the ranking leaves out.
        max_rank: Length of the curve.
    """
    ranking = np.argsort(row, kind="stable")
    is_match, is_other = np.zeros((2, len(row)), bool)
    is_match[matches] = is_other[:] = True
    is_other[matches] = is_other[junk] = False
    matches_before = np.cumsum(is_match[ranking])[is_other[ranking]]  # in the order of the ranking, like these:
    _, identity, images = np.unique(_people(ids, ranking[is_other[ranking]]), return_inverse=True, return_counts=True)
    # before[i, j]: images of identity i before match j, that is, with at most j matches before them.
    m = len(matches)
    before = np.bincount(identity * (m + 1) + matches_before, minlength=len(images) * (m + 1)).reshape(-1, m + 1)
    shares = np.cumsum(before, axis=1)[:, :m] / images[:, None]
    number_before = np.zeros((m, max_rank))  # the probabilities that 0, 1, ... identities come before each match
    number_before[:, 0] = 1
    for p in shares[shares.any(axis=1), :, None]:
        one_more = p[:, 0:1] * number_before[:, :-1]
        number_before *= 1 - p
        number_before[:, 1:] += one_more
    return np.cumsum(number_before, axis=1).mean(axis=0)


def _people(ids: NDArray, images: NDArray) -> NDArray:
    """The person on each of these images; each distractor is a person of its own, with an unused number."""
    people = ids[images].astype(np.int64)
    distractors = np.flatnonzero(people == DISTRACTOR)
    people[distractors] = people.max(initial=0) + 1 + np.arange(len(distractors))
    return people
