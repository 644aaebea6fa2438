"""The progress bar: a line for every epoch anywhere, a bar in terminals only."""

from dataclasses import replace

from snr_keras.reid.runs import RichProgress, StepEvent
from tests import terminal

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


def test_an_epoch_is_a_line_and_where_there_is_no_terminal_nothing_else_is_written(capsys):
    lines: list[str] = []
    with RichProgress(lines.append) as progress:
        for step in range(1, 8):
            progress(event(step))
    assert lines == ["epoch 1/2  loss 4.000  ce 3.200  triplet 0.500  snr 2.750  accuracy 31%  612 images/s"]
    assert capsys.readouterr() == ("", "")


def test_without_anybody_to_tell_the_line_goes_to_standard_error(capsys):
    with RichProgress() as progress:
        progress(event(5))
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err[:9]) == ("", 1, "epoch 1/2")


def test_memory_and_held_out_figures_are_shown_where_there_are_any():
    lines: list[str] = []
    at_the_end = event(5)
    figures = {**at_the_end.epoch_record, "gpu_memory": 3 * 2**30, "held_out_mAP": 0.4567}
    with RichProgress(lines.append) as progress:
        progress(replace(at_the_end, epoch_record=figures))
    assert lines[0].endswith("612 images/s  3.0 GB of GPU memory  held-out mAP 45.7")


def test_a_terminal_shows_time_left_speed_and_terms(monkeypatch):
    monkeypatch.setattr("snr_keras.reid.bars.PAUSE", 0)
    with terminal.standard_error(monkeypatch) as written, RichProgress(lambda line: None) as progress:
        for step in range(1, 8):
            progress(event(step))
    assert "epoch 1/2" in written[0]
    assert "epoch 2/2" in written[0]
    assert "1:02:05 left  600 images/s  loss 4.000" in written[0]
    assert terminal.screen(written[0]) == []


def test_one_of_several_runs_says_how_far_it_is():
    fractions: list[float] = []
    with RichProgress(lambda line: None, within=fractions.append) as progress:
        for step in (1, 5, 10):
            progress(event(step))
    assert fractions == [0.1, 0.5, 1.0]
