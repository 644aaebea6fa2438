"""From pictures, however they are called, to a file of features and back."""

import os
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from snr_keras.reid.data.images import load_image
from snr_keras.reid.runs.lock import LockedError
from snr_keras.reid.search import open_features
from snr_keras.reid.search.extraction import embed_pictures
from snr_keras.reid.targets.embeddings import embed
from tests.snr_keras.reid.data.folders import colours, jpeg, write
from tests.snr_keras.reid.search.conftest import SIZE

NAMES = ("bad\udcff.jpg", "new\nline.png", "noending", "sub/deep/a $x^2 [red].JPG", "two words.jpg", "ü.jpg")


def test_every_picture_is_embedded_as_evaluation_reads_it(flattener, identity, photos: Path) -> None:
    features = embed_pictures(flattener, identity, photos, batch_size=4)
    assert sorted(features.names) == sorted(f"my photos/{name}" for name in NAMES)
    for name, row in zip(features.names, features.embeddings, strict=True):
        image = load_image(os.fsencode(name), SIZE).numpy().astype(np.float32)
        np.testing.assert_array_equal(row, embed(flattener, image[None])[0], err_msg=repr(name))


def test_a_model_meets_batches_of_one_shape(flattener, identity, photos: Path) -> None:
    shapes = set()
    images = keras.Input((*SIZE, 3))

    class Watch(keras.Layer):
        def call(self, x):
            shapes.add(tuple(x.shape))
            return x

    watched = keras.Model(images, flattener(Watch()(images)))
    shapes.clear()
    features = embed_pictures(watched, identity, photos, batch_size=4)
    assert shapes == {(4, *SIZE, 3)}
    assert len(features) == len(NAMES)


def test_larger_pictures_are_resized_as_in_evaluation(flattener, identity, tmp_path: Path) -> None:
    write(tmp_path, {"large.jpg": jpeg(colours(50, 30))})
    features = embed_pictures(flattener, identity, tmp_path / "large.jpg")
    np.testing.assert_array_equal(features.embeddings[0], load_image(str(tmp_path / "large.jpg"), SIZE).numpy().ravel())


def test_what_cannot_be_read_is_named_with_the_reason(flattener, identity, photos: Path) -> None:
    features = embed_pictures(flattener, identity, photos, batch_size=2)
    assert {os.path.basename(e.name): e.reason for e in features.left_out} == {
        "cut.jpg": "truncated or damaged JPEG",
        "empty.png": "empty file",
        "broken.jpg": "No such file or directory",
        "loop": "a folder that was already entered",
        "notes.md": "not one of .jpg .jpeg .png .bmp",
        "text": "not an image (JPEG, PNG or BMP)",
        ".hidden.jpg": "hidden",
    }


@pytest.mark.parametrize("flip", [False, True])
def test_the_file_gives_back_what_was_written(flattener, identity, photos: Path, flip: bool) -> None:
    identity = replace(identity, flip=flip)
    held = embed_pictures(flattener, identity, [photos, photos / "ü.jpg"], batch_size=4)
    embed_pictures(flattener, identity, [photos, photos / "ü.jpg"], out="features.h5", batch_size=4)
    read = open_features("features.h5")
    assert read.names == held.names
    assert read.left_out == held.left_out
    assert (read.model, read.folder) == (identity, os.getcwd())
    np.testing.assert_array_equal(read.embeddings[...], held.embeddings)
    assert all(os.path.exists(read.path(index)) for index in range(len(read)))
    assert held.repeated == 1
    pixels = held.embeddings.reshape(-1, *SIZE, 3)
    assert np.array_equal(pixels, pixels[:, :, ::-1]) == flip


def test_any_program_can_read_the_file(flattener, identity, photos: Path) -> None:
    embed_pictures(flattener, identity, photos / "new\nline.png", out="features.h5")
    with h5py.File("features.h5") as file:
        assert (file.attrs["format"], file.attrs["format_version"]) == (b"snr features", 2)
        assert file["names"].asstr()[0] == "my photos/new\nline.png"
        assert file["embeddings"].shape == (1, 96)
        assert file["model"].attrs["sha256"] == identity.sha256.encode()
        assert file["preprocessing"].attrs["image_size"].tolist() == list(SIZE)


def test_nothing_is_left_behind_when_it_fails(identity, photos: Path) -> None:
    images = keras.Input((*SIZE, 3))
    overflowing = keras.Model(images, keras.layers.Flatten()(images * 1e38 * 1e38))
    before = sorted(os.listdir())
    with pytest.raises(ValueError, match=r"NaN or infinity for 'my photos/"):
        embed_pictures(overflowing, identity, photos, out="features.h5")
    with pytest.raises(ValueError, match=r"no picture that can be read in .*:\n  1 file left out, empty file"):
        embed_pictures(overflowing, identity, photos / "empty.png", out="features.h5")
    (photos / "nothing").mkdir()
    with pytest.raises(ValueError, match=r"can be read in .*my photos/nothing':\n  nothing but empty folders"):
        embed_pictures(overflowing, identity, photos / "nothing", out="features.h5")
    assert sorted(os.listdir()) == before


def test_an_old_file_stays_until_the_new_one_is_whole(flattener, identity, photos: Path) -> None:
    embed_pictures(flattener, identity, photos, out="features.h5")

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_pictures(flattener, identity, photos / "ü.jpg", out="features.h5", progress=interrupted)
    assert len(open_features("features.h5")) == len(NAMES)
    assert not list(Path().glob(".unfinished-*"))


def test_a_second_extraction_to_a_file_is_refused_and_leaves_the_first_alone(flattener, identity, photos: Path) -> None:
    def second(done: int, total: int) -> None:
        with pytest.raises(LockedError, match=r"features\.h5 is being written to by process"):
            embed_pictures(flattener, identity, photos / "ü.jpg", out="features.h5")

    embed_pictures(flattener, identity, photos, out="features.h5", progress=second)
    assert len(open_features("features.h5")) == len(NAMES)
    assert not list(Path().glob(".*features*"))


def test_progress_ends_with_every_picture(flattener, identity, photos: Path) -> None:
    seen: list[tuple[int, int]] = []
    embed_pictures(flattener, identity, photos, batch_size=4, progress=lambda *now: seen.append(now))
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_what_is_no_file_of_features_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_features(tmp_path / "nowhere.h5")
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(ValueError, match=r"a file of features.*text.h5.*signature not found"):
        open_features(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["embeddings"] = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"a file of features.*version 2.*other.h5.*format None"):
        open_features(tmp_path / "other.h5")
