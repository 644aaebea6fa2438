"""The health of gates, on weights that say what their units do."""

import json

import keras
import numpy as np
import pytest

import snr_ref
from snr_keras.evaluation import GateHealth, gate_health
from snr_keras.layers import SNR, ChannelGate
from snr_keras.models import reid_model

C = 4
#: Pooled maps z, (5, C): channel 0 is always positive, 1 always negative, 2 of both signs, 3 is zero.
Z = np.array([[1, -1, 2, 0], [2, -3, -1, 0], [1, -1, 1, 0], [3, -2, -2, 0], [1, -1, 1, 0]], np.float32)


def of_units(layer: keras.Layer, gains: float = 1.0) -> keras.Model:
    """A model of one gate with a hidden unit for each channel, each a copy of that channel's z."""
    inputs = keras.Input((2, 1, C) if layer.data_format == "channels_last" else (C, 2, 1))
    model = keras.Model(inputs, layer(inputs))
    layer.w1.assign(np.eye(C))
    layer.w2.assign(gains * np.arange(C * C).reshape(C, C) / 10)
    return model


def maps(z: np.ndarray, data_format: str = "channels_last") -> np.ndarray:
    """Maps of two pixels whose means are z."""
    F = np.stack([z - 0.5, z + 0.5], axis=1)[:, :, None]
    return F if data_format == "channels_last" else np.moveaxis(F, -1, 1)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", [SNR, ChannelGate])
def test_units_are_off_on_or_by_the_image_and_a_has_the_spreads_of_the_specification(
    kind: type, data_format: str
) -> None:
    layer = kind(reduction=1, data_format=data_format, name="g")
    model = of_units(layer)
    batches = [maps(Z[:3], data_format), maps(Z[3:], data_format)]
    (name, health), *rest = gate_health(model, batches).items()
    assert (name, rest) == ("g", [])
    assert (health.images, health.channels, health.hidden) == (5, 4, 4)
    assert (health.always_off, health.always_on, health.image_dependent) == (2, 1, 1)
    assert not health.dead
    a = snr_ref.channel_attention(Z.astype(float), *(np.asarray(w, float) for w in (layer.w1, layer.w2)))
    assert health.mean == pytest.approx(a.mean(), rel=1e-6)
    assert health.over_images == pytest.approx(a.std(axis=0).mean(), rel=1e-6)
    assert health.over_channels == pytest.approx(a.mean(axis=0).std(), rel=1e-6)
    assert GateHealth(**json.loads(json.dumps(health.to_json()))) == health


def test_it_looks_at_what_the_gate_looks_at_which_is_less_beta_and_with_biases() -> None:
    layer = SNR(reduction=1, use_bias=True, data_format="channels_last", name="g")
    model = of_units(layer)
    layer.beta.assign(np.array([10.0, -10, 0, 0]))  # turns 0 off and 1 on
    layer.b1.assign(np.array([0.0, 0, 10, -1]))  # turns 2 on
    layer.b2.assign(np.array([0.1, -0.2, 0.3, 0]))
    health = gate_health(model, [maps(Z)])["g"]
    assert (health.always_off, health.always_on, health.image_dependent) == (2, 2, 0)
    a = np.asarray(layer.decompose(maps(Z)).a, float)
    assert health.mean == pytest.approx(a.mean(), rel=1e-5)
    assert health.over_images == pytest.approx(a.std(axis=0).mean(), rel=1e-4)


def test_a_dead_gate_is_one_half_everywhere() -> None:
    layer = SNR(reduction=1, data_format="channels_last")
    model = of_units(layer)
    layer.w1.assign(-np.eye(C) * [1, -1, 0, 1])
    (health,) = gate_health(model, [maps(Z)]).values()
    assert health.dead
    assert (health.mean, health.over_images, health.over_channels) == (0.5, 0, 0)


def test_every_gate_of_a_model_is_measured_under_its_name_whatever_it_lies_between() -> None:
    images = np.random.default_rng(0).uniform(0, 255, (6, 32, 16, 3)).astype("float32")
    model = reid_model(5, image_size=(32, 16), reduction=4)
    health = gate_health(model, [images[:4], images[4:]])
    assert {name: (gate.channels, gate.hidden) for name, gate in health.items()} == {
        "stage1_snr": (24, 6), "stage2_snr": (40, 10), "stage3_snr": (80, 20), "stage4_snr": (128, 32),
    }  # fmt: skip
    assert {gate.images for gate in health.values()} == {6}
    again = gate_health(model, [images])
    for name, gate in health.items():
        assert again[name].mean == pytest.approx(gate.mean, rel=1e-5)
    assert gate_health(reid_model(5, normalization="in", image_size=(32, 16)), [images]) == {}


def test_a_shared_gate_is_measured_at_each_call() -> None:
    inputs = keras.Input((2, 1, C))
    layer = SNR(reduction=1, data_format="channels_last", name="g")
    model = keras.Model(inputs, layer(-layer(inputs)))
    assert list(gate_health(model, [maps(Z)])) == ["g", "g_1"]


def test_what_it_cannot_look_into_is_refused() -> None:
    inner = keras.Sequential([keras.Input((2, 1, C)), SNR(name="g", data_format="channels_last")], name="inner")
    inputs = keras.Input((2, 1, C))
    with pytest.raises(ValueError, match=r"pass the inner model.* Received: inner/g"):
        gate_health(keras.Model(inputs, inner(inputs)), [maps(Z)])
    with pytest.raises(TypeError, match="functional Keras model"):
        gate_health(SNR(), [maps(Z)])
    with pytest.raises(ValueError, match="at least one image"):
        gate_health(of_units(SNR(reduction=1, data_format="channels_last")), [])
