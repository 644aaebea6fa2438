"""`snr extract`, `snr search`, `snr pack` and `snr summary`, on folders as users have them."""

import csv
import json
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from snr_keras.cli.app import app
from snr_keras.reid.search import open_features
from tests.snr_keras.reid.search.conftest import untrained_run


@pytest.fixture(scope="module")
def photos(world: Path, tmp_path_factory) -> Path:
    """The query pictures of the night under odd names, one of them cut short."""
    folder = tmp_path_factory.mktemp("my photos")
    (folder / "sub").mkdir()
    names = ("two words.jpg", "ü $x^2 [red].jpg", "new\nline.jpg", "noending", "sub/a.JPG", "sub/b.jpg")
    for name, image in zip(names, sorted((world / "night" / "query").iterdir()), strict=True):
        (folder / name).write_bytes(image.read_bytes())
    (folder / "cut.jpg").write_bytes((folder / "sub/b.jpg").read_bytes()[:-200])
    return folder


@pytest.fixture(scope="module")
def features(photos: Path, tmp_path_factory) -> Path:
    """What `snr extract` wrote of them."""
    path = tmp_path_factory.mktemp("features") / "two words.h5"
    done = CliRunner().invoke(app, list(map(str, ("extract", photos, "--out", path))))
    assert done.exit_code == 0, done.output
    return path


def test_extract_writes_features_and_names_what_is_left_out(snr, photos: Path, tmp_path: Path) -> None:
    features = tmp_path / "two words.h5"
    outcome = snr("extract", photos, photos / "noending", "--out", features)
    assert outcome.status == 0, outcome.output
    assert f"1 file left out, truncated or damaged JPEG: {str(photos / 'cut.jpg')!r}" in outcome.output
    assert "1 picture named more than once" in outcome.output
    assert "6 pictures, embeddings of length 128; model pretrained at 64x32" in outcome.output
    assert len(open_features(features)) == 6


def test_search_shows_and_writes_what_it_finds(snr, photos: Path, features: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"found.{ending}" for ending in ("csv", "json", "png")]
    options = [option for out in outs for option in ("--out", out)]
    outcome = snr("search", features, photos / "sub", photos / "cut.jpg", "--top", 3, *options)
    assert outcome.status == 0, outcome.output
    assert "1 file left out, truncated" in outcome.output
    rows = list(csv.DictReader(outs[0].open(newline="")))
    assert [row["rank"] for row in rows] == ["1", "2", "3"] * 2
    for row in rows:
        assert f"{row['rank']:>6}  {float(row['distance']):.4f}  " in outcome.output
        assert (row["query"] == row["name"]) == (row["rank"] == "1")
    assert [q["query"] for q in json.loads(outs[1].read_text())["queries"]] == [rows[0]["query"], rows[3]["query"]]
    assert imread(outs[2]).ndim == 3
    assert sorted(tmp_path.iterdir()) == sorted(outs)


def test_features_are_searched_by_features_and_many_queries_are_not_all_shown(
    snr, features: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("snr_keras.cli.search.SHOWN", 2)
    outcome = snr("search", features, features, "--exclude-itself", "--top", 2)
    assert outcome.status == 0
    assert "0.0000" not in outcome.output
    assert "and 4 more queries: --out FILE.csv" in outcome.output


def test_an_index_is_written_and_then_used(snr, features: Path, tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason='an index needs the extra faiss: pip install "snr-reid[faiss]"')
    exact, *by_index = (
        snr("search", features, features, *options) for options in ((), *[("--index", tmp_path / "x.faiss")] * 2)
    )
    for outcome in by_index:
        assert outcome.status == 0, outcome.output
        assert outcome.output == exact.output.replace("6 pictures", f"6 pictures, by the index {tmp_path / 'x.faiss'}")
    outcome = snr("search", features, features, "--index", tmp_path / "x.faiss", "--distance", "euclidean")
    assert outcome.status == 1
    assert "other features or another distance" in outcome.output
    assert "Traceback" not in outcome.output


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("extract", "nowhere.jpg", "--out", "x.h5"), "nothing at 'nowhere.jpg'"),
        (("extract", ".", "--out", "no_folder/x.h5"), "no folder to write 'no_folder/x.h5' in"),
        (("extract", ".", "--out", "."), "Received a folder"),
        (("extract", ".", "--out", "x.h5", "--model", "no_run"), "no_run"),
        (("search", "FEATURES", "q.jpg", "--out", "found.txt"), "ends in .json, .csv, .png"),
        (("search", "x.h5", "q.jpg"), "x.h5"),
        (("search", "FEATURES", "FEATURES", "--distance", "manhattan"), "distance='manhattan'"),
        (("pack", "no_run", "packed"), "no_run"),
        (("summary", "pretrained", "--image-size", "8x8"), "give either RUN or these options"),
    ],
)
def test_a_mistake_is_one_message(
    snr, features: Path, tmp_path: Path, monkeypatch, command: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = snr(*(features if word == "FEATURES" else word for word in command))
    assert outcome.status == 1
    assert message in outcome.output
    assert "Traceback" not in outcome.output
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which not even root can write")
def test_an_output_that_cannot_be_written_is_told(snr, photos: Path) -> None:
    outcome = snr("extract", photos, "--out", "/proc/features.h5")
    assert outcome.status == 1
    assert "/proc/" in outcome.output
    assert "Traceback" not in outcome.output


def test_a_packed_run_is_used_as_a_run_and_another_model_is_refused(
    snr, photos: Path, features: Path, tmp_path: Path
) -> None:
    outcome = snr("pack", untrained_run(tmp_path / "run"), tmp_path / "packed")
    assert outcome.status == 0, outcome.output
    outcome = snr("extract", photos, "--out", tmp_path / "other.h5", "--model", tmp_path / "packed", "--flip")
    assert outcome.status == 0, outcome.output
    assert "at 16x8" in outcome.output
    for queries in (tmp_path / "other.h5", photos / "noending"):
        outcome = snr("search", features, queries, "--model", tmp_path / "packed")
        assert outcome.status == 1
        assert "Embeddings of different models cannot be compared" in outcome.output


def test_the_model_in_the_package_is_evaluated_as_a_run(snr, world: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pretrained").mkdir()  # as an evaluation before this one leaves it
    outcome = snr("evaluate", "pretrained", "--target", world / "day")
    assert outcome.status == 0, outcome.output
    (result,) = json.loads((tmp_path / "pretrained" / "evaluation" / "results.json").read_text())
    assert result["mAP"] > 0.8


def test_summary_counts_a_run_without_and_with_its_normalization(snr) -> None:
    outcome = snr("summary", "pretrained")
    assert outcome.status == 0
    assert "pretrained, resnet_small at 64x32, without and with snr" in outcome.output
    lines = [line.split() for line in outcome.output.splitlines()]
    total = next(number for number, words in enumerate(lines) if words[:1] == ["total"])
    assert [lines[total][1], lines[total + 1][0]] == ["393.48", "418.98"]


def test_summary_of_a_backbone_at_a_size(snr) -> None:
    outcome = snr("summary", "--backbone", "resnet_small", "--image-size", "128x64", "--identities", 10)
    assert outcome.status == 0
    assert "resnet_small at 128x64, without and with snr" in outcome.output
    assert outcome.output.count("stage 4") == 1
