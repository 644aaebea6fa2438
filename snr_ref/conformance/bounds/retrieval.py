"""Bounds of the retrieval metrics, which are ratios of counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import snr_ref
from snr_ref.conformance.bounds.precision import Precision


def evaluate_retrieval_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A count is exact, a ratio rounds once, a mean of n as often as n numbers are added and one is divided.

    An expected curve also has the error of its probabilities: each identity's share and its product with what is there
    round five times, all of it at most 1; they are added up to the rank, and over the matches.
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


def evaluate_verification_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Thresholds are distances, counts exact; a share rounds once, half a sum of two twice more, an edge four times."""
    result, u = snr_ref.evaluate_verification(**arguments), precision.u
    exact = {name: np.asarray(0.0) for name in result._fields}
    magnitude = np.abs(result.bin_edges).max()
    return exact | {
        "true_positive_rates": u * result.true_positive_rates,
        "equal_error_rate": np.asarray(3 * u * result.equal_error_rate),
        "bin_edges": np.full(result.bin_edges.shape, 4 * u * magnitude),
    }
