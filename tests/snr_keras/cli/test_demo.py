"""`snr demo`, in miniature: everything it promises, on few people for one epoch."""

import json
import os
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from snr_keras.cli import demonstration
from snr_keras.cli.app import app
from snr_keras.reid.runs.lock import locked_folder
from tests.snr_keras.cli.conftest import moves_of

pytestmark = pytest.mark.slow

ARGUMENTS = ("--train-identities", 16, "--test-identities", 2, "--epochs", 1)
VARIANTS = ("--variant", "none", "--variant", "snr")


class Demo(NamedTuple):
    """What a demo left behind."""

    output: str
    figures: dict
    titles: list[str]
    trainings: list[tuple[float, int]]


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out"


@pytest.fixture(scope="module", autouse=True)
def demo(out: Path) -> Demo:
    titles: list[str] = []
    draw = Figure.suptitle
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "suptitle", lambda figure, title, **at: titles.append(title) or draw(figure, title, **at))
        patch.setenv("COLUMNS", "200")
        shown = moves_of(patch, "trainings")
        done = CliRunner().invoke(app, list(map(str, ("demo", "--out", out, *VARIANTS, *ARGUMENTS))))
    assert done.exit_code == 0, done.output
    return Demo(done.output, json.loads((out / "results.json").read_text())["figures"], titles, shown)


def test_it_trains_every_variant_and_tests_it_in_every_domain(demo: Demo, out: Path) -> None:
    for label in ("day (source)", "dusk", "night", "fog", "mean of unseen"):
        assert label in demo.output
    assert set(demo.figures) == {"none", "snr"}
    assert set(demo.figures["snr"][0]) == {"day", "dusk", "night", "fog"}
    for name in ("results.txt", "loss_curves.png", "contact_sheet.png", "ranked_gallery_snr_night.png"):
        assert (out / name).stat().st_size > 100, name
    assert (out / "runs" / "snr-seed0" / "config.json").exists()


def test_its_bar_counts_trainings(demo: Demo) -> None:
    assert demo.trainings[0] == (0, 2)
    assert demo.trainings[-1] == (2, 2)
    assert demo.trainings == sorted(demo.trainings)
    assert len(demo.trainings) > 4  # and it moves within each


def test_a_picture_that_is_sent_on_its_own_says_whose_it_is_and_what_the_model_comes_to(demo: Demo) -> None:
    night = demo.figures["snr"][0]["night"]
    reached = f"mAP {100 * night['mAP']:.1f} %, Rank-1 {100 * night['rank1']:.1f} %"
    assert f"snr, seed 0, trained on day, tested on night: {reached}\nright in green, wrong in red" in demo.titles
    *galleries, loss_curves = demo.titles
    assert len(galleries) == 2 * 4

    def unseen(name: str, figure: str) -> str:
        return f"{100 * mean(demo.figures[name][0][domain][figure] for domain in ('dusk', 'night', 'fog')):.1f}"

    none, snr = (f"{unseen(name, 'mAP')} / {unseen(name, 'rank1')}" for name in demo.figures)
    told = "mAP / Rank-1 in per cent, mean of unseen domains"
    assert loss_curves == f"trained on day, seed 0, 1 epoch\n{told}: none {none}, snr {snr}"


def test_it_goes_on_where_it_stopped(snr, out: Path) -> None:
    before = (out / "results.json").read_text()
    outcome = snr("demo", "--out", out, *VARIANTS, *ARGUMENTS, "--resume")
    assert outcome.status == 0
    assert outcome.output.count("is already done") == 2
    assert (out / "results.json").read_text() == before


def test_it_overwrites_nothing_unasked(snr, out: Path) -> None:
    outcome = snr("demo", "--out", out, *ARGUMENTS)
    assert outcome.status == 1
    assert "--resume" in outcome.output


def test_two_do_not_write_to_one_folder(snr, out: Path) -> None:
    with locked_folder(out):
        outcome = snr("demo", "--out", out, *ARGUMENTS, "--resume")
    assert outcome.status == 1
    assert f"{out} is being written to by process {os.getpid()}" in outcome.output


def test_it_does_not_mix_two_demos(snr, out: Path) -> None:
    outcome = snr("demo", "--out", out, *ARGUMENTS[:-1], 2, "--resume")
    assert outcome.status == 1
    assert "epochs=1, now 2" in outcome.output


def test_it_does_not_mix_models_that_two_versions_trained_differently(snr, out: Path, monkeypatch) -> None:
    monkeypatch.setitem(demonstration.VARIANTS, "none", {"normalization": "none", "label_smoothing": 0.2})
    outcome = snr("demo", "--out", out, *VARIANTS, *ARGUMENTS, "--resume")
    assert outcome.status == 1
    assert "label_smoothing was 0.1, now 0.2" in outcome.output


@pytest.mark.parametrize(("option", "value"), [("--source", "noon"), ("--variant", "batch")])
def test_unknown_names_are_refused_with_the_known_ones(snr, tmp_path: Path, option: str, value: str) -> None:
    outcome = snr("demo", "--out", tmp_path / "x", option, value)
    assert outcome.status == 1
    assert value in outcome.output
    assert ("dusk" if option == "--source" else "snr-no-loss") in outcome.output
