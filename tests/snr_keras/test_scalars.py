"""NumPy's scalars are numbers wherever Python's are, and come back from a configuration as Python's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from snr_keras import layers, losses
from snr_keras.scalars import is_integer, is_number
from snr_keras.schedules import HalvedEvery

MADE: list[Callable[[], Any]] = [
    lambda: layers.SNR(reduction=np.int64(4), epsilon=np.float32(2.0**-10)),
    lambda: layers.ChannelGate(reduction=np.uint8(4)),
    lambda: layers.IBN(momentum=np.float32(0.5), epsilon=np.float64(2.0**-10)),
    lambda: layers.BatchInstanceNormalization(momentum=np.float16(0.5), epsilon=np.float32(2.0**-10)),
    lambda: layers.AdaptiveInstanceBatchNormalization(momentum=np.float32(0.5), epsilon=np.float32(2.0**-10)),
    lambda: layers.MixStyle(p=np.float32(0.5), alpha=np.float64(0.25), seed=np.int32(7)),
    lambda: layers.EFDMix(p=np.int64(1), alpha=np.float32(0.25), seed=np.uint64(7)),
    lambda: losses.BatchHardTripletLoss(margin=np.float32(0.25)),
    lambda: losses.BatchHardTripletLoss(margin=np.int64(1)),
    lambda: losses.CrossEntropyLoss(label_smoothing=np.float32(0.125)),
    lambda: HalvedEvery(np.float32(0.125), np.int64(10), np.int32(20)),
]


@pytest.mark.parametrize("make", MADE)
def test_arguments_of_numpy_are_taken_and_their_configuration_is_json(make: Callable[[], Any]) -> None:
    made = make()
    config = keras.tree.map_structure(lambda x: x, made.get_config())
    again = type(made).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == made.get_config()


@pytest.mark.parametrize(
    "refused",
    [
        lambda: layers.SNR(reduction=np.float32(4)),
        lambda: layers.SNR(reduction=np.True_),
        lambda: layers.SNR(epsilon=np.float32("nan")),
        lambda: layers.ChannelGate(reduction=np.int64(0)),
        lambda: layers.MixStyle(p=np.float32(1.5)),
        lambda: layers.EFDMix(alpha=np.float64("inf")),
        lambda: losses.BatchHardTripletLoss(margin=np.float32(-1)),
        lambda: losses.BatchHardTripletLoss(margin=np.True_),
        lambda: losses.CrossEntropyLoss(label_smoothing=np.float32(2)),
        lambda: losses.CrossEntropyLoss(label_smoothing="0.1"),
    ],
)
def test_what_is_out_of_range_is_refused_as_pythons_is(refused: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"must be .* Received: "):
        refused()


def test_booleans_are_neither() -> None:
    assert not any(is_integer(x) or is_number(x) for x in (True, np.True_, None, "1", [1], np.array([1])))
    assert is_integer(np.uint64(2**64 - 1))
    assert not is_integer(1.0)
    assert not is_number(np.float32("inf"))
