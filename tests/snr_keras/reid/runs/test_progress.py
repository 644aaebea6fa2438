"""The progress bar: a line for every epoch anywhere, a bar in terminals only."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from snr_keras.reid.runs import RichProgress, StepEvent

TERMS = {"cross_entropy": 3.2, "triplet": 0.5, "snr1_plus": 1.25, "snr1_minus": 1.5, "total": 4.0, "accuracy": 0.31}


def event(step: int) -> StepEvent:
    losses = {name: value for name, value in TERMS.items() if name != "accuracy"}
    record = {"losses": losses, "accuracy": 0.31, "images_per_second": 612.4} if step % 5 == 0 else None
    return StepEvent(
        epoch=1 + (step - 1) // 5,
        epochs=2,
        step=step,
        steps=10,
        terms=TERMS,
        images_per_second=None if step == 1 else 600.0,
        seconds_left=None if step == 1 else 3725.0,
        epoch_record=record,
    )


def shown(*, terminal: bool) -> str:
    output = io.StringIO()
    with RichProgress(Console(file=output, force_terminal=terminal, width=200)) as progress:
        for step in range(1, 8):
            progress(event(step))
    return output.getvalue()


def test_where_there_is_no_terminal_an_epoch_is_a_line_and_nothing_else_is_written():
    assert shown(terminal=False) == (
        "epoch 1/2  loss 4.000  ce 3.200  triplet 0.500  snr 2.750  accuracy 31%  612 images/s\n"
    )


def test_memory_and_held_out_figures_are_shown_where_there_are_any():
    output = io.StringIO()
    at_the_end = event(5)
    figures = {**at_the_end.epoch_record, "gpu_memory": 3 * 2**30, "held_out_mAP": 0.4567}
    with RichProgress(Console(file=output, width=200)) as progress:
        progress(replace(at_the_end, epoch_record=figures))
    assert output.getvalue().endswith("612 images/s  3.0 GB of GPU memory  held-out mAP 45.7\n")


@pytest.mark.parametrize("part", ["epoch 2/2", "loss 4.000", "600 images/s", "1:02:05 left"])
def test_a_terminal_shows_terms_speed_and_time_left(part):
    assert part in shown(terminal=True)
