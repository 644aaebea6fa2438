"""The dual causality loss: L+, L- and the triplets they are taken over."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from snr_ref._checks import floating, integer_labels, matrix, shaped
from snr_ref.distances import cosine_distance
from snr_ref.elementary import softplus

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]


class DualCausality(NamedTuple):
    """The two halves of L_SNR.

    Attributes:
        plus: L+, what the restituted features should do better than the normalized ones.
        minus: L-, what the contaminated features should do worse.
    """

    plus: float
    minus: float

    @property
    def total(self) -> float:
        """L_SNR = L+ + L-."""
        return self.plus + self.minus


def dual_causality_loss(
    f_tilde: np.ndarray,
    f_plus: np.ndarray,
    f_minus: np.ndarray,
    labels: np.ndarray,
    *,
    distance: Distance = cosine_distance,
    triplets: np.ndarray | None = None,
) -> DualCausality:
    """L+ and L- of one module, over a batch.

    For an anchor a, a positive p (same identity) and a negative n (another identity):

        L+ = Softplus(d(f~+_a, f~+_p) - d(f~_a, f~_p)) + Softplus(d(f~_a, f~_n) - d(f~+_a, f~+_n))
        L- = Softplus(d(f~_a, f~_p) - d(f~-_a, f~-_p)) + Softplus(d(f~-_a, f~-_n) - d(f~_a, f~_n))

    The paper draws one p and one n per anchor. Without `triplets` this is the expectation over that draw:
    each of the four terms is averaged over the positives (negatives) of an anchor, then over the anchors that
    have any. A term that no anchor contributes to is 0. With `triplets` it is the mean over those.

    Mind the collapse: f~ is beta for every image, so d(f~_a, f~_p) = d(f~_a, f~_n) = 0, and the loss pulls
    and pushes f~+ and f~- alone.

    Args:
        f_tilde: f~, (N, C).
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        labels: Identities, (N,), any integers.
        distance: d, from ((N, C), (M, C)) to (N, M).
        triplets: (T, 3) indices into the batch, rows of anchor, positive, negative; as from
            `sample_triplets`.

    Returns:
        L+ and L-, and their sum as `.total`.

    Raises:
        ValueError: If the embeddings are not floating or differ in shape, the labels are not N integers, or a
            triplet is none: out of range, or at odds with the labels.

    Source:
        Jin et al., "Style Normalization and Restitution for Generalizable Person Re-identification", CVPR
        2020, sec. 3.2.
    """
    f_tilde, f_plus, f_minus, labels = check_embeddings(f_tilde, f_plus, f_minus, labels)
    P, Q = draws(labels, check_triplets(triplets, labels))
    d_tilde, d_plus, d_minus = (floating("distance(f, f)", distance(f, f)) for f in (f_tilde, f_plus, f_minus))
    return DualCausality(plus=loss_plus(d_tilde, d_plus, P, Q), minus=loss_minus(d_tilde, d_minus, P, Q))


def loss_plus(d_tilde: np.ndarray, d_plus: np.ndarray, P: np.ndarray, Q: np.ndarray) -> float:
    """L+ = E[Softplus(d+_ap - d~_ap)] + E[Softplus(d~_an - d+_an)], of (a, p) drawn by P and (a, n) drawn by Q."""
    return expectation(softplus(d_plus - d_tilde), P) + expectation(softplus(d_tilde - d_plus), Q)


def loss_minus(d_tilde: np.ndarray, d_minus: np.ndarray, P: np.ndarray, Q: np.ndarray) -> float:
    """L- = E[Softplus(d~_ap - d-_ap)] + E[Softplus(d-_an - d~_an)]."""
    return expectation(softplus(d_tilde - d_minus), P) + expectation(softplus(d_minus - d_tilde), Q)


def expectation(values: np.ndarray, probabilities: np.ndarray) -> float:
    """E[values], over the pairs that can be drawn; 0 where none can."""
    drawn = probabilities > 0
    return (probabilities[drawn] * values[drawn]).sum()


def draws(labels: np.ndarray, triplets: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """P and Q: how probably each pair (a, p), and each pair (a, n), is drawn; both (N, N).

    Without triplets an anchor is drawn among those that have a positive (a negative), then one of them.
    """
    positives, negatives = pairs(labels)
    if triplets is None:
        return uniform(positives), uniform(negatives)
    a, p, n = triplets.T
    P, Q = np.zeros(positives.shape), np.zeros(negatives.shape)
    np.add.at(P, (a, p), 1 / max(1, len(triplets)))
    np.add.at(Q, (a, n), 1 / max(1, len(triplets)))
    return P, Q


def uniform(allowed: np.ndarray) -> np.ndarray:
    """The probability of each pair, where anchors that have one are equally probable, and so are the pairs of each."""
    per_anchor = allowed.sum(axis=1, keepdims=True)
    anchors = np.count_nonzero(per_anchor)
    return allowed / (np.maximum(per_anchor, 1) * max(anchors, 1))


def pairs(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which (a, p) are of one identity and two images, and which (a, n) are of two identities; both (N, N), bool."""
    same = labels[:, np.newaxis] == labels[np.newaxis, :]
    return same & ~np.eye(len(labels), dtype=bool), ~same


def sample_triplets(labels: np.ndarray, *, seed: int | np.random.Generator) -> np.ndarray:
    """The paper's draw: for every anchor one positive and one negative, uniformly.

    Only anchors that have both are drawn, so with lone identities the mean over these triplets does not
    estimate the expectation that `dual_causality_loss` takes by default: there, an anchor without positives
    still has negatives.

    Args:
        labels: Identities, (N,), any integers.
        seed: Seed or generator of the draw.

    Returns:
        (T, 3) indices of anchor, positive, negative, anchors rising; T = 0 where no anchor has both.

    Raises:
        ValueError: If the labels are not a vector of integers.
    """
    labels = integer_labels("labels", labels, np.size(labels), "a vector")
    rng = np.random.default_rng(seed)
    positives, negatives = pairs(labels)
    triplets = [
        (a, rng.choice(np.flatnonzero(positives[a])), rng.choice(np.flatnonzero(negatives[a])))
        for a in range(len(labels))
        if positives[a].any() and negatives[a].any()
    ]
    return np.array(triplets, np.int64).reshape(-1, 3)


def check_embeddings(
    f_tilde: np.ndarray, f_plus: np.ndarray, f_minus: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The three embeddings, floating, and N integers; ValueError if a shape does not fit."""
    f_tilde = matrix("f_tilde", f_tilde, "(N, C)")
    because = f"f_tilde of shape {f_tilde.shape}"
    f_plus = shaped("f_plus", f_plus, f_tilde.shape, because)
    f_minus = shaped("f_minus", f_minus, f_tilde.shape, because)
    return f_tilde, f_plus, f_minus, integer_labels("labels", labels, len(f_tilde), because)


def check_triplets(triplets: np.ndarray | None, labels: np.ndarray) -> np.ndarray | None:
    """Triplets that index the labels and agree with them, or None; ValueError if they do not."""
    if triplets is None:
        return None
    triplets = np.asarray(triplets)
    if triplets.dtype.kind not in "iu" or triplets.ndim != 2 or triplets.shape[1] != 3:
        raise ValueError(
            "`triplets` must be integers of shape (T, 3), rows of anchor, positive, negative. "
            f"Received: dtype {triplets.dtype} with shape {triplets.shape}"
        )
    positives, negatives = pairs(labels)
    n_images = len(labels)
    for a, p, n in triplets:
        if not all(0 <= index < n_images for index in (a, p, n)):
            raise ValueError(
                f"`triplets` must index the {n_images} labels. Received: triplet {(int(a), int(p), int(n))}"
            )
        if not (positives[a, p] and negatives[a, n]):
            raise ValueError(
                "`triplets` must agree with `labels`: the positive another image of the anchor's identity, "
                f"the negative an image of another. Received: triplet {(int(a), int(p), int(n))}"
            )
    return triplets
