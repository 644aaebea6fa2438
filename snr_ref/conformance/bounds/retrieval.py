"""Bounds of the retrieval metrics, which are ratios of counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import snr_ref
from snr_ref.conformance.bounds.precision import Precision


def evaluate_retrieval_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A count is exact, a ratio rounds once, a mean of n as often as n numbers are added and one is divided."""
    result, u = snr_ref.evaluate_retrieval(**arguments), precision.u
    queries = result.num_valid_queries
    matches = max(np.count_nonzero(arguments["gallery_ids"] == identity) for identity in arguments["query_ids"])
    return {
        "cmc": (queries + 1) * u * result.cmc,
        "mAP": np.asarray((queries + 1 + matches + 2) * u * result.mAP),
        "mINP": np.asarray((queries + 1 + 1) * u * result.mINP),
        "num_valid_queries": np.asarray(0.0),
    }
