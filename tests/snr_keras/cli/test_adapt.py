"""`snr adapt`, on folders as users have them."""

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from snr_keras.cli.app import app
from snr_keras.files.sealed import write_sealed
from snr_keras.reid.runs.run_folder import read_record
from tests.snr_keras.cli.conftest import moves_of

pytestmark = pytest.mark.slow

TINY = ("--epochs", 1, "--warmup-epochs", 0, "--identities-per-batch", 2, "--images-per-identity", 2)
TINY = (*TINY, "--image-size", "32x16", "--normalization", "none")
SMALL = {"epochs": 1, "identities_per_batch": 2, "images_per_identity": 2, "target_batch_size": 8}
CHANGES = [part for name, value in SMALL.items() for part in ("--set", f"adaptation.{name}={value}")]


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory) -> Path:
    """A run folder of `snr train` on day."""
    run = tmp_path_factory.mktemp("runs") / "day"
    done = CliRunner().invoke(app, list(map(str, ("train", "--source", world / "day", "--out", run, *TINY))))
    assert done.exit_code == 0, done.output
    return run


@pytest.fixture
def night(world: Path, tmp_path: Path) -> Path:
    """Night as a list that says of nobody in training who it is."""
    lines = ["path,identity,camera,split"]
    for split, folder in (("train", "bounding_box_train"), ("query", "query"), ("gallery", "bounding_box_test")):
        for image in sorted((world / "night" / folder).glob("*.jpg")):
            identity = "" if split == "train" else int(image.name[:4])
            lines.append(f"{image},{identity},{image.name[6]},{split}")
    path = tmp_path / "night.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_model_is_adapted_to_nobody_s_labels_tested_before_and_after_and_goes_on(
    snr, trained, world, night, tmp_path, monkeypatch
):
    out = tmp_path / "run"
    command = ("adapt", trained, "--source", world / "day", "--target", night, "--out", out, *CHANGES)
    watched = snr(*command, "--watch-pairs")
    assert watched.status == 1
    assert "every training image of the target must have one" in watched.output
    moves = moves_of(monkeypatch, "embedding night")
    outcome = snr(*command)
    assert outcome.status == 0, outcome.output
    assert (16, 16) in moves  # the images to adapt to; those to test on are 12
    assert "day -> night" in outcome.output
    assert all(row in outcome.output for row in (" direct ", " adapted "))
    for name in ("adaptation.png", "loss_curves.png", "checkpoints"):
        assert (out / name).exists(), name
    for folder in ("direct_transfer", "evaluation"):
        (result,) = json.loads((out / folder / "results.json").read_text())
        assert result["target"] == "night"
        assert (out / folder / "ranked_gallery_1_night.png").exists()
    metrics = (out / "metrics.jsonl").read_text()
    assert {"threshold", "multilabel_entropy", "positives"} < json.loads(metrics).keys()
    assert json.loads((out / "config.json").read_text())["adaptation"]["target_batch_size"] == 8
    refused = snr(*command)
    assert refused.status == 1
    assert "--resume" in refused.output
    resumed = snr(*command, "--resume")
    assert resumed.status == 0, resumed.output
    assert (out / "metrics.jsonl").read_text() == metrics
    assert json.loads((out / "evaluation" / "results.json").read_text()) == [result]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no_run", "--target", "night"), "Expected a run folder"),
        (("RUN",), "Name what to adapt to: --target DATASET.* Received: neither"),
        (("RUN", "--target", "WORLD/night", "--out", "RUN"), "needs a folder of its own: name it with --out"),
        (("RUN", "--target", "WORLD/night", "--source", "WORLD/night"), "nothing to adapt to: source and target"),
        (("RUN", "--target", "WORLD/night", "--source", "fewer", *CHANGES), "must be the training data of the run"),
        (("RUN", "--target", "no_cameras", "--source", "WORLD/day", *CHANGES), "must have camera labels"),
        (
            ("RUN", "--target", "WORLD/night", "--set", "adaptation.epochs=0"),
            "`epochs` must be an integer of at least 1",
        ),
        (("RUN", "--target", "WORLD/night", "--source", "WORLD/day"), "`target_batch_size` to 16 or fewer"),
    ],
)
def test_a_mistake_says_what_to_do(snr, trained, world, tmp_path, arguments, message):
    folder = tmp_path / "no_cameras" / "bounding_box_train"
    folder.mkdir(parents=True)
    for number, image in enumerate(sorted((world / "night" / "bounding_box_train").glob("*.jpg"))):
        shutil.copy(image, folder / f"{number}.jpg")
    fewer = shutil.copytree(world / "day" / "bounding_box_train", tmp_path / "fewer" / "bounding_box_train")
    next(fewer.iterdir()).unlink()
    places = {"RUN": str(trained), "no_cameras": str(folder.parent), "fewer": str(fewer.parent)}
    arguments = [places.get(str(a), str(a)).replace("WORLD", str(world)) for a in arguments]
    out = () if "--out" in arguments else ("--out", tmp_path / "out")
    outcome = snr("adapt", *arguments, *out)
    assert outcome.status == 1
    assert re.search(message, outcome.output), outcome.output
    assert ("No test on" in outcome.output) == ("no_cameras" in str(arguments))
    assert not (tmp_path / "out").exists()


def test_what_was_trained_on_is_found_by_its_name_or_asked_for(snr, trained, world, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    record = read_record(run)
    record["source"]["name"] = "my_people"
    write_sealed(run / "config.json", record)
    outcome = snr("adapt", run, "--target", world / "night", "--out", tmp_path / "out")
    assert outcome.status == 1
    assert "Name the training images of" in outcome.output
    assert "'my_people'" in outcome.output
