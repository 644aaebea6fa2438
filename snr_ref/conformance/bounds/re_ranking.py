"""The bound of k-reciprocal re-ranking, among neighbours that rounding does not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.precision import Precision
from snr_ref.re_ranking import squared_distances


def re_ranking_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Distances as |x|^2 + |y|^2 - 2 x.y, then the steps of the equations.

    An error e of the relative distances d is one of e in exp(-d), relative to it; their sum and the quotient double it
    and add roundings, a mean over k2 encodings adds its own. Sums of minima, at most 1, carry that error as an absolute
    one, and 1 - c / (2 - c) at most doubles it.
    """
    features = np.concatenate([arguments["query_features"], arguments["gallery_features"]])
    images, width = features.shape
    squared = squared_distances(features)
    largest = squared.max(1)[: len(arguments["query_features"])]
    smallest_of_the_largest = np.min(squared.max(1), initial=np.inf)
    longest = np.sum(features**2, axis=1).max()
    u, lambda_value = precision.u, arguments.get("lambda_value", 0.3)
    if smallest_of_the_largest == 0:  # all features are equal, and computed as differences so are their distances
        return {"distances": np.full((len(largest), images - len(largest)), images * u)}
    error = (width + 6) * u * 4 * longest / smallest_of_the_largest
    encodings = 2 * error + (images + 6 + arguments.get("k2", 6) + 1) * u
    jaccard = 2 * (encodings + images * u) + 3 * u
    return {
        "distances": np.full(
            (len(largest), images - len(largest)), (1 - lambda_value) * jaccard + lambda_value * error + 3 * u
        )
    }
