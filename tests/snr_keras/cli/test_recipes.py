"""`snr recipes`, and `snr train --recipe`."""

import json
from pathlib import Path

import pytest

from snr_keras.reid.recipes import recipe_text


def test_recipes_are_listed_printed_and_a_mistake_is_one_message(snr, tmp_path: Path) -> None:
    listed = snr("recipes")
    assert listed.status == 0
    assert "paper_resnet50  The paper's recipe" in listed.output
    assert snr("recipes", "synthetic").output == recipe_text("synthetic")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[training]\nepochs = 0\n")
    for command in (("recipes", wrong), ("train", "--recipe", wrong, "--source", "day")):
        outcome = snr(*command)
        assert outcome.status == 1
        assert f"{wrong}: [training] `epochs` must be an integer of at least 1" in outcome.output


pytestmark = pytest.mark.usefixtures("small_networks")

RECIPE = """\
[training]
normalization = "none"
image_size = [32, 16]
epochs = 2
identities_per_batch = 4
images_per_identity = 2
warmup_epochs = 0
label_smoothing = 0.2
[training.augmentation]
hue = 0.01
[data]
source = "{day}"
targets = ["{night}"]
[test]
distance = "euclidean"
"""


@pytest.fixture
def recipe(world: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.format(day=world / "day", night=world / "night"))
    return path


def test_options_win_over_the_recipe_and_the_rest_is_the_recipe_s(snr, recipe: Path, tmp_path: Path) -> None:
    changes = ("--set", "training.label_smoothing=0.3", "--set", "training.epochs=5")
    options = ("--epochs", 1, "--erasing", 0.25, "--snr-weights", "0,0,0,1", "--flip")
    outcome = snr("train", "--recipe", recipe, *changes, *options, "--out", tmp_path / "run")
    assert outcome.status == 0, outcome.output
    training = json.loads((tmp_path / "run" / "config.json").read_text())["training"]
    assert (training["epochs"], training["label_smoothing"]) == (1, 0.3)
    assert (training["normalization"], training["image_size"]) == ("none", [32, 16])
    assert (training["augmentation"]["hue"], training["augmentation"]["erasing"]) == (0.01, 0.25)
    assert training["snr_weights"] == [0, 0, 0, 1]
    (result,) = json.loads((tmp_path / "run" / "evaluation" / "results.json").read_text())
    assert (result["target"], result["distance"]) == ("night", "euclidean")
    assert len(result["average_precisions"]) == result["num_queries"]


def test_who_names_a_source_gets_no_target_of_the_recipe(snr, recipe: Path, world: Path, tmp_path: Path) -> None:
    arguments = ("--source", world / "night", "--epochs", 1, "--out", tmp_path / "run")
    outcome = snr("train", "--recipe", recipe, *arguments)
    assert outcome.status == 0, outcome.output
    assert json.loads((tmp_path / "run" / "config.json").read_text())["source"]["name"] == "night"
    assert not (tmp_path / "run" / "evaluation").exists()
