"""`snr ablate` on a world of few people: two variants, two seeds, stopped and gone on with."""

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from snr_keras.cli.app import app
from snr_keras.models import embedder
from snr_keras.reid.data.catalogue import open_trials
from snr_keras.reid.experiments.ablation import VARIANTS, Variant, run
from snr_keras.reid.runs import RichProgress, load_run
from snr_keras.reid.runs.lock import locked_folder
from snr_keras.reid.targets import embed_trials, score_trials
from tests.snr_keras.cli.conftest import moves_of

RECIPE = """\
[training]
image_size = [32, 16]
epochs = 2
identities_per_batch = 4
images_per_identity = 2
warmup_epochs = 0
"""


class Ablation(NamedTuple):
    """An ablation that was stopped in the first epoch of its second training, and went on."""

    out: Path
    stopped: Result
    epochs: list[int]
    trainings: list[tuple[float, int]]
    evaluated: list[str]
    """When it was stopped."""
    resumed: Result


@pytest.fixture(scope="module")
def options(world: Path, tmp_path_factory) -> Iterator[tuple[object, ...]]:
    """A tiny recipe; the module after one stage only, since each takes seconds to compile."""
    recipe = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    recipe.write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "snr", Variant("SNR, in miniature.", {"normalization": "snr", "stages": (4,)}))
        yield ("--recipe", recipe, "--source", world / "day", "--target", world / "night")


@pytest.fixture(scope="module")
def ablation(options, tmp_path_factory) -> Ablation:
    out = tmp_path_factory.mktemp("ablation") / "out"
    command = [str(word) for word in ("ablate", "none", "snr", *options, "--seeds", 1, "--out", out)]
    epochs: list[int] = []

    class Stops(RichProgress):
        def __call__(self, report) -> None:
            super().__call__(report)
            epochs.extend([report.epoch] if report.epoch_record else [])
            if len(epochs) == 3:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("snr_keras.reid.experiments.ablation.run.RichProgress", Stops)
        trainings = moves_of(patch, "trainings")
        stopped = CliRunner(env={"COLUMNS": "200"}).invoke(app, command)
    evaluated = [path.parents[1].name for path in out.glob("runs/*/evaluation/results.json")]
    resumed = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*command, "--resume"])
    return Ablation(out, stopped, epochs, trainings, evaluated, resumed)


@pytest.fixture
def out(ablation: Ablation) -> Path:
    return ablation.out


@pytest.mark.slow
def test_it_can_be_stopped_in_any_epoch(ablation: Ablation) -> None:
    assert ablation.stopped.exit_code == 130
    assert ablation.epochs == [1, 2, 1]
    assert ablation.evaluated == ["none-seed0"]
    assert ablation.trainings == sorted(ablation.trainings)
    assert {(0, 2), (1, 2), (1.5, 2)} <= set(ablation.trainings)
    assert ablation.trainings[-1] == (1.5, 2)  # after one of the two epochs of the second


@pytest.mark.slow
def test_it_goes_on_and_leaves_all_that_it_promises(ablation: Ablation, out: Path) -> None:
    resumed = ablation.resumed
    assert resumed.exit_code == 0, resumed.output
    assert resumed.output.count("is already done") == 1
    assert "epoch 1/2" not in resumed.output  # of snr, which had it
    told = " ".join(resumed.output.split())
    assert "mAP / Rank-1 in per cent, of one training, after the last of 2 epochs" in told
    for name in ("json", "txt", "csv", "tex", "png"):
        assert (out / f"results.{name}").stat().st_size > 100, name
    results = json.loads((out / "results.json").read_text())
    assert (results["home"], results["targets"]) == ("day", ["night"])
    assert results["settings"]["training"]["epochs"] == 2
    assert results["settings"]["source"]["identities"] == 4
    assert results["versions"]["keras"]
    (own,) = results["figures"]["snr"]
    assert set(own) == {"day", "night"}
    assert set(results["differences"]) == {"none"}
    epochs = [json.loads(line) for line in (out / "runs/snr-seed0/metrics.jsonl").read_text().splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]


@pytest.mark.slow
def test_two_do_not_write_to_one_folder(snr, out: Path, options) -> None:
    before = (out / "results.json").stat().st_mtime_ns
    with locked_folder(out):
        outcome = snr("ablate", "none", "snr", *options, "--seeds", 1, "--out", out, "--resume")
    assert outcome.status == 1
    assert f"{out} is being written to by process {os.getpid()}" in outcome.output
    assert (out / "results.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_more_seeds_are_added_to_what_is_there(snr, out: Path, options) -> None:
    before = json.loads((out / "results.json").read_text())
    outcome = snr("ablate", "none", "snr", *options, "--seeds", 2, "--out", out, "--resume")
    assert outcome.status == 0, outcome.output
    assert outcome.output.count("is already done") == 2
    after = json.loads((out / "results.json").read_text())
    for name in ("none", "snr"):
        assert len(after["figures"][name]) == 2
        assert after["figures"][name][0] == before["figures"][name][0]
    rows = list(csv.DictReader(io.StringIO((out / "results.csv").read_text())))
    assert [(row["variant"], row["trainings"]) for row in rows] == [("none", "2"), ("snr", "2")]
    assert rows[0]["snr - variant sd"]


@pytest.mark.slow
def test_what_is_reported_is_the_last_checkpoint_s_whatever_was_watched_before(
    snr, out: Path, world: Path, tmp_path: Path, options, monkeypatch
) -> None:
    """The first epoch is made to look perfect on the target."""
    calls = []

    def first_is_perfect(embedded, **test):
        result = score_trials(embedded, **test)
        calls.append(result)
        ones = tuple(1.0 for _ in result.average_precisions)
        return replace(result, mAP=1.0, average_precisions=ones) if len(calls) == 1 else result

    monkeypatch.setattr(run, "score_trials", first_is_perfect)
    watched = tmp_path / "watched"
    outcome = snr("ablate", "none", *options, "--seeds", 1, "--out", watched, "--watch")
    assert outcome.status == 0, outcome.output
    folder = watched / "runs" / "none-seed0"
    seen = [json.loads(line) for line in (folder / "watch.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in seen] == [1, 2]
    assert seen[0]["mAP"]["night"] == 1.0
    assert "watched, not used: mAP after epoch 1: night 100.0" in outcome.output

    _, model = load_run(folder)
    trials = open_trials(world / "night", root=tmp_path, splits=("query", "gallery"))
    last = score_trials(embed_trials(embedder(model), trials))
    assert last.mAP < 1
    reported = json.loads((watched / "results.json").read_text())["figures"]["none"][0]["night"]
    assert reported["mAP"] == pytest.approx(last.mAP, abs=1e-12)
    unwatched = out / "runs" / "none-seed0" / "evaluation" / "results.json"
    assert (folder / "evaluation" / "results.json").read_bytes() == unwatched.read_bytes()


def test_variants_start_from_the_same_weights(snr, world: Path, tmp_path: Path, options, monkeypatch) -> None:
    begun = {}

    def only_note(config, source, run_dir, *, initial, **rest):
        begun[config.normalization] = (config.seed, initial)
        raise ValueError("noted")

    monkeypatch.setattr(run, "train", only_note)
    for name in ("none", "snr"):
        assert "noted" in snr("ablate", name, *options, "--out", tmp_path / name).output
    (seed, plain), (_, ours) = begun["none"], begun["snr"]
    assert seed == 0
    assert list(plain) == list(ours)
    assert all((plain[path] == ours[path]).all() for path in plain)
    assert len({round(float(plain[path].std()), 5) for path in plain if path.endswith("kernel")}) > 5


@pytest.mark.slow
def test_other_settings_and_what_is_there_are_not_mixed(snr, out: Path, options, world: Path) -> None:
    before = (out / "results.json").read_bytes()
    for arguments, message in (
        ((), "--resume"),
        (("--resume", "--set", "training.epochs=3"), "training.epochs was 2, now 3"),
        (("--resume", "--target", world / "day"), "targets was"),
        (("--resume", "--set", "test.flip=true"), "test.flip was False, now True"),
        (("--resume", "--set", "training.stages=[1]"), "The variants of an ablation set `stages`"),
    ):
        outcome = snr("ablate", "none", *options, "--out", out, *arguments)
        assert outcome.status == 1
        assert message in outcome.output
    assert (out / "results.json").read_bytes() == before


@pytest.mark.slow
def test_one_from_before_a_setting_was_added_goes_on(snr, out: Path, options) -> None:
    path = out / "ablation.json"
    before = json.loads(path.read_text())
    assert before["training"].pop("snr_reading") == "specified"
    path.write_text(json.dumps(before))
    outcome = snr("ablate", "none", *options, "--seeds", 1, "--out", out, "--resume")
    assert outcome.status == 0, outcome.output
    assert outcome.output.count("is already done") == 1


@pytest.mark.slow
def test_side_by_side_all_is_trained_and_goes_on_with_as_many(snr, tmp_path: Path, options) -> None:
    out = tmp_path / "out"
    command = ("ablate", "none", "in", *options, "--seeds", 1, "--out", out, "--jobs", 2)
    outcome = snr(*command)
    assert outcome.status == 0, outcome.output
    results = json.loads((out / "results.json").read_text())
    assert {name: len(done) for name, done in results["figures"].items()} == {"none": 1, "in": 1}
    assert results["settings"]["threads"] == max(1, os.cpu_count() // 2)
    assert list(results["steps"]) == ["in - none"]
    assert "What each step adds" in outcome.output
    assert "run 2 of 2" in outcome.output
    again = snr(*command, "--resume")
    assert again.output.count("is already done") == 2
    if os.cpu_count() > 1:
        assert "threads was" in snr(*command[:-1], 1, "--resume").output


@pytest.mark.slow
def test_several_sources_have_no_home_and_one_target_no_mean(snr, world: Path, tmp_path: Path, options) -> None:
    sources = f"{world / 'day'},{world / 'night'}"
    arguments = ("--source", sources, "--set", "training.epochs=1", "--seeds", 1, "--out", tmp_path / "out")
    outcome = snr("ablate", "none", *options[:2], *options[4:], *arguments)
    assert outcome.status == 0, outcome.output
    assert "there are no test images of the source" in outcome.output
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["home"] is None
    assert results["settings"]["source"]["name"] == "day+night"
    assert results["differences"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("batch",), "A variant must be one of none, in, ibn-a"),
        (
            ("none", "--recipe", "paper"),
            "A recipe must be one of mar_resnet50, mar_synthetic, paper_resnet50, study, synthetic",
        ),
        (("none", "--recipe", "paper_resnet50"), "Name what to train on"),
        (("none", "--set", "training.epoch=1"), "the override 'training.epoch=1': [training] the settings are"),
    ],
)
def test_mistakes_end_in_one_message(snr, tmp_path: Path, arguments, message: str) -> None:
    outcome = snr("ablate", *arguments, "--out", tmp_path / "out")
    assert outcome.status == 1
    assert message in outcome.output
    assert not (tmp_path / "out" / "runs").exists()


def test_what_cannot_be_trained_is_refused_before_anything_is_begun(snr, tmp_path: Path, options) -> None:
    larger = (*options, "--set", "training.identities_per_batch=64")
    outcome = snr("ablate", "none", *larger, "--out", tmp_path / "out")
    assert outcome.status == 1
    assert "`identities_per_batch` is --set training.identities_per_batch=VALUE" in outcome.output
    assert not (tmp_path / "out" / "ablation.json").exists()


def test_a_source_of_one_s_own_needs_a_target(snr, world: Path, tmp_path: Path) -> None:
    outcome = snr("ablate", "none", "--source", world / "day", "--out", tmp_path / "out")
    assert outcome.status == 1
    assert "Name what to test on" in outcome.output
