"""`snr train` and `snr evaluate`, on folders as users have them."""

import json
import shutil
from pathlib import Path

import pytest

TINY = ("--epochs", 1, "--warmup-epochs", 0, "--identities-per-batch", 2, "--images-per-identity", 2)
TINY = (*TINY, "--image-size", "32x16")


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory) -> Path:
    """A run folder of `snr train`, with both domains as targets."""
    import subprocess
    import sys

    run = tmp_path_factory.mktemp("runs") / "snr"
    command = [sys.executable, "-m", "snr_keras.cli", "train", "--source", world / "day", "--out", run, *TINY]
    command += ["--target", world / "day", "--target", world / "night"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "Rank-1" in done.stdout
    return run


def test_train_leaves_a_whole_run_folder(trained: Path) -> None:
    for name in ("config.json", "metrics.jsonl", "checkpoints", "loss_curves.png", "evaluation/results.json"):
        assert (trained / name).exists(), name
    results = json.loads((trained / "evaluation" / "results.json").read_text())
    assert [result["target"] for result in results] == ["day", "night"]
    assert all(0 < result["mAP"] <= 1 and result["num_valid_queries"] == 6 for result in results)
    pictures = sorted(picture.name for picture in (trained / "evaluation").glob("*.png"))
    assert pictures == ["ranked_gallery_1_day.png", "ranked_gallery_2_night.png"]


def test_evaluate_gives_the_figures_of_train(snr, trained: Path, world: Path, tmp_path: Path) -> None:
    outcome = snr("evaluate", trained, "--target", world / "night", "--out", tmp_path / "again")
    assert outcome.status == 0
    again = json.loads((tmp_path / "again" / "results.json").read_text())
    assert again == json.loads((trained / "evaluation" / "results.json").read_text())[1:]


def test_a_run_is_not_overwritten_unasked(snr, trained: Path, world: Path) -> None:
    before = (trained / "metrics.jsonl").read_bytes()
    outcome = snr("train", "--source", world / "day", "--out", trained, *TINY)
    assert outcome.status == 1
    assert "--resume" in outcome.output
    assert (trained / "metrics.jsonl").read_bytes() == before


def without_cameras(folder: Path, into: Path) -> Path:
    for image in folder.glob("*/*.jpg"):
        identity, _, rest = image.name.split("_", 2)
        camera = image.name.split("_c")[1][0]
        target = into / image.parent.name / f"{identity}_{camera}{rest}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, target)
    return into


def test_a_set_without_cameras_is_tested_under_its_own_protocol(
    snr, trained: Path, world: Path, tmp_path: Path
) -> None:
    folder = without_cameras(world / "night", tmp_path / "no cameras")
    outcome = snr("evaluate", trained, "--target", folder, "--out", tmp_path / "out")
    assert outcome.status == 0
    (result,) = json.loads((tmp_path / "out" / "results.json").read_text())
    assert result["protocol"] == "no_camera"
    assert result["num_valid_queries"] == result["num_queries"]


def with_one_camera(folder: Path, into: Path) -> Path:
    for number, image in enumerate(sorted(folder.glob("*/*.jpg"))):
        target = into / image.parent.name / f"{image.name.split('_')[0]}_c1_{number}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, target)
    return into


def test_when_the_camera_rule_leaves_no_match_the_error_says_so_and_the_remedy_works(
    snr, trained: Path, world: Path, tmp_path: Path
) -> None:
    folder = with_one_camera(world / "night", tmp_path / "one_camera")
    arguments = ("evaluate", trained, "--target", folder, "--out", tmp_path / "out")
    outcome = snr(*arguments)
    assert outcome.status == 1
    assert "one_camera" in outcome.output
    assert "--protocol no_camera" in outcome.output
    assert snr(*arguments, "--protocol", "no_camera").status == 0


def test_when_no_query_is_in_the_gallery_the_error_says_that(snr, trained: Path, world: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(world / "night", tmp_path / "strangers")
    for image in (folder / "query").glob("*.jpg"):
        image.rename(image.with_name(f"9{image.name}"))
    outcome = snr("evaluate", trained, "--target", folder, "--out", tmp_path / "out")
    assert outcome.status == 1
    assert "query identities occurs in the gallery" in outcome.output


def test_queries_without_a_match_are_counted_and_shown(snr, trained: Path, world: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(world / "night", tmp_path / "one stranger")
    stranger = sorted((folder / "query").glob("*.jpg"))[0]
    stranger.rename(stranger.with_name(f"9{stranger.name}"))
    outcome = snr("evaluate", trained, "--target", folder, "--out", tmp_path / "out")
    assert outcome.status == 0
    assert "5/6" in outcome.output
    assert "1 of 6 queries have no valid match" in outcome.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--source", "nowhere"), "nowhere"),
        (("train", "--source", "market1501"), "download it and unpack it"),
        (("train", "--source", "day", "--normalization", "batch"), "normalization='batch'"),
        (("train", "--source", "day", "--snr-weights", "1,2"), "four numbers"),
        (("train", "--source", "day", "--image-size", "big"), "HEIGHTxWIDTH"),
        (("evaluate", "no_such_run", "--target", "day"), "no_such_run"),
    ],
)
def test_a_mistake_ends_in_one_message_without_a_traceback(
    snr, tmp_path: Path, monkeypatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = snr(*arguments)
    assert outcome.status == 1
    assert message in outcome.output
    assert "Traceback" not in outcome.output
