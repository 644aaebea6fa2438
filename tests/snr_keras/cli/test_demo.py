"""`snr demo`, in miniature: everything it promises, on few people for one epoch."""

import json
import os
from pathlib import Path

import pytest

from snr_keras.files.lock import locked_folder

ARGUMENTS = ("--train-identities", 16, "--test-identities", 2, "--epochs", 1)


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out"


def test_it_trains_every_variant_and_tests_it_in_every_domain(snr, out: Path) -> None:
    outcome = snr("demo", "--out", out, "--variant", "none", "--variant", "snr", *ARGUMENTS)
    assert outcome.status == 0, outcome.output
    for label in ("day (source)", "dusk", "night", "fog", "mean of unseen"):
        assert label in outcome.output
    figures = json.loads((out / "results.json").read_text())["figures"]
    assert set(figures) == {"none", "snr"}
    assert set(figures["snr"][0]) == {"day", "dusk", "night", "fog"}
    for name in ("results.txt", "loss_curves.png", "contact_sheet.png", "ranked_gallery_snr_night.png"):
        assert (out / name).stat().st_size > 100, name
    assert (out / "runs" / "snr-seed0" / "config.json").exists()


def test_it_goes_on_where_it_stopped(snr, out: Path) -> None:
    before = (out / "results.json").read_text()
    outcome = snr("demo", "--out", out, "--variant", "none", "--variant", "snr", *ARGUMENTS, "--resume")
    assert outcome.status == 0
    assert outcome.output.count("is done already") == 2
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


@pytest.mark.parametrize(("option", "value"), [("--source", "noon"), ("--variant", "batch")])
def test_unknown_names_are_refused_with_the_known_ones(snr, tmp_path: Path, option: str, value: str) -> None:
    outcome = snr("demo", "--out", tmp_path / "x", option, value)
    assert outcome.status == 1
    assert value in outcome.output
    assert ("dusk" if option == "--source" else "snr-no-loss") in outcome.output
