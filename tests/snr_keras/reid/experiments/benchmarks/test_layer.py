"""The benchmark measures what it says; how fast the layer is depends on the machine and is no test."""

from __future__ import annotations

import keras
import pytest

from snr_keras.reid.experiments.benchmarks import LayerTiming, benchmark_layer


def test_a_row_per_shape_with_times_and_their_ratios() -> None:
    seen: list[LayerTiming] = []
    rows = benchmark_layer([(2, 4, 3, 8), (2, 2, 2, 16)], repeats=1, memory=False, progress=seen.append)
    assert rows == seen
    assert [row.shape for row in rows] == [(2, 4, 3, 8), (2, 2, 2, 16)]
    for row in rows:
        assert min(row.snr, row.literal, row.group_norm, row.floor) > 0
        assert row.of_literal == row.snr / row.literal
        assert row.of_group_norm == row.snr / row.group_norm
        assert row.of_floor == row.snr / row.floor


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends allocate in their own way")
def test_a_step_needs_memory_for_little_more_than_its_output_and_its_gradient() -> None:
    # A large map: Linux counts a process' memory with an error of some hundred kilobytes for each of its threads.
    (row,) = benchmark_layer([(32, 64, 32, 256)], repeats=1)
    if row.snr_memory is None or row.literal_memory is None or row.group_norm_memory is None:
        pytest.skip("only Linux tells how much memory a step needs")
    assert 1.9 < row.snr_memory < 2.5  # it returns F~+ and the gradient of F; less was not measured
    assert row.snr_memory < row.group_norm_memory
    assert row.snr_memory < row.literal_memory


def test_without_repeats_there_is_nothing_to_report() -> None:
    with pytest.raises(ValueError, match="Received: repeats=0"):
        benchmark_layer(repeats=0)
