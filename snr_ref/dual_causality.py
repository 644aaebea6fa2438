"""The dual causality loss: L+, L- and the triplets over which they are taken."""

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
        plus: L+, small where the restituted features discriminate better than the normalized ones.
        minus: L-, small where the contaminated features discriminate worse than the normalized ones.
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
    """L+ and L- of one module over a batch.

    For an anchor a, a positive p (same identity) and a negative n (another identity):

        L+ = Softplus(d(f~+_a, f~+_p) - d(f~_a, f~_p)) + Softplus(d(f~_a, f~_n) - d(f~+_a, f~+_n))
        L- = Softplus(d(f~_a, f~_p) - d(f~-_a, f~-_p)) + Softplus(d(f~-_a, f~-_n) - d(f~_a, f~_n))

    The paper draws one p and one n per anchor. Without `triplets` the result is the expectation over that draw: each
    of the four terms is averaged over an anchor's positives (or negatives), then over the anchors that have any. A
    term without such an anchor is 0. With `triplets` the result is the mean over the triplets.

    Note the collapse: f~ is beta for every image, so d(f~_a, f~_p) = d(f~_a, f~_n) = 0, and the loss moves only f~+
    and f~-.

    Args:
        f_tilde: f~, (N, C).
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        labels: Identities, (N,), any integers.
        distance: Distance d, a function of (N, C) and (M, C) that returns (N, M).
        triplets: Indices into the batch, (T, 3), each row an anchor, a positive and a negative; see
            `sample_triplets`.

    Returns:
        L+ and L-, and their sum as `.total`.

    Raises:
        ValueError: If the embeddings are not floating or differ in shape, the labels are not N integers, or a
            triplet is out of range or contradicts the labels.

    Source:
        Jin et al., "Style Normalization and Restitution for Generalizable Person Re-identification", CVPR
        2020, sec. 3.2.
    """
    f_tilde, f_plus, f_minus, labels = check_embeddings(f_tilde, f_plus, f_minus, labels)
    P, Q = draws(labels, check_triplets(triplets, labels))
    d_tilde, d_plus, d_minus = (floating("distance(f, f)", distance(f, f)) for f in (f_tilde, f_plus, f_minus))
    return DualCausality(plus=loss_plus(d_tilde, d_plus, P, Q), minus=loss_minus(d_tilde, d_minus, P, Q))


def loss_plus(d_tilde: np.ndarray, d_plus: np.ndarray, P: np.ndarray, Q: np.ndarray) -> float:
    """L+ = E[Softplus(d+_ap - d~_ap)] + E[Softplus(d~_an - d+_an)], with (a, p) drawn from P and (a, n) from Q."""
    return expectation(softplus(d_plus - d_tilde), P) + expectation(softplus(d_tilde - d_plus), Q)


def loss_minus(d_tilde: np.ndarray, d_minus: np.ndarray, P: np.ndarray, Q: np.ndarray) -> float:
    """L- = E[Softplus(d~_ap - d-_ap)] + E[Softplus(d-_an - d~_an)]."""
    return expectation(softplus(d_tilde - d_minus), P) + expectation(softplus(d_minus - d_tilde), Q)


def expectation(values: np.ndarray, probabilities: np.ndarray) -> float:
    """E[values] over the pairs of positive probability; 0 if there are none."""
    drawn = probabilities > 0
    return (probabilities[drawn] * values[drawn]).sum()


def draws(labels: np.ndarray, triplets: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities P of each pair (a, p) and Q of each pair (a, n), both (N, N).

    Without triplets, P draws an anchor uniformly among those that have a positive, then one of its positives; Q
    likewise draws negatives.
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
    """The probability of each pair: uniform over the anchors that have a pair, then over the pairs of the anchor."""
    per_anchor = allowed.sum(axis=1, keepdims=True)
    anchors = np.count_nonzero(per_anchor)
    return allowed / (np.maximum(per_anchor, 1) * max(anchors, 1))


def pairs(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positive pairs (two images of one identity) and negative pairs (two identities), both (N, N), bool."""
    same = labels[:, np.newaxis] == labels[np.newaxis, :]
    return same & ~np.eye(len(labels), dtype=bool), ~same


def sample_triplets(labels: np.ndarray, *, seed: int | np.random.Generator) -> np.ndarray:
    """The paper's draw: one positive and one negative for every anchor, uniformly.

    Anchors without a positive or without a negative are left out. `dual_causality_loss` without triplets still uses
    the negatives of an anchor that has no positives. So if an identity has one image only, the mean over these
    triplets does not estimate that expectation.

    Args:
        labels: Identities, (N,), any integers.
        seed: Seed or generator of the draw.

    Returns:
        Indices of anchor, positive and negative, (T, 3), in the order of the anchors; T = 0 if no anchor has both.

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
    """The three floating embeddings and N integers; ValueError if a shape does not fit."""
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
