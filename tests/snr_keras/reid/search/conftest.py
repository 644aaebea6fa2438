"""A folder of pictures as people have them, and a model that embeds a picture as its own pixels."""

from pathlib import Path

import keras
import pytest

from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.runs.checkpoints import TrainingState, save_checkpoint
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.run_folder import begin_run, describe_run
from snr_keras.reid.search.model import ModelIdentity
from tests.snr_keras.reid.data.folders import colours, jpeg, png, write_dataset

SIZE = (8, 4)


@pytest.fixture(scope="session")
def flattener() -> keras.Model:
    """Embeds a picture as its own pixels, left to right: mirroring shows, and so does a wrong order."""
    images = keras.Input((*SIZE, 3))
    return keras.Model(images, keras.layers.Reshape((SIZE[0] * SIZE[1] * 3,))(images))


@pytest.fixture
def identity() -> ModelIdentity:
    return ModelIdentity("/runs/flattener", "0" * 64, {"seed": 3}, SIZE, flip=False)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch) -> Path:
    """Pictures of the seeds 0, 1, ... with odd names, and what lies among them; the working folder is above."""
    monkeypatch.chdir(tmp_path)
    folder = Path("my photos")
    (folder / "sub" / "deep").mkdir(parents=True)
    for seed, name in enumerate(("two words.jpg", "ü.jpg", "new\nline.png", "noending", "sub/deep/a $x^2 [red].JPG")):
        pixels = colours(*SIZE, seed=seed)
        (folder / name).write_bytes(png(pixels) if name.endswith(".png") else jpeg(pixels))
    with open(bytes(folder) + b"/bad\xff.jpg", "wb") as file:
        file.write(jpeg(colours(*SIZE, seed=5)))
    (folder / "cut.jpg").write_bytes(jpeg()[:-100])
    (folder / "empty.png").write_bytes(b"")
    (folder / "broken.jpg").symlink_to("nowhere")
    (folder / "sub" / "loop").symlink_to("..")
    (folder / "notes.md").write_text("not a picture")
    (folder / "text").write_text("not a picture")
    (folder / ".hidden.jpg").write_bytes(jpeg())
    return folder


def untrained_run(folder: Path) -> Path:
    """The run folder of a plain network after three steps that taught nothing."""
    source = read_market1501(write_dataset(folder.with_name("people")), splits=("train",))
    config = TrainingConfig(normalization="none", image_size=(16, 8))
    begin_run(folder, describe_run(config, source))
    save_checkpoint(new_model(config, source.train.num_identities), folder, TrainingState(step=3))
    return folder
