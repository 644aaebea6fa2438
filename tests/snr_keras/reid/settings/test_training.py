"""The config survives JSON, and says what is wrong with a setting."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_keras.reid.data.augmentation import Augmentation
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.settings.training import SNR_READINGS

unit = st.floats(0, 1)
positive = st.floats(1e-6, 1e6)
configs = st.builds(
    TrainingConfig,
    normalization=st.just("snr"),
    stages=st.none() | st.sets(st.integers(1, 4)).map(tuple),
    weights=st.none() | st.text(),
    last_stride=st.sampled_from([1, 2]),
    reduction=st.none() | st.integers(1, 64),
    snr_bias=st.booleans(),
    snr_gate=st.sampled_from(["learned", "fixed", "random"]),
    snr_reading=st.sampled_from(SNR_READINGS),
    batch_norm_momentum=st.floats(0, 1, exclude_max=True),
    image_size=st.tuples(st.integers(1, 512), st.integers(1, 512)),
    epochs=st.integers(1, 500),
    identities_per_batch=st.integers(2, 64),
    images_per_identity=st.integers(2, 16),
    domain_balanced=st.booleans(),
    learning_rate=positive,
    warmup_epochs=st.floats(0, 100) | st.integers(0, 100),
    halved_every=st.none() | st.integers(1, 100),
    weight_decay=unit,
    clip_norm=st.none() | positive,
    label_smoothing=st.floats(0, 1, exclude_max=True),
    triplet_margin=st.just("soft") | unit,
    snr_weights=st.tuples(unit, unit, unit, unit),
    snr_terms=st.sampled_from(["both", "plus", "minus"]),
    distance=st.sampled_from(["cosine", "euclidean"]),
    held_out=st.floats(0, 0.5),
    seed=st.integers(0, 2**32 - 1),
    mixed_precision=st.sampled_from(["float32", "mixed_float16", "mixed_bfloat16"]),
    jit_compile=st.booleans(),
    augmentation=st.builds(Augmentation, padding=unit, flip=unit, erasing=unit),
)


@given(configs)
def test_a_config_comes_back_from_json_as_it_was(config):
    assert TrainingConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_explicit_settings_say_the_reduction_even_where_it_is_the_default():
    for backbone, reduction in (("resnet_small", 2), ("resnet50", 16)):
        config = TrainingConfig(backbone=backbone)
        assert config.reduction is None
        assert config.explicit() == dataclasses.replace(config, reduction=reduction)
    assert TrainingConfig(reduction=5).explicit().reduction == 5


def test_every_setting_has_been_varied_above():
    assert {f.name for f in dataclasses.fields(TrainingConfig)} - {"normalization", "backbone"} == {
        "stages", "weights", "last_stride", "reduction", "snr_bias", "snr_gate", "batch_norm_momentum", "image_size",
        "epochs", "identities_per_batch",
        "images_per_identity", "domain_balanced", "learning_rate", "warmup_epochs", "halved_every", "weight_decay",
        "clip_norm", "label_smoothing", "triplet_margin", "snr_weights", "snr_terms", "snr_reading", "distance",
        "held_out", "seed", "mixed_precision", "jit_compile", "augmentation",
    }  # fmt: skip


def test_missing_settings_take_their_defaults():
    assert TrainingConfig.from_json({}) == TrainingConfig()


def test_a_config_from_before_a_setting_was_added_is_what_it_was():
    before = {
        k: v
        for k, v in TrainingConfig().to_json().items()
        if k not in ("halved_every", "snr_gate", "snr_terms", "snr_reading")
    }
    assert TrainingConfig.from_json(before) == TrainingConfig()


def test_the_batch_is_p_times_k():
    assert TrainingConfig(identities_per_batch=5, images_per_identity=3).batch_size == 15


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 1}, r"Received unknown ones: \['learning_rat'\]"),
        ({"augmentation": {"mirror": 1}}, r"Augmentation has the settings .* Received unknown ones: \['mirror'\]"),
        ({"normalization": "bn"}, "Received: normalization='bn'"),
        ({"normalization": "in", "stages": [4]}, "the same vector for every image"),
        ({"backbone": "vgg"}, "Received: backbone='vgg'"),
        ({"image_size": [64]}, r"\(height, width\).* Received: image_size=\(64,\)"),
        ({"epochs": 0}, "Received: epochs=0"),
        ({"identities_per_batch": 1}, "Received: identities_per_batch=1"),
        ({"images_per_identity": 1}, "Received: images_per_identity=1"),
        ({"learning_rate": float("nan")}, "Received: learning_rate=nan"),
        ({"warmup_epochs": -1}, "Received: warmup_epochs=-1"),
        ({"weight_decay": -1e-3}, "Received: weight_decay=-0.001"),
        ({"clip_norm": 0}, "Received: clip_norm=0"),
        ({"label_smoothing": 1.0}, "Received: label_smoothing=1.0"),
        ({"triplet_margin": "hard"}, "Received: triplet_margin='hard'"),
        ({"snr_weights": [0.1, 0.1]}, r"four numbers.* Received: snr_weights=\(0.1, 0.1\)"),
        ({"snr_reading": "strict"}, "Received: snr_reading='strict'"),
        ({"snr_terms": "neither"}, "Received: snr_terms='neither'"),
        ({"halved_every": 0}, "Received: halved_every=0"),
        ({"halved_every": 2.5}, "Received: halved_every=2.5"),
        ({"stages": 4}, "Received: stages=4"),
        ({"stages": ["4"]}, r"Received: stages=\('4',\)"),
        ({"augmentation": {"flip": "often"}}, "Received: flip='often'"),
        ({"augmentation": {"flip": True}}, "Received: flip=True"),
        ({"distance": "manhattan"}, "Received: distance='manhattan'"),
        ({"held_out": 0.6}, r"in \[0, 0.5\]. Received: held_out=0.6"),
        ({"seed": -1}, "Received: seed=-1"),
        ({"mixed_precision": "float16"}, "Received: mixed_precision='float16'"),
        ({"jit_compile": "yes"}, "Received: jit_compile='yes'"),
        ({"reduction": 0}, "Received: reduction=0"),
        ({"last_stride": 3}, "must be 1 or 2. Received: last_stride=3"),
        ({"snr_bias": 1}, "Received: snr_bias=1"),
        ({"snr_gate": "half"}, r"one of \('learned', 'fixed', 'random'\). Received: snr_gate='half'"),
        ({"batch_norm_momentum": 1}, "Received: batch_norm_momentum=1"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig.from_json(settings)
