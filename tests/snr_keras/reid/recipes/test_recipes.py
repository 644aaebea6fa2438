"""Recipes: what ships is valid, every setting can be changed, and a mistake is named with its file."""

import dataclasses
from pathlib import Path

import pytest

from snr_keras.networks import gate_reduction
from snr_keras.reid.data.augmentation import Augmentation
from snr_keras.reid.recipes import Recipe, load_recipe, recipe_names, recipe_text
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.settings.adaptation import AdaptationConfig


@pytest.mark.parametrize("name", ["mar_resnet50", "mar_synthetic", "paper_resnet50", "study", "synthetic"])
def test_what_ships_is_read_and_described(name: str) -> None:
    assert name in recipe_names()
    recipe = load_recipe(name)
    assert 20 < len(recipe.description) < 100
    assert recipe_text(name).startswith("description = ")


def test_the_paper_s_recipe_is_the_paper_s() -> None:
    config = load_recipe("paper_resnet50").training
    assert (config.backbone, config.weights, config.image_size) == ("resnet50", "imagenet", (256, 128))
    assert (config.learning_rate, config.warmup_epochs, config.halved_every) == (8e-4, 20, 40)
    assert config.snr_weights == (0.1, 0.1, 0.5, 0.5)
    assert (config.normalization, config.stages, config.snr_terms) == ("snr", None, "both")
    assert config.clip_norm is None
    assert config.augmentation == Augmentation(padding=0.04, flip=0.5, brightness=0, contrast=0, erasing=0)


def test_mar_s_recipe_is_that_of_its_authors() -> None:
    recipe = load_recipe("mar_resnet50")
    config = recipe.adaptation
    assert (config.epochs, config.learning_rate, config.weight_decay) == (20, 2e-4, 2.5e-2)
    assert (config.batch_size, config.target_batch_size) == (368, 184)
    assert (config.mining_ratio, config.margin, config.scale) == (0.005, 1.0, 30.0)
    assert config.loss_weights == (1.0, 2e-4, 50.0, 0.2)
    assert config.clip_norm is None
    assert recipe.training.image_size == (384, 128)
    assert round(config.augmentation.padding * 384) == 7


def test_the_recipes_in_small_write_out_the_defaults() -> None:
    recipe = load_recipe("mar_synthetic")
    assert recipe.adaptation == AdaptationConfig()
    assert recipe.training == load_recipe("synthetic").training == TrainingConfig()
    assert (recipe.data.source, recipe.data.targets) == ("day", ("night",))


def test_the_recipe_of_the_study_is_the_embedded_one_with_other_seeds() -> None:
    study, synthetic = load_recipe("study"), load_recipe("synthetic")
    reduction = gate_reduction(synthetic.training.backbone)
    assert study.training == dataclasses.replace(synthetic.training, reduction=reduction, seed=10)
    assert (study.data, study.test) == (synthetic.data, synthetic.test)


def test_settings_of_an_adaptation_can_be_changed() -> None:
    changes = [
        "adaptation.epochs=4",
        "adaptation.milestones=[0.5]",
        "adaptation.clip_norm=5",
        "adaptation.clip_norm=false",
    ]
    changed = load_recipe("mar_synthetic", [*changes, "adaptation.augmentation.flip=0"]).adaptation
    assert changed == AdaptationConfig(epochs=4, milestones=(0.5,), augmentation=Augmentation(flip=0))


def test_without_a_file_there_are_the_defaults() -> None:
    assert load_recipe() == Recipe(training=TrainingConfig())


def test_a_file_of_one_s_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[training]\nstages = [4]\nweights = false\n[data]\nsource = "day"\ntargets = ["fog"]\n')
    recipe = load_recipe(path)
    assert recipe.training == TrainingConfig(stages=(4,))
    assert (recipe.data.source, recipe.data.targets) == ("day", ("fog",))
    assert recipe_text(str(path)) == path.read_text()


@pytest.mark.parametrize("setting", [f.name for f in dataclasses.fields(TrainingConfig) if f.name != "augmentation"])
def test_any_setting_can_be_changed(setting: str) -> None:
    changed = {
        "normalization": ('"in"', "in"), "backbone": ('"resnet50"', "resnet50"), "stages": ("[1, 2]", (1, 2)),
        "weights": ('"w.h5"', "w.h5"), "last_stride": ("2", 2), "reduction": ("8", 8), "snr_bias": ("true", True),
        "snr_gate": ('"fixed"', "fixed"), "batch_norm_momentum": ("0.5", 0.5),
        "image_size": ("[32, 16]", (32, 16)), "epochs": ("3", 3), "identities_per_batch": ("5", 5),
        "images_per_identity": ("3", 3), "domain_balanced": ("true", True), "learning_rate": ("1", 1),
        "warmup_epochs": ("0.5", 0.5), "halved_every": ("2", 2), "weight_decay": ("0", 0), "clip_norm": ("false", None),
        "label_smoothing": ("0.0", 0), "triplet_margin": ('"soft"', "soft"),
        "snr_weights": ("[0, 0, 0, 1]", (0, 0, 0, 1)),
        "snr_terms": ('"plus"', "plus"), "snr_reading": ('"sampled"', "sampled"),
        "distance": ('"euclidean"', "euclidean"), "held_out": ("0.1", 0.1),
        "seed": ("7", 7), "mixed_precision": ('"mixed_float16"', "mixed_float16"),
        "jit_compile": ("true", True),
    }  # fmt: skip
    text, value = changed[setting]
    recipe = load_recipe("synthetic", [f"training.{setting}={text}"])
    assert getattr(recipe.training, setting) == value
    assert recipe.data == load_recipe("synthetic").data


def test_false_is_the_default_where_a_setting_may_be_none() -> None:
    assert load_recipe("study", ["training.reduction=false"]).training.reduction is None


def test_deeper_settings_and_the_last_of_two() -> None:
    recipe = load_recipe("synthetic", ["training.augmentation.flip=0", "training.epochs=2", "training . epochs = 3"])
    assert recipe.training.augmentation == Augmentation(flip=0)
    assert recipe.training.epochs == 3
    assert load_recipe(None, ['test.protocol="no_camera"', "test.flip=true"]).test.protocol == "no_camera"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "epochs = 3",
            r"a recipe has description, training, adaptation, data, test. Received unknown ones: \['epochs'\]",
        ),
        ("[training]\nepoch = 3", r"\[training\] the settings are .*epochs.* Received unknown ones: \['epoch'\]"),
        ('[training]\nepochs = "3"', r"\[training\] `epochs` must be an integer of at least 1. Received: epochs='3'"),
        ("[adaptation]\nmilestones = [1.5]", r"\[adaptation\] `milestones` must be rising numbers in \(0, 1\)"),
        ("[adaptation]\naugmentation = 1", r"\[adaptation\] `augmentation` must be a table"),
        ("training = 3", r"\[training\] `training` must be a table. Received: training=3"),
        ("[training]\naugmentation = 1", "`augmentation` must be a table"),
        ('[training.augmentation]\nflip = "yes"', r"`flip` must be between 0 and 1.0. Received: flip='yes'"),
        ("[training.augmentation]\nmirror = 1", r"Received unknown ones: \['mirror'\]"),
        ("[training]\nepochs = false", "Received: epochs=False"),
        ("[data]\nsource = 3", r"\[data\] `source` must be a string. Received: source=3"),
        ('[data]\ntargets = "fog"', "`targets` must be a list of strings. Received: targets='fog'"),
        ("[test]\nflip = 1", "`flip` must be true or false. Received: flip=1"),
        ('description = """a\nb"""', "`description` must be one line of text"),
        ("[training", "is not TOML"),
        (b"\n\xff", "line 2: expected text in UTF-8"),
        ("a = " + "[" * 10_000, "is not TOML"),
        (f"a = {'9' * 5000}", "is not TOML"),
        (
            "[training]\nepochs" + ".a" * 5_000 + " = 1",
            "expected settings in tables. Received: tables nested too deeply",
        ),
    ],
)
def test_a_mistake_is_named_with_its_file_its_setting_and_what_was_expected(tmp_path: Path, text, message) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message) as caught:
        load_recipe(path)
    assert str(caught.value).count(str(path)) == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "KEY=VALUE"),
        ("=4", "KEY=VALUE"),
        ("training.epochs=four", r"""`training.epochs="four"`"""),
        ("training.epochs=4\nbackbone=5", "The value of an override must be a TOML value"),
        (
            "training.epochs=0",
            r"the override 'training.epochs=0': \[training\] `epochs` must be an integer of at least 1",
        ),
        ("training.epochs.x=0", "epochs is a setting, not a table of settings"),
        ("trainings.epochs=1", r"Received unknown ones: \['trainings'\]"),
    ],
)
def test_a_mistake_in_a_change_is_named_with_the_change(override: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_recipe("synthetic", [override])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_recipe_may_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "mine.toml").write_bytes("[training]\r\nepochs = 3\r\n".encode(encoding))
    assert load_recipe(tmp_path / "mine.toml").training.epochs == 3


def test_a_recipe_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    for missing in ("no_such", tmp_path, tmp_path / "none.toml", "../recipes/synthetic"):
        with pytest.raises(
            FileNotFoundError, match="mar_resnet50, mar_synthetic, paper_resnet50, study, synthetic or a TOML file"
        ):
            load_recipe(missing)
