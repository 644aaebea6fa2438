"""The joint embedding loss: which agents are hard, and what is a term of the mean.

Features and agents are of length 1 exactly, and their products exact in float32 too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("joint_embedding", "images beside the agents of the source domain")


def ordinary(draw: Draw) -> dict[str, Any]:
    """Images near agents of others, and one that is its own agent, which is never hard for it; a margin of 1."""
    agents = draw.directions(16)
    labels = np.array([3, 0, 15, 7, 3])
    source = draw.directions(5)
    source[0] = agents[3]
    return {
        "source_features": source,
        "source_labels": labels,
        "target_features": draw.directions(4),
        "agents": agents,
    }


def wide_margin(draw: Draw) -> dict[str, Any]:
    """With a margin of 2 many agents are hard for an image, which has the mean over them."""
    return {
        "source_features": draw.directions(3),
        "source_labels": np.array([2, 2, 0]),
        "target_features": draw.directions(4),
        "agents": draw.directions(5),
        "margin": 2.0,
    }


def at_the_edge(draw: Draw) -> dict[str, Any]:
    """An agent whose f . a is a half, and whose hinge is 0, is not hard: the image has no term of 0."""
    return {
        "source_features": np.array([[0.5, 0.5, 0.5, -0.5], [0.5, 0.5, 0.5, 0.5]]),
        "source_labels": np.array([3, 0]),
        "target_features": np.array([[0.5, -0.5, 0.5, 0.5]]),
        "agents": np.eye(4),
    }


def no_margin(draw: Draw) -> dict[str, Any]:
    """With a margin of 0 no agent is hard: one source image is drawn to its agent, and that is the only term."""
    case = ordinary(draw)
    source, labels = case["source_features"][1:2], case["source_labels"][1:2]
    return case | {"source_features": source, "source_labels": labels, "margin": 0.0}


def no_term(draw: Draw) -> dict[str, Any]:
    """No source image, and no agent near a target image: the loss is 0."""
    agent = draw.directions(1)
    return {
        "source_features": np.zeros((0, 6)),
        "source_labels": np.zeros(0, np.int64),
        "target_features": -agent,
        "agents": agent,
    }


_BOTH = (ordinary, wide_margin, no_margin, no_term)

for _build in (*_BOTH, at_the_edge):
    cases.case("joint_embedding_loss", "9.10", "9.11")(_build)
for _build in _BOTH:

    def _gradients(draw: Draw, build: Any = _build) -> dict[str, Any]:
        return build(draw)

    _gradients.__name__, _gradients.__doc__ = f"gradients_{_build.__name__}", _build.__doc__
    cases.case("joint_embedding_gradients", "9.10", "9.12")(_gradients)
