"""An index finds what the exact search finds where all cells are searched, and nearly all of it where they are not."""

import hashlib
import sys
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from snr_keras.reid.search import indexing, nearest, nearest_by_index, open_index, search
from snr_keras.reid.search.extraction import embed_pictures
from snr_keras.reid.search.neighbours import DISTANCES
from tests.snr_keras.reid.runs.test_full_disk import largest_file

faiss = pytest.importorskip("faiss", reason='an index needs the extra faiss: pip install "snr-reid[faiss]"')


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("ü two words")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def small_chunks(monkeypatch) -> None:
    monkeypatch.setattr(indexing, "QUERIES", 4)
    monkeypatch.setattr(indexing, "chunk_rows", lambda gallery: 7)


@given(
    seed=st.integers(0, 2**32 - 1),
    number=st.integers(1, 9),
    size=st.integers(1, 120),
    top=st.integers(1, 130),
    cells_searched=st.sampled_from([1, 2, 64]),
    distance=st.sampled_from(DISTANCES),
)
def test_what_is_found_is_what_the_exact_search_finds(
    folder: Path, seed: int, number: int, size: int, top: int, cells_searched: int, distance: str
) -> None:
    rng = np.random.default_rng(seed)
    queries, gallery = (rng.normal(size=(n, 4)).astype(np.float32) for n in (number, size))
    gallery[rng.random(size) < 0.1] = gallery[0]  # the same picture twice
    queries[0] = gallery[0]  # before any is 0: of a query without a direction all products are 0
    gallery[rng.random(size) < 0.1] = 0
    path = folder / "gallery.faiss"
    path.unlink(missing_ok=True)
    index = open_index(path, gallery, distance=distance)
    index.nprobe = cells_searched
    found, far = nearest_by_index(index, queries, gallery, top=top, distance=distance)
    exact, exact_far = nearest(queries, gallery, top=size, distance=distance)
    for query in range(number):
        # Whichever cells were searched, distances are those of the exact search to the last digit, in its order.
        place = {index: rank for rank, index in enumerate(exact[query].tolist())}
        ranks = [place[index] for index in found[query].tolist()]
        assert len(ranks) == min(top, size)
        assert ranks == sorted(set(ranks))
        np.testing.assert_array_equal(far[query], exact_far[query, ranks])
    if cells_searched == 64:  # all of them: a tie at the last place may be decided otherwise
        np.testing.assert_array_equal(far, exact_far[:, :top])


def people(number: int, pictures: int, rng: np.random.Generator) -> np.ndarray:
    """Vectors of 32 numbers as a ReID model makes them: those of one person are near each other."""
    who = np.repeat(rng.normal(size=(number, 32)), pictures, axis=0)
    return (who + 0.3 * rng.normal(size=who.shape)).astype(np.float32)


def test_of_a_larger_gallery_a_part_is_searched_and_nearly_all_found(folder: Path, rng: np.random.Generator) -> None:
    gallery = people(2000, 5, rng)  # 100 cells
    index = open_index(folder / "people.faiss", gallery)
    assert (index.nlist, index.nprobe) == (100, 64)
    index.nprobe = 6  # the part of it that 64 cells are of a million
    queries = gallery[::50]
    found, _ = nearest_by_index(index, queries, gallery, top=5)
    exact, _ = nearest(queries, gallery, top=5)
    recall = np.mean([len(set(one) & set(other)) / 5 for one, other in zip(found, exact, strict=True)])
    assert 0.9 < recall < 1
    assert found[:, 0].tolist() == list(range(0, len(gallery), 50))


def test_it_is_built_once_in_chunks_and_never_half(folder: Path, small_chunks, rng: np.random.Generator) -> None:
    gallery, path, seen = rng.normal(size=(20, 4)).astype(np.float32), folder / "once.faiss", []
    index = open_index(path, gallery, progress=lambda *now: seen.append(now))
    assert seen == [(1, 3), (2, 3), (3, 3)] * 2
    before = path.read_bytes()
    nearest_by_index(index, gallery, gallery, top=2, progress=lambda *now: seen.append(now))
    assert seen[6:] == [(n, 5) for n in range(1, 6)]
    open_index(path, gallery, progress=lambda *now: pytest.fail("it is there"))
    assert path.read_bytes() == before

    gallery[19] = np.nan
    with pytest.raises(ValueError, match="infinity in the gallery, from row 14 on"):
        open_index(folder / "half.faiss", gallery)
    assert not list(folder.glob("*half*"))


def test_an_index_of_something_else_is_refused(folder: Path, rng: np.random.Generator) -> None:
    gallery, path = rng.normal(size=(40, 4)).astype(np.float32), folder / "mine.faiss"
    index = open_index(path, gallery)
    with pytest.raises(ValueError, match=r"expected 39 vectors of 4 numbers.*Received: 40 of 4 for cosine"):
        open_index(path, gallery[1:])
    with pytest.raises(ValueError, match=r"for the euclidean distance.*Received: 40 of 4 for cosine.*delete this one"):
        open_index(path, gallery, distance="euclidean")
    with pytest.raises(ValueError, match=r"index belongs to other features.*delete this one"):
        nearest_by_index(index, gallery, gallery[::-1], top=1)
    with pytest.raises(FileNotFoundError, match="no folder to write"):
        open_index(folder / "none" / "x.faiss", gallery)


def test_a_damaged_or_foreign_file_is_never_shown_to_faiss(folder: Path, rng: np.random.Generator, monkeypatch) -> None:
    gallery, path, damaged = (
        rng.normal(size=(40, 4)).astype(np.float32),
        folder / "whole.faiss",
        folder / "damaged.faiss",
    )
    open_index(path, gallery)
    whole = path.read_bytes()
    faiss.write_index(faiss.IndexFlatIP(4), str(folder / "flat.faiss"))
    with monkeypatch.context() as patch:
        patch.setattr(faiss, "read_index", lambda *_: pytest.fail("FAISS reads an unchecked file"))
        contents = [b"", b"no index", whole[:60], whole[:-100], whole + b"more", (folder / "flat.faiss").read_bytes()]
        for _ in range(60):
            contents.append(flipped := bytearray(whole))
            flipped[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        for content in contents:
            damaged.write_bytes(content)
            with pytest.raises(ValueError, match=r"Expected an index written by `search`.*damaged\.faiss.*Delete"):
                open_index(damaged, gallery)
    flat = contents[5]
    damaged.write_bytes(flat + f"\nsnr index, sha256 of the bytes before: {hashlib.sha256(flat).hexdigest()}".encode())
    with pytest.raises(ValueError, match="Expected an IndexIVFFlat"):
        open_index(damaged, gallery)
    assert faiss.read_index(str(path)).ntotal == 40  # any program of FAISS reads it


def test_without_room_the_file_is_named_nothing_is_left_and_the_next_try_works(tmp_path: Path) -> None:
    gallery, path = np.eye(64, dtype=np.float32), tmp_path / "x.faiss"
    with pytest.raises(OSError, match=r"x\.faiss could not be written: File too large"), largest_file(9999):
        open_index(path, gallery)
    assert not [*tmp_path.iterdir()]
    assert open_index(path, gallery).ntotal == 64


def test_a_search_by_an_index_says_so(flattener, identity, photos: Path) -> None:
    features = embed_pictures(flattener, identity, photos, out="features.h5")
    exact = search("features.h5", features, top=3, exclude_itself=True)
    for _ in ("written", "read"):
        found = search("features.h5", features, top=3, exclude_itself=True, index="features.faiss")
        assert found.matches == exact.matches
        assert found.to_json()["index"] == str(Path("features.faiss").absolute())
    assert exact.to_json()["index"] is None


def test_without_faiss_the_error_says_what_to_install(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "snr-reid\[faiss\]"'):
        open_index(tmp_path / "x.faiss", np.eye(4))


@pytest.mark.parametrize("target", ["people.faiss", "nowhere.faiss"])
def test_a_link_that_leads_nowhere_is_refused_and_left(tmp_path, target):
    path = tmp_path / "people.faiss"
    path.symlink_to(target)
    with pytest.raises(OSError, match=r"people\.faiss"):
        open_index(path, np.eye(4, dtype=np.float32))
    assert path.is_symlink()
