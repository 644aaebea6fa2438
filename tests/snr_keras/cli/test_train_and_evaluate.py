"""`snr train` and `snr evaluate`, on folders as users have them."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from snr_keras.cli.tables import results_table
from snr_keras.reid.targets import TargetResult

pytestmark = pytest.mark.slow

TINY = ("--epochs", 1, "--warmup-epochs", 0, "--identities-per-batch", 2, "--images-per-identity", 2)
TINY = (*TINY, "--image-size", "32x16")


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory) -> Path:
    """A run folder of `snr train`, with both domains as targets."""
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


def test_two_targets_of_one_name_are_told_apart_everywhere(snr, world: Path, tmp_path: Path) -> None:
    folders = [tmp_path / site / "crops" for site in ("site1", "site2")]
    for folder, domain in zip(folders, ("day", "night"), strict=True):
        folder.parent.mkdir()
        folder.symlink_to(world / domain)
    targets = [part for folder in folders for part in ("--target", folder)]
    outcome = snr("evaluate", "pretrained", *targets, "--out", tmp_path / "out", "--verify")
    assert outcome.status == 0, outcome.output
    assert f"{folders[1]} is called crops (2) here." in outcome.output
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [result["target"] for result in results] == ["crops", "crops (2)"]
    verified = json.loads((tmp_path / "out" / "verification.json").read_text())
    assert list(verified) == ["crops", "crops (2)"]
    assert verified["crops"] != verified["crops (2)"]


def test_verification_is_asked_for_and_gives_thresholds_and_a_picture(snr, trained: Path, world: Path, tmp_path: Path):
    out = tmp_path / "out"
    outcome = snr("evaluate", trained, "--target", world / "night", "--out", out, "--verify", "--distance", "re_ranked")
    assert "FPR 0.01" in outcome.output
    found = json.loads((out / "verification.json").read_text())["night"]
    assert sum(found["same_counts"]) > 0
    assert found["thresholds"] == sorted(found["thresholds"])
    assert (out / "verification_1_night.png").stat().st_size > 10_000
    (result,) = json.loads((out / "results.json").read_text())
    assert result["distance"] == "re_ranked"


def test_a_run_is_not_overwritten_unasked(snr, trained: Path, world: Path) -> None:
    before = (trained / "metrics.jsonl").read_bytes()
    outcome = snr("train", "--source", world / "day", "--out", trained, *TINY)
    assert outcome.status == 1
    assert "--resume" in outcome.output
    assert (trained / "metrics.jsonl").read_bytes() == before


def test_an_unknown_strategy_is_refused_before_anything_is_read(snr, tmp_path: Path) -> None:
    outcome = snr("train", "--source", tmp_path / "nowhere", "--out", tmp_path / "run", "--strategy", "horovod")
    assert outcome.status == 1
    assert "The strategy must be one of ('mirrored', 'multi_worker'). Received: 'horovod'" in " ".join(
        outcome.output.split()
    )
    assert not (tmp_path / "run").exists()


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


def test_a_batch_of_more_people_than_there_are_says_which_option_to_set_to_what(
    snr, world: Path, tmp_path: Path
) -> None:
    outcome = snr("train", "--source", world / "day", "--out", tmp_path / "run")
    assert outcome.status == 1
    assert "`identities_per_batch` is --identities-per-batch" in outcome.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--distance", "manhattan"), "distance='manhattan'"),
        (("--protocol", "cuhk03"), "protocol='cuhk03'"),
        ((), "--protocol no_camera"),
    ],
)
def test_what_would_make_testing_fail_is_found_before_training(
    snr, world: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    target = with_one_camera(world / "night", tmp_path / "one_camera")
    run = tmp_path / "run"
    outcome = snr("train", "--source", world / "day", "--target", target, "--out", run, *TINY, *options)
    assert outcome.status == 1
    assert message in outcome.output
    assert not run.exists()


def test_the_table_of_results_fits_eighty_columns() -> None:
    night = TargetResult("night", 0.5, 0.25, (0.5,) * 10, 3368, 3367, 19732, "market1501", "cosine")
    long = "people of a square [red] in the north of a city, without cameras"
    results = [night, replace(night, target=long, protocol="no_camera")]
    console = Console(width=80, file=StringIO())
    console.print(results_table(results, title="runs/[x]"))
    shown = console.file.getvalue()
    assert "…" not in shown
    for heading in ("mAP", "Rank-1", "Rank-5", "Rank-10", "mINP", "queries", "gallery", "runs/[x]"):
        assert heading in shown
    assert "[red]" in "".join(line[:18].strip() for line in shown.splitlines())
    assert "night: cosine distance, protocol market1501;" in " ".join(shown.split())


def test_an_interrupted_run_says_how_to_go_on_and_does(world: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "snr_keras.cli", "train", "--source", world / "day", "--out", tmp_path / "run"]
    command = [*map(str, [*command, *TINY]), "--epochs", "200"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("epoch 1/"):
            running.send_signal(signal.SIGINT)
            break
    _, told = running.communicate(timeout=600)
    assert running.returncode == 130
    assert "Stopped by SIGINT after step" in told
    assert "--resume" in told
    assert "Traceback" not in told
    assert list((tmp_path / "run" / "checkpoints").glob("step-*.keras"))


def test_errors_go_to_standard_error_and_results_to_standard_output(world: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "snr_keras.cli", "data", "info"]
    good = subprocess.run([*command, world / "day"], capture_output=True, text=True, timeout=600)
    assert "bounding_box_train: 16 images" in good.stdout
    bad = subprocess.run([*command, tmp_path / "nowhere"], capture_output=True, text=True, timeout=600)
    assert bad.returncode == 1
    assert bad.stdout == ""
    assert "error: A data set must be an existing folder or one of" in bad.stderr


def test_a_file_in_the_place_of_the_run_folder_is_refused_and_left_alone(snr, world: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    outcome = snr("train", "--source", world / "day", "--out", tmp_path / "notes", *TINY)
    assert outcome.status == 1
    assert "Received a file" in outcome.output
    assert (tmp_path / "notes").read_text() == "mine"


def test_targets_are_watched_and_people_are_held_out_on_request(snr, world: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "site" / "night"
    other.parent.mkdir()
    other.symlink_to(world / "day")
    outcome = snr(
        *("train", "--source", world / "day", "--target", world / "night", "--out", run, *TINY, "--epochs", 2),
        *("--target", other),
        *("--normalization", "none", "--held-out", 0.5, "--watch"),
    )
    assert outcome.status == 0, outcome.output
    seen = [json.loads(line) for line in (run / "watch.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in seen] == [1, 2]
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line, record in zip(seen, records, strict=True):
        watched, held_out = 100 * line["mAP"]["night"], 100 * record["held_out_mAP"]
        assert f"watched, not used: mAP after epoch {line['epoch']}: night {watched:.1f}" in outcome.output
        assert f"held-out mAP {held_out:.1f}" in outcome.output
    best = json.loads((run / "summary.json").read_text())["best_epoch"]
    reported, of_other = json.loads((run / "evaluation" / "results.json").read_text())
    assert of_other["mAP"] == pytest.approx(seen[best - 1]["mAP"]["night (2)"], abs=1e-12)
    assert reported["mAP"] == pytest.approx(seen[best - 1]["mAP"]["night"], abs=1e-12)
    assert snr("evaluate", run, "--target", world / "night", "--out", tmp_path / "again").status == 0
    assert json.loads((tmp_path / "again" / "results.json").read_text()) == [reported]


def test_there_must_be_something_to_watch(snr, world: Path, tmp_path: Path) -> None:
    outcome = snr("train", "--source", world / "day", "--out", tmp_path / "run", *TINY, "--watch")
    assert outcome.status == 1
    assert "--watch tests on targets: name one" in outcome.output
    assert not (tmp_path / "run").exists()
