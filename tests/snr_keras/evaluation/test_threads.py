"""Pieces of work on all cores."""

import pytest
from threadpoolctl import threadpool_info

from snr_keras.evaluation.threads import each_done, for_each


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_each_is_done_once_with_the_matrix_library_on_one_core_and_afterwards_on_all_again() -> None:
    before, found = blas_threads(), {}
    assert list(each_done(lambda piece: found.update({piece: blas_threads()}), range(40))) == list(range(40))
    assert found == {piece: [1] * len(before) for piece in range(40)}
    assert blas_threads() == before


def test_an_error_in_a_piece_is_raised_and_all_cores_are_free_again() -> None:
    before = blas_threads()
    with pytest.raises(ZeroDivisionError):
        for_each(lambda piece: 1 / piece, [1, 0, 1])
    assert blas_threads() == before
