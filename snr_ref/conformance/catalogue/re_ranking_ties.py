"""Re-ranking among equal distances, which not every implementation orders, or finds equal."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.re_ranking import people
from snr_ref.conformance.draw import Draw

cases = Catalogue("re_ranking_ties", "the lower index first among images that are equal")


@cases.case("re_ranking", "7.15")
def equal_features(draw: Draw) -> dict[str, Any]:
    """All features are equal: of equal distances the lower index is nearer, and no number is divided by 0.

    More of them than neighbours: those with the highest indices are among nobody's, not even their own.
    """
    return {"query_features": np.ones((2, 3)), "gallery_features": np.ones((6, 3)), "k1": 5, "k2": 1}


@cases.case("re_ranking", "7.15")
def duplicates(draw: Draw) -> dict[str, Any]:
    """Every image is there twice: each pair's neighbours are the same but for the order among equals."""
    batch = people(draw, 4, 4)
    doubled = np.concatenate([batch["gallery_features"]] * 2)
    return batch | {"gallery_features": doubled, "k1": 5, "k2": 1}
