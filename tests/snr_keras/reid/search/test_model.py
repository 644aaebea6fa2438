"""Vectors are compared if the same was computed, and not already if the same weights were."""

import re
from dataclasses import replace

import pytest

from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.search.model import ModelIdentity


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"last_stride": 2}, "with last_stride 1 and 2"),
        ({"stages": [1, 2, 3]}, "with stages (1, 2, 3, 4) and (1, 2, 3)"),
        ({"normalization": "none"}, "with stages (1, 2, 3, 4) and (), normalization 'snr' and 'none'"),
        ({"mixed_precision": "mixed_float16"}, "with mixed_precision 'float32' and 'mixed_float16'"),
    ],
)
def test_the_same_weights_in_another_network_are_another_model(identity: ModelIdentity, settings, told: str) -> None:
    other = replace(identity, run="/runs/other", settings=TrainingConfig.from_json(settings).to_json())
    with pytest.raises(ValueError, match=re.escape(f"by '/runs/flattener', the queries by '/runs/other', {told}")):
        identity.check_same(other, "the queries")


def test_another_place_other_words_and_settings_of_the_training_are_the_same_model(identity: ModelIdentity) -> None:
    trained_otherwise = {"stages": [1, 2, 3, 4], "epochs": 3, "seed": 8, "batch_norm_momentum": 0.5}
    identity.check_same(replace(identity, run="/moved", settings=trained_otherwise), "the queries")


def test_settings_that_are_none_are_refused(identity: ModelIdentity) -> None:
    with pytest.raises(ValueError, match="`last_stride` must be 1 or 2"):
        replace(identity, settings={"last_stride": "1"})
