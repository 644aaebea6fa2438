"""The search is exact: it finds what a sort of all distances finds, whatever the chunks."""

import weakref
from collections.abc import Iterator

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import snr_ref
from snr_keras.reid.search import nearest, neighbours

REFERENCE = {"cosine": snr_ref.cosine_distance, "euclidean": snr_ref.euclidean_distance}


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    """Chunks of seven rows and blocks of four queries, so that few numbers cross many borders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "QUERIES", 4)
        patch.setattr(neighbours, "CHUNK_BYTES", 8 * 4 * 7)
        yield


@given(
    seed=st.integers(0, 2**32 - 1),
    number=st.integers(1, 9),
    size=st.integers(1, 60),
    top=st.integers(1, 70),
    distance=st.sampled_from(sorted(REFERENCE)),
)
def test_it_finds_what_the_reference_sorts_first(seed: int, number: int, size: int, top: int, distance: str) -> None:
    rng = np.random.default_rng(seed)
    queries, gallery = rng.normal(size=(number, 4)), rng.normal(size=(size, 4))
    indices, distances = nearest(queries, gallery, top=top, distance=distance)
    expected = REFERENCE[distance](queries, gallery)
    order = np.argsort(expected, axis=1, kind="stable")[:, :top]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(distances, np.take_along_axis(expected, order, axis=1), rtol=0, atol=1e-7)


@given(seed=st.integers(0, 2**32 - 1), distance=st.sampled_from(sorted(REFERENCE)))
def test_equal_vectors_are_at_distance_0_and_in_the_order_of_the_gallery(seed: int, distance: str) -> None:
    rng = np.random.default_rng(seed)
    people = rng.normal(size=(3, 4)) * 1e3
    shown = rng.integers(0, 3, 30)
    indices, distances = nearest(people, people[shown], top=10, distance=distance)
    for person in range(3):
        own = np.flatnonzero(shown == person)[:10]
        assert indices[person, : len(own)].tolist() == own.tolist()
        assert (distances[person, : len(own)] == 0).all()


def test_progress_ends_with_every_chunk_of_every_block() -> None:
    seen: list[tuple[int, int]] = []
    nearest(np.eye(4)[[0, 1, 2, 3, 0]], np.eye(4)[[0, 1] * 4], top=1, progress=lambda *now: seen.append(now))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_zero_vector_is_as_the_specification_says() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    indices, distances = nearest(x, x, top=2)
    assert indices.tolist() == [[0, 1], [1, 0]]
    np.testing.assert_array_equal(distances, [[0, 0.5], [0, 0.5]])


class Watched:
    """The rows of a dataset, and how many bytes of them were held at one time."""

    def __init__(self, rows: h5py.Dataset) -> None:
        self.rows, self.shape, self.most = rows, rows.shape, 0
        self._read: list[weakref.ref[np.ndarray]] = []

    def __getitem__(self, where: slice) -> np.ndarray:
        chunk = self.rows[where]
        held = [chunk, *(kept for seen in self._read if (kept := seen()) is not None)]
        self._read = [weakref.ref(kept) for kept in held]
        self.most = max(self.most, sum(kept.nbytes for kept in held))
        return chunk


def test_a_gallery_larger_than_the_memory_at_hand_is_read_in_chunks(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(neighbours, "QUERIES", 512)
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", 2**19)
    with h5py.File(tmp_path / "gallery.h5", "w") as file:
        file["x"] = np.random.default_rng(0).normal(size=(20_000, 64))  # 10 MiB
        gallery = Watched(file["x"])
        indices, distances = nearest(file["x"][12_345:12_346], gallery, top=5, distance="euclidean")
    assert (indices[0, 0], distances[0, 0]) == (12_345, 0)
    assert 0 < gallery.most <= 2**19


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top": 0}, "top=0"),
        ({"distance": "manhattan"}, "distance='manhattan'"),
        ({"queries": np.ones((1, 3))}, r"queries \(1, 3\), gallery \(9, 4\)"),
        ({"queries": np.full((1, 4), np.nan)}, "infinity in queries"),
        ({"gallery": np.vstack([np.ones((8, 4)), np.full((1, 4), np.inf)])}, "infinity in the gallery, from row 7"),
    ],
)
def test_what_cannot_be_searched_is_refused(arguments: dict, message: str) -> None:
    given_arguments = {"queries": np.ones((1, 4)), "gallery": np.ones((9, 4)), "top": 1} | arguments
    with pytest.raises(ValueError, match=message):
        nearest(given_arguments.pop("queries"), given_arguments.pop("gallery"), **given_arguments)
