"""The distances between rows, and the conventions where their formulas say nothing."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("distances", "the cosine and the Euclidean distance between the rows of two matrices")


@cases.case("cosine_distance", "2.2")
def cosine(draw: Draw) -> dict[str, Any]:
    """Five rows against four, in general position."""
    return {"x": draw.normal(5, 8), "y": draw.normal(4, 8)}


@cases.case("cosine_distance", "2.2")
def cosine_of_many_channels(draw: Draw) -> dict[str, Any]:
    """A width such as a network has: 256 channels."""
    return {"x": draw.normal(3, 256), "y": draw.normal(2, 256)}


@cases.case("cosine_distance", "2.2")
def cosine_of_lengths(draw: Draw) -> dict[str, Any]:
    """Rows a thousand times longer or shorter than others: each is divided by its own length."""
    scales = np.array([[2.0**10], [1.0], [2.0**-10]])
    return {"x": draw.normal(3, 6) * scales, "y": draw.normal(3, 6) * scales[::-1]}


@cases.case("cosine_distance", "2.2")
def cosine_duplicates(draw: Draw) -> dict[str, Any]:
    """Equal rows are at distance exactly 0, whatever rounding says of the formula."""
    x = draw.normal(6, 7)
    return {"x": x, "y": x[[3, 0, 5]]}


@cases.case("cosine_distance", "2.2")
def cosine_opposite(draw: Draw) -> dict[str, Any]:
    """Opposite rows, of whichever length, are at distance 1, the largest there is."""
    x = draw.normal(4, 6)
    return {"x": x, "y": np.concatenate([-x, -4 * x])}


@cases.case("cosine_distance", "2.2")
def cosine_orthogonal(draw: Draw) -> dict[str, Any]:
    """Orthogonal rows are at a half."""
    size = draw.uniform(1, 8, 3)
    return {"x": np.diag(size), "y": np.array([[0.0, 3, 4], [5, 0, -12], [1, -1, 0]])}


@cases.case("cosine_distance", "2.2")
def cosine_zero(draw: Draw) -> dict[str, Any]:
    """The zero vector has no direction: it is at 0 from itself and at 0.5 from everything else, never NaN."""
    x, y = draw.normal(3, 5), draw.normal(3, 5)
    x[1] = y[0] = 0
    return {"x": x, "y": y}


@cases.case("cosine_distance", "2.2")
def cosine_one_column(draw: Draw) -> dict[str, Any]:
    """With one channel a cosine is a sign: distances are 0 or 1, and 0.5 from zero."""
    return {"x": np.array([[2.0], [-0.5], [0.0]]), "y": np.array([[4.0], [-8.0]])}


@cases.case("cosine_distance", "2.2")
def cosine_short_rows(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e-5: an epsilon that is added to the length, not kept for rows of zero, shows here."""
    return {"x": draw.normal(4, 6) * 2.0**-18, "y": draw.normal(3, 6) * 2.0**-18}


@cases.case("cosine_distance", "2.2")
def cosine_tiny(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e-30 have a direction as any others, though in float32 their squares vanish."""
    return {"x": draw.normal(3, 5) * 2.0**-100, "y": draw.normal(2, 5) * 2.0**-100}


@cases.case("cosine_distance", "2.2")
def cosine_huge(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e30 have a direction as any others, though in float32 their squares overflow."""
    return {"x": draw.normal(3, 5) * 2.0**100, "y": draw.normal(2, 5) * 2.0**100}


@cases.case("cosine_distance", "2.2")
def cosine_tiny_in_float64(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e-180, whose squares vanish in float64 too."""
    return {"x": draw.normal(3, 5) * 2.0**-600, "y": draw.normal(2, 5) * 2.0**-600}


@cases.case("cosine_distance", "2.2")
def cosine_huge_in_float64(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e180, whose squares overflow in float64 too."""
    return {"x": draw.normal(3, 5) * 2.0**600, "y": draw.normal(2, 5) * 2.0**600}


@cases.case("cosine_distance", "2.2", "6.3", kind="pattern")
def cosine_nan(draw: Draw) -> dict[str, Any]:
    """A row that holds NaN has NaN distances, and the other rows keep theirs."""
    x = draw.normal(3, 4)
    x[1, 2] = np.nan
    return {"x": x, "y": draw.normal(2, 4)}


@cases.case("euclidean_distance", "2.3")
def euclidean(draw: Draw) -> dict[str, Any]:
    """Five rows against four, in general position; the squared distance is another number."""
    return {"x": draw.normal(5, 8), "y": draw.normal(4, 8)}


@cases.case("euclidean_distance", "2.3")
def euclidean_of_many_channels(draw: Draw) -> dict[str, Any]:
    """A width such as a network has: 256 channels."""
    return {"x": draw.normal(3, 256), "y": draw.normal(2, 256)}


@cases.case("euclidean_distance", "2.3")
def euclidean_duplicates(draw: Draw) -> dict[str, Any]:
    """Equal rows are at distance exactly 0, and so is zero from zero."""
    x = draw.normal(6, 7)
    x[2] = 0
    return {"x": x, "y": x[[3, 2, 5]]}


@cases.case("euclidean_distance", "2.3")
def euclidean_near_duplicates(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e4 that differ by 1: the expansion |x|^2 + |y|^2 - 2 x.y loses most digits in float32."""
    x = draw.integers(-6000, 6000, 4, 8).astype(np.float64)
    steps = np.array([[1.0] + 7 * [0.0], [0.0, -1.0, 1.0] + 5 * [0.0], 8 * [0.5], 7 * [0.0] + [0.125]])
    return {"x": x, "y": x + steps}


@cases.case("euclidean_distance", "2.3")
def euclidean_one_column(draw: Draw) -> dict[str, Any]:
    """With one channel the distance is the magnitude of the difference."""
    return {"x": draw.normal(4, 1), "y": draw.normal(3, 1)}


@cases.case("euclidean_distance", "2.3")
def euclidean_tiny(draw: Draw) -> dict[str, Any]:
    """Rows 1e-30 apart, whose squared differences vanish in float32."""
    return {"x": draw.normal(3, 5) * 2.0**-100, "y": draw.normal(2, 5) * 2.0**-100}


@cases.case("euclidean_distance", "2.3")
def euclidean_huge(draw: Draw) -> dict[str, Any]:
    """Rows 1e30 apart, whose squared differences overflow in float32."""
    return {"x": draw.normal(3, 5) * 2.0**100, "y": draw.normal(2, 5) * 2.0**100}


@cases.case("euclidean_distance", "2.3")
def euclidean_tiny_in_float64(draw: Draw) -> dict[str, Any]:
    """Rows 1e-180 apart, whose squared differences vanish in float64 too."""
    return {"x": draw.normal(3, 5) * 2.0**-600, "y": draw.normal(2, 5) * 2.0**-600}


@cases.case("euclidean_distance", "2.3")
def euclidean_huge_in_float64(draw: Draw) -> dict[str, Any]:
    """Rows 1e180 apart, whose squared differences overflow in float64 too."""
    return {"x": draw.normal(3, 5) * 2.0**600, "y": draw.normal(2, 5) * 2.0**600}
