"""The order among equal distances, which not every implementation fixes."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.retrieval import ranked
from snr_ref.conformance.draw import Draw

cases = Catalogue("retrieval_ties", "the lower gallery index first among equal distances")


@cases.case("evaluate_retrieval", "7.5")
def match_after(draw: Draw) -> dict[str, Any]:
    """A match and two others at one distance, the match with the highest index: it comes last of the three."""
    return ranked("ooomo") | {"distances": np.array([[0.0, 1, 1, 1, 2]])}


@cases.case("evaluate_retrieval", "7.5")
def match_before(draw: Draw) -> dict[str, Any]:
    """A match and two others at one distance, the match with the lowest index: it comes first of the three."""
    return ranked("omooo") | {"distances": np.array([[0.0, 1, 1, 1, 2]])}


@cases.case("evaluate_retrieval", "7.5")
def all_equal(draw: Draw) -> dict[str, Any]:
    """A network that gives every image the same feature: the ranking is the gallery's order."""
    batch = ranked("oomom", "moomo", "oooom")
    return batch | {"distances": np.ones((3, 15))}


@cases.case("evaluate_retrieval", "7.5", "7.1")
def tied_with_junk(draw: Draw) -> dict[str, Any]:
    """Junk among equal distances is taken out, and leaves the order of the others as it was."""
    return ranked("jcomo", "mjoco") | {"distances": np.zeros((2, 10))}


@cases.case("evaluate_retrieval", "7.5")
def many_ties(draw: Draw) -> dict[str, Any]:
    """Sixty gallery images at four distances, where a sort that isn't stable shows."""
    return {
        "distances": draw.integers(0, 4, 6, 60).astype(np.float64),
        "query_ids": np.arange(1, 7),
        "gallery_ids": draw.permutation(60) % 8,
        "query_cameras": np.zeros(6, np.int64),
        "gallery_cameras": draw.integers(0, 3, 60),
        "max_rank": 20,
    }


@cases.case("evaluate_retrieval", "7.5")
def zero_and_minus_zero(draw: Draw) -> dict[str, Any]:
    """0 and -0 are the same distance."""
    return ranked("oomoo") | {"distances": np.array([[0.0, 0.0, -0.0, -0.0, 1.0]])}
