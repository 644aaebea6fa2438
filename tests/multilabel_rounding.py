"""Where rounding may turn a decision of MAR's losses: what is mined, as what, and which agents are hard.

How far a number may be off is what the conformance kit says. A decision is clear where the number is farther than that
from the edge. On the edge it is clear only where nothing rounds, or all rivals round alike: of duplicates, of
directions along an axis or of halves, of multilabels that are sixty-fourths.
"""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import exact, length, scalar, squared_distance
from snr_ref.mar.mining import image_pairs, mined_count
from snr_ref.mar.multilabels import multilabel_agreement


def order_is_decided(features: np.ndarray, mining_ratio: float, precision: Precision) -> bool:
    """Whether the same pairs are mined, in the same order, however their distances round."""
    i, j = image_pairs(len(features)).T
    differences = np.abs(features[i] - features[j])
    d = length(exact(differences, precision.u))
    order = np.argsort(d.value, kind="stable")
    for rank, nearer in enumerate(order[: mined_count(len(order), mining_ratio)]):
        farther = order[rank + 1 :]
        near = d.value[farther] - d.error[farther] <= d.value[nearer] + d.error[nearer]
        if not all(_rounds_alike(differences[nearer], differences[other]) for other in farther[near]):
            return False
    return True


def agreements_are_decided(
    multilabels: np.ndarray, threshold: float, precision: Precision, off: np.ndarray | None = None
) -> bool:
    """Whether the same rows agree however agreements round.

    Args:
        multilabels: (N, K).
        threshold: What agreements are compared with.
        precision: What they are computed in.
        off: By how much the multilabels may be off already, (N, K); by nothing if it is None.
    """
    y, off = multilabels, np.zeros_like(multilabels) if off is None else off
    bound = FUNCTIONS["multilabel_agreement"].bounds({"x": y, "y": y}, precision)["agreement"]
    bound = bound + (off[:, np.newaxis] + off).sum(axis=-1) / 2
    gap = np.abs(multilabel_agreement(y, y) - threshold)
    is_exact = (y * 64 % 1 == 0).all(axis=1)
    settled = (is_exact[:, np.newaxis] & is_exact) | (y[:, np.newaxis] == y).all(axis=-1)
    settled &= not off.any()
    return bool((settled | (gap > bound))[~np.eye(len(y), dtype=bool)].all())


def hard_agents_are_decided(features: np.ndarray, agents: np.ndarray, margin: float, precision: Precision) -> bool:
    """Whether the same agents are hard for each image, and the same hinges above 0, however cosines round."""
    f, a, m = exact(features, precision.u), exact(agents, precision.u), scalar(margin, precision.u)
    above = f @ a.T - (exact(1.0, precision.u) - m / exact(2.0, precision.u))
    hinge = m - squared_distance(f[:, np.newaxis], a)
    clear = (np.abs(above.value) > above.error) & ((above.value < 0) | (np.abs(hinge.value) > hinge.error))
    settled = _halves(features)[:, np.newaxis] & _halves(agents) & (margin * 16 % 1 == 0)
    return bool((clear | settled).all())


def _rounds_alike(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two vectors have the same magnitudes, or such that their lengths are equal and come out unrounded."""
    if np.array_equal(x, y):
        return True
    largest = [v.max() or 1 for v in (x, y)]
    squares = [np.sum((v / scale) ** 2) for v, scale in zip((x, y), largest, strict=True)]
    if not all(_halves(np.array([v / scale])).all() for v, scale in zip((x, y), largest, strict=True)):
        return False
    whole = all(np.sqrt(square) % 1 == 0 for square in squares)
    return squares[0] == squares[1] if largest[0] == largest[1] else bool(whole and x @ x == y @ y)


def _halves(rows: np.ndarray) -> np.ndarray:
    return (rows * 2 % 1 == 0).all(axis=1)
