"""The picture of a search."""

import warnings
from pathlib import Path

from matplotlib.image import imread

from snr_keras.reid.search import Match, SearchResult
from snr_keras.reid.visualization import save_search_gallery
from tests.snr_keras.reid.data.folders import write


def result(folder: Path, queries: int, found: int) -> SearchResult:
    names = ["two words.jpg", "$x^2$ [red].jpg", "人.jpg", "new\nline.jpg"]
    write(folder, names)
    matches = tuple(
        Match(names[i % 4], str(folder / names[i % 4]), i / 10)
        if i
        else Match("gone.jpg", str(folder / "gone.jpg"), 0.0)
        for i in range(found)
    )
    return SearchResult(
        queries=tuple(names[i % 4] for i in range(queries)),
        paths=tuple(str(folder / names[i % 4]) for i in range(queries)),
        matches=(matches,) * queries,
        gallery=found,
        distance="cosine",
        model="pretrained",
        sha256="0" * 64,
        left_out=(),
    )


def test_it_draws_any_name_and_a_frame_for_a_picture_that_is_gone(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = imread(save_search_gallery(result(tmp_path, queries=4, found=3), tmp_path / "found.png"))
    assert picture.std() > 0.1
    wider = imread(save_search_gallery(result(tmp_path, queries=4, found=6), tmp_path / "wider.png"))
    assert wider.shape[1] > picture.shape[1]


def test_only_the_first_queries_are_drawn(tmp_path: Path) -> None:
    few, many = (
        imread(save_search_gallery(result(tmp_path, queries=n, found=1), tmp_path / "x.png", num_queries=2))
        for n in (2, 9)
    )
    assert few.shape == many.shape


def test_a_query_without_a_match_has_a_row_all_the_same(tmp_path: Path) -> None:
    assert imread(save_search_gallery(result(tmp_path, queries=1, found=0), tmp_path / "x.png")).ndim == 3
