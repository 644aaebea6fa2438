"""`snr visualize`, on folders as users have them."""

import json
import shutil
import sys
from html import escape
from pathlib import Path

import pytest

from tests.snr_keras.cli.test_train_and_evaluate import without_cameras

QUICK = ("--worst", 1, "--images", 1, "--sample", 4)


@pytest.fixture(scope="module")
def oddly_named(world: Path, tmp_path_factory) -> Path:
    return shutil.copytree(world / "night", tmp_path_factory.mktemp("odd") / "Büro <b> & $x$")


def test_pictures_of_the_pretrained_model_and_figures_as_evaluate_gives_them(
    snr, oddly_named: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = snr("visualize", "pretrained", "--target", oddly_named, "--out", "ö <out>", *QUICK)
    assert outcome.status == 0, outcome.output
    assert "Rank-1" in outcome.output
    folder = tmp_path / "ö <out>"
    assert "ö <out>/report.html" in outcome.output
    assert len(list(folder.glob("1_pretrained_maps_stage?.png"))) == 4
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert escape(oddly_named.name) in page
    assert "<b>" not in page
    assert snr("evaluate", "pretrained", "--target", oddly_named, "--out", tmp_path / "evaluation").status == 0
    evaluated = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert json.loads((folder / "results.json").read_text()) == {"pretrained": evaluated}

    again = snr("visualize", "pretrained", "--target", oddly_named, "--out", "ö <out>", *QUICK)
    assert again.status == 1
    assert "new or empty" in again.output


@pytest.mark.slow
def test_a_domain_without_cameras(snr, world: Path, tmp_path: Path) -> None:
    folder = without_cameras(world / "day", tmp_path / "no cameras")
    outcome = snr("visualize", "pretrained", "--target", folder, "--out", tmp_path / "out", *QUICK)
    assert outcome.status == 0, outcome.output
    assert "protocol no_camera" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pretrained",), "--target DATASET"),
        (("no_such_run", "--target", "day"), "no_such_run"),
        (("pretrained", "--target", "nowhere"), "nowhere"),
        (("pretrained", "pretrained", "--target", "day"), "Name each run once. Received again: pretrained"),
    ],
)
def test_a_mistake_ends_in_one_message_and_nothing_is_drawn(
    snr, tmp_path: Path, monkeypatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = snr("visualize", *arguments)
    assert outcome.status == 1
    assert message in outcome.output
    assert not any(tmp_path.iterdir())


def test_without_scikit_learn_the_error_says_what_to_install(snr, world: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    outcome = snr("visualize", "pretrained", "--target", world / "day", "--out", tmp_path / "out")
    assert outcome.status == 1
    assert 'pip install "snr-reid[visualize]"' in outcome.output
    assert not (tmp_path / "out").exists()
