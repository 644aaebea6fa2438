"""The discriminative loss: what is mined, as what, and what stands for a kind that is empty.

Features are of length 1 exactly, and their products and squared distances exact in float32 too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("mining", "the pairs of a batch that are mined, and the discriminative loss")

#: Multilabels: of these the first two agree by 3/4, either with the third by 1/4 or 0, and with the fourth by 1/2.
SHARES = np.array([[48.0, 0, 16], [32, 0, 32], [0, 64, 0], [16, 0, 48]]) / 64


def ordinary(draw: Draw) -> dict[str, Any]:
    """The seven nearest of fifteen pairs, of which some are positive and some hard negatives."""
    return {"features": draw.directions(6), "multilabels": draw.shares(6, 4), "threshold": 0.625, "mining_ratio": 0.5}


def tie_at_the_threshold(draw: Draw) -> dict[str, Any]:
    """Two images, whose pair agrees by just the threshold: it is a hard negative."""
    return {"features": draw.directions(2), "multilabels": SHARES[:2], "threshold": 0.75}


def tie_of_distances(draw: Draw) -> dict[str, Any]:
    """Of three pairs at one distance the first two are mined, (0, 1) and (0, 2), and not (0, 3)."""
    features = np.concatenate([np.full((1, 4), 0.5), np.eye(4)[:3]])
    multilabels = SHARES[[0, 1, 1, 2]]
    return {"features": features, "multilabels": multilabels, "threshold": 0.5, "mining_ratio": 0.375}


def tie_across_images(draw: Draw) -> dict[str, Any]:
    """(0, 3) and (1, 2) are at one distance: the pair whose first image is the lower is mined."""
    halves = np.repeat(np.eye(2), 4, axis=1) / 2
    features = np.stack([np.eye(8)[0], np.eye(8)[4], halves[1], halves[0]])
    return {"features": features, "multilabels": SHARES[[0, 2, 3, 1]], "threshold": 0.5, "mining_ratio": 0.25}


def no_positive(draw: Draw) -> dict[str, Any]:
    """No agreement is above 1: P is 1, and the hard negatives are pushed apart all the same."""
    case = ordinary(draw)
    return case | {"multilabels": case["multilabels"][[0, 0, 0, 1, 1, 1]], "threshold": 1.0}


def no_negative(draw: Draw) -> dict[str, Any]:
    """Every agreement is above the threshold: N is a half."""
    return ordinary(draw) | {"multilabels": SHARES[[0, 1, 3, 0, 1, 3]], "threshold": 0.25}


def ratio_of_no_pair(draw: Draw) -> dict[str, Any]:
    """Of ten pairs the usual ratio, 0.005, is less than one: the nearest pair is mined."""
    return {"features": draw.directions(5), "multilabels": draw.shares(5, 3), "threshold": 0.25}


def equal_images(draw: Draw) -> dict[str, Any]:
    """An image that is there twice, at distance 0, and one near both: equal images get no gradient from each other."""
    near = np.array([14.0, 7, 3, 1, 1, 0]) / 16
    features = np.stack([np.eye(6)[0], np.eye(6)[0], near, -np.eye(6)[1], -np.eye(6)[2]])
    return {"features": features, "multilabels": SHARES[[0, 1, 3, 2, 2]], "threshold": 0.5, "mining_ratio": 0.375}


_BOTH = (ordinary, tie_of_distances, no_positive, no_negative, equal_images)

for _build in (*_BOTH, tie_at_the_threshold, tie_across_images, ratio_of_no_pair):
    _mined = ("9.4",) if _build is ratio_of_no_pair else ()
    cases.case("discriminative_loss", "9.6", "9.7", *_mined)(_build)
for _build in _BOTH:

    def _gradient(draw: Draw, build: Any = _build) -> dict[str, Any]:
        return build(draw)

    _gradient.__name__, _gradient.__doc__ = f"gradient_{_build.__name__}", _build.__doc__
    cases.case("discriminative_gradient", "9.6", "9.12")(_gradient)
