"""Photographs in rows and columns."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from snr_keras.reid.visualization.photographs import Photographs


@pytest.mark.parametrize("columns", [2, 3, 6, 11])
def test_the_title_is_in_the_picture_whole_and_above_the_photographs(columns: int, tmp_path: Path) -> None:
    def picture(title: str) -> np.ndarray:
        photographs = Photographs(1, columns, title=title)
        for column in range(columns):
            photographs.put(0, column, np.full((64, 32, 3), 255, np.uint8), str(column), frame=0)
        return imread(photographs.save(tmp_path / "x.png"))[..., :3]

    short, long = picture("one line"), picture("snr, seed 0, trained on day: mAP 57.9 %, Rank-1 77.0 %\nright, wrong")
    assert long.shape[1] == short.shape[1]
    added = len(long) - len(short)
    assert added > 10
    np.testing.assert_allclose(long[-150:], short[-150:])  # the photographs have moved down
    inked = (long[: len(long) - 150] < 0.5).any(axis=(0, 2))
    assert not inked[:3].any()
    assert not inked[-3:].any()
    assert not (long[0] < 0.5).any()
