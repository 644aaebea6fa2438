"""The synthetic world on disk."""

import ast
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from snr_keras.reid.data.synthetic import folder, render_sample, synthesize

SMALL = {
    "domain": "day",
    "train_identities": 3,
    "test_identities": 2,
    "cameras": 2,
    "images_per_camera": 2,
    "image_size": (32, 16),
}
SPLITS = ("bounding_box_train", "query", "bounding_box_test")
MARKET_NAME = re.compile(r"(\d{4})_c(\d+)s(\d+)_(\d{6})_(\d{2})\.jpg")


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    return synthesize(tmp_path_factory.mktemp("worlds") / "day", **SMALL)


def test_the_folder_is_laid_out_as_market1501(world):
    assert sorted(p.name for p in world.iterdir()) == sorted([*SPLITS, "masks", "dataset.json"])
    for split in SPLITS:
        for path in (world / split).iterdir():
            assert MARKET_NAME.fullmatch(path.name), path
            assert (world / "masks" / split / f"{path.stem}.png").is_file()


def test_people_of_training_and_test_are_disjoint(world):
    people = {split: {int(p.name[:4]) for p in (world / split).iterdir()} for split in SPLITS}
    assert people["bounding_box_train"] == {1, 2, 3}
    assert people["query"] == people["bounding_box_test"] == {4, 5}


def test_there_is_one_query_for_each_test_identity_and_camera(world):
    seen = sorted(MARKET_NAME.fullmatch(p.name).group(1, 2) for p in (world / "query").iterdir())
    assert seen == [("0004", "1"), ("0004", "2"), ("0005", "1"), ("0005", "2")]


def test_the_record_counts_what_is_there(world):
    record = json.loads((world / "dataset.json").read_text())
    assert record["images"] == {split: len(list((world / split).iterdir())) for split in SPLITS}
    assert record["domain"] == "day"
    assert record["image_size"] == [32, 16]


def test_files_hold_the_rendered_images_and_masks(world):
    image, mask = render_sample("day", 4, 2, 1, image_size=(32, 16))
    stem = "bounding_box_test/0004_c2s1_000002_00"
    stored = tf.io.decode_jpeg((world / f"{stem}.jpg").read_bytes()).numpy()
    assert np.abs(stored.astype(int) - image).mean() < 6  # JPEG's loss on noisy pixels
    np.testing.assert_array_equal(
        tf.io.decode_png((world / "masks" / f"{stem}.png").read_bytes()).numpy()[..., 0], mask
    )


def test_the_same_seed_gives_the_same_files_and_another_seed_others(world, tmp_path):
    assert contents(synthesize(tmp_path / "again", **SMALL)) == contents(world)
    other = contents(synthesize(tmp_path / "other", **SMALL, seed=1))
    assert all(data != contents(world)[name] for name, data in other.items() if name.endswith(".jpg"))


def test_progress_counts_to_the_end(tmp_path):
    calls = []
    synthesize(tmp_path / "day", **SMALL, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 20) for done in range(1, 21)]


class Interrupted(BaseException):
    """As unexpected as Ctrl-C."""


def interrupt(done: int, total: int) -> None:
    if done == 7:
        raise Interrupted


def test_an_interruption_leaves_nothing_and_a_rerun_completes(world, tmp_path):
    with pytest.raises(Interrupted):
        synthesize(tmp_path / "day", **SMALL, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert contents(synthesize(tmp_path / "day", **SMALL)) == contents(world)
    assert [p.name for p in tmp_path.iterdir()] == ["day"]


def test_an_empty_folder_is_filled_and_stays_empty_when_interrupted(world, tmp_path):
    (tmp_path / "day").mkdir()
    with pytest.raises(Interrupted):
        synthesize(tmp_path / "day", **SMALL, progress=interrupt)
    assert list((tmp_path / "day").iterdir()) == []
    assert contents(synthesize(tmp_path / "day", **SMALL)) == contents(world)


def test_the_very_same_world_is_reused_without_a_write(world):
    before = {p: p.stat().st_mtime_ns for p in world.rglob("*")}
    assert synthesize(str(world), **SMALL, progress=lambda done, total: pytest.fail("rendered")) == world
    assert {p: p.stat().st_mtime_ns for p in world.rglob("*")} == before


def test_a_world_that_someone_else_finished_meanwhile_is_reused(world, tmp_path):
    def race(done: int, total: int) -> None:
        if done == total:
            synthesize(tmp_path / "day", **SMALL)

    assert contents(synthesize(tmp_path / "day", **SMALL, progress=race)) == contents(world)
    assert [p.name for p in tmp_path.iterdir()] == ["day"]


def test_another_world_is_refused_with_the_difference(world):
    before = contents(world)
    with pytest.raises(FileExistsError, match="domain='day' instead of 'fog'"):
        synthesize(world, **(SMALL | {"domain": "fog"}))
    with pytest.raises(FileExistsError, match="train_identities=3 instead of 4"):
        synthesize(world, **(SMALL | {"train_identities": 4}))
    assert contents(world) == before


@pytest.mark.parametrize("name", ["query/0005_c2s1_000001_00.jpg", "masks/query/0005_c2s1_000001_00.png"])
def test_a_world_with_a_file_missing_is_refused_by_its_name(tmp_path, name):
    world = synthesize(tmp_path / "day", **SMALL)
    (world / name).unlink()
    with pytest.raises(FileExistsError, match=f"from which {re.escape(name)} is missing"):
        synthesize(world, **SMALL)


@pytest.mark.parametrize("record", [None, "{", "[]", "null"])
def test_a_folder_of_something_else_is_refused_and_kept(tmp_path, record):
    (tmp_path / "thesis.txt").write_text("years of work")
    if record is not None:
        (tmp_path / folder.RECORD).write_text(record)
    with pytest.raises(FileExistsError, match="not empty and has no readable"):
        synthesize(tmp_path, **SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "day").write_text("")
    with pytest.raises(FileExistsError, match="which is a file"):
        synthesize(tmp_path / "day", **SMALL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"domain": "dawn"}, "Received: domain='dawn'"),
        ({"train_identities": 0}, "train_identities must be an integer of at least 1. Received: train_identities=0"),
        ({"test_identities": 0}, "test_identities=0"),
        ({"cameras": 1}, "cameras must be an integer of at least 2: a query's matches must come from another camera"),
        ({"images_per_camera": 1}, "images_per_camera=1"),
        ({"image_size": (16, 16)}, "image_size"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_an_argument_out_of_range_is_named_before_anything_is_written(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        synthesize(tmp_path / "day", **(SMALL | arguments))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", sorted(Path(folder.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_drawing_needs_numpy_only(module):
    imports = [node for node in ast.parse(module.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in imports}
    those = ("snr_keras.reid.data.synthetic", "snr_keras.reid.settings", "snr_keras.files", "snr_keras.scalars")
    ours = {name for name in names if name.startswith(those)}
    assert {name.partition(".")[0] for name in names - ours} <= sys.stdlib_module_names | {"numpy"}
