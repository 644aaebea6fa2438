"""Photographs in rows and columns."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from snr_keras.reid.visualization.figures import caption
from snr_keras.reid.visualization.photographs import Photographs

WHITE = np.full((64, 32, 3), 255, np.uint8)
SHORT = "one line"
PHOTOGRAPHS = 150  # pixels, from below: the title is nowhere there


def dark(path: Path, columns: int, title: str, beside: str = "") -> np.ndarray:
    """Where there is ink, of white photographs without frames and titles of their own."""
    photographs = Photographs(1, columns, title=title)
    photographs.tell(0, beside)
    for column in range(columns):
        photographs.put(0, column, WHITE, "", frame=0)
    return imread(photographs.save(path / "x.png"))[..., :3].min(axis=-1) < 0.5


@pytest.mark.parametrize("columns", [1, 2, 3, 11])
@pytest.mark.parametrize(
    "title",
    [
        "snr, seed 0, trained on day: mAP 57.9 %, Rank-1 77.0 %\nright in green, wrong in red",
        caption("a_name_without_any_place_to_break_it_at_all"),
        caption("$" * 39),
        caption("人" * 39),
    ],
)
def test_the_title_is_in_the_picture_whole_whatever_its_letters(columns: int, title: str, tmp_path: Path) -> None:
    ink = dark(tmp_path, columns, title)
    above = ink[:-PHOTOGRAPHS]
    assert above.any()
    assert not above[:, :2].any()
    assert not above[:, -2:].any()
    assert not above[0].any()
    assert ink.shape[1] == dark(tmp_path, columns, SHORT).shape[1]


def test_a_longer_title_moves_the_photographs_down(tmp_path: Path) -> None:
    heights = [len(dark(tmp_path, 2, title)) for title in ("", SHORT, f"{SHORT}\n{SHORT}")]
    assert heights[0] < heights[1] < heights[2]


@pytest.mark.parametrize(
    "beside", ["AP 100.0 %, first right: 12345", caption("IMG_20240315_184502_MOMENT.jpg", 24), caption("人" * 40, 24)]
)
def test_what_stands_beside_a_row_is_no_longer_than_the_row(beside: str, tmp_path: Path) -> None:
    ink = dark(tmp_path, 2, "", beside)
    assert ink.any()
    assert not ink[:2].any()
    assert not ink[-2:].any()
