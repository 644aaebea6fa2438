"""What an ablation compares: names, order, and that each differs from SNR in what its name says and in nothing else."""

import dataclasses

import pytest

from snr_keras.reid.experiments.ablation import VARIANTS, find_variants
from snr_keras.reid.recipes import load_recipe
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.settings.variants import READINGS, check_training

TRAINING = load_recipe("synthetic").training


@pytest.mark.parametrize("name", VARIANTS | READINGS)
def test_every_variant_makes_settings_to_train_with(name: str) -> None:
    variant = (VARIANTS | READINGS)[name]
    config = variant.config(TRAINING, 5)
    assert config.seed == 5
    changed = {
        f.name
        for f in dataclasses.fields(TrainingConfig)
        if getattr(config, f.name) != getattr(TRAINING, f.name) and f.name != "seed"
    }
    of_the_loss = {"snr_weights", "snr_terms", "snr_reading", "distance"}
    if name in READINGS:
        assert len(changed) == 1
        assert changed <= of_the_loss
    assert changed <= {"normalization", "stages", "snr_gate"} | of_the_loss
    assert variant.description.endswith(".")


def test_no_two_variants_are_the_same() -> None:
    assert len({str(sorted(variant.settings.items())) for variant in VARIANTS.values()}) == len(VARIANTS) == 20
    known = VARIANTS | READINGS
    assert len({str(sorted(variant.settings.items())) for variant in known.values()}) == len(known) == 30


def test_variants_stand_in_their_own_order_and_none_means_all() -> None:
    assert list(find_variants(["snr", "none", "snr"])) == ["none", "snr"]
    assert find_variants([]) == VARIANTS
    assert list(find_variants(["snr-sampled", "snr", "snr-plus"])) == ["snr-plus", "snr", "snr-sampled"]
    with pytest.raises(ValueError, match=r"one of none, in, .* Received: instance, layer"):
        find_variants(["layer", "snr", "instance"])


@pytest.mark.parametrize("recipe", ["synthetic", "study", "paper_resnet50"])
def test_the_recipes_leave_to_the_variants_what_is_theirs(recipe: str) -> None:
    check_training(load_recipe(recipe).training)


@pytest.mark.parametrize(
    "change", ['normalization="in"', "stages=[1]", 'snr_gate="fixed"', 'snr_terms="plus"', 'snr_reading="sampled"']
)
def test_a_recipe_that_says_what_the_variants_are_to_say_is_refused(change: str) -> None:
    with pytest.raises(ValueError, match="The variants of an ablation set"):
        check_training(load_recipe("synthetic", [f"training.{change}"]).training)
