"""The contact sheet of a data set."""

import numpy as np
import pytest

from snr_keras.reid.data.sheet import GAP, dataset_sheet
from snr_keras.reid.data.user_list import read_list
from tests.snr_keras.reid.data.folders import png, write


@pytest.fixture
def shaded(tmp_path):
    """Person i by camera c is of one colour, (10 i, 10 c, 0); 7 has one image, the others twelve by three cameras."""
    images = {}
    for i in range(1, 8):
        for k in range(12 if i < 7 else 1):
            images[f"{i}_{k:02d}.png"] = png(np.full((6, 3, 3), (10 * i, 10 * (k % 3 + 1), 0), np.uint8))
    write(tmp_path, images)
    rows = [(name, int(name[0]), int(name[2:4]) % 3 + 1) for name in images]
    return read_list(train=rows, name="shades", root=tmp_path)


def test_people_stand_in_rows_by_their_cameras_and_empty_places_are_white(shaded):
    sheet = dataset_sheet(shaded, people=3, images=6, image_size=(8, 4))
    assert sheet.shape == (3 * (8 + GAP), 6 * (4 + GAP), 3)
    cells = sheet.reshape(3, 8 + GAP, 6, 4 + GAP, 3)[:, :8, :, :4].transpose(0, 2, 1, 3, 4)
    colours = cells[:, :, 4, 2].tolist()
    assert [row[0][0] for row in colours] == [10, 40, 70]
    assert [cell[1] for cell in colours[0]] == [10, 10, 20, 20, 30, 30]
    assert colours[2][1:] == [[255, 255, 255]] * 5
