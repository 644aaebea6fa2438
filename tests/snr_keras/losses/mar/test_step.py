"""MAR's losses in Keras: the numbers of the public implementation, what half precision keeps, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops

import snr_ref
from snr_keras import losses
from snr_keras.conformance import adapter
from snr_keras.losses.mar import mining, multilabels
from snr_ref.distances import unit
from tests.mar_numbers import assert_numbers_of_the_public_implementation
from tests.snr_keras.backend import DTYPES, MODES, as_stored, to_numpy, to_tensor, value_and_gradients

pytestmark = pytest.mark.skipif("float64" not in DTYPES, reason="Keras' operations take float64 for float32 there")


def test_the_numbers_of_the_public_implementation() -> None:
    def kinds(mined: losses.MinedPairs) -> tuple[int, int]:
        positive = to_numpy(ops.cast(mined.positive, "float64"))
        return int(positive.sum()), int((1 - positive).sum())

    assert_numbers_of_the_public_implementation(losses, adapter.eager, kinds)


@pytest.mark.parametrize("mode", [MODES[0], MODES[-1]])
def test_the_gradient_of_half_features_is_summed_before_it_is_rounded(mode: str) -> None:
    rng = np.random.default_rng(0)
    f, y = as_stored(unit(rng.normal(size=(12, 3))), "bfloat16"), rng.dirichlet(np.ones(4), 12)
    y = to_tensor(y, "float32")
    step = value_and_gradients(lambda x: [losses.discriminative_loss(x, y, 0.5, mining_ratio=1.0)], mode=mode)
    (exact,), (half,) = (step([to_tensor(f, d)], [to_tensor(1.0, "float32")])[1] for d in ("float32", "bfloat16"))
    np.testing.assert_allclose(half, exact, rtol=2.0**-7, atol=0)


F, Y = unit(np.ones((3, 2))), np.full((3, 4), 0.25)
MEMORY = losses.initial_memory(5, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.soft_multilabels(F, Y), r"`agents`.*\(3, 2\) to match features of shape \(3, 2\). Received"),
        (lambda: losses.initial_threshold(Y[:1]), "at least two images to make a pair. Received: 1"),
        (lambda: losses.next_threshold(np.nan, Y), "`threshold`.*Received: nan"),
        (lambda: losses.initial_statistics(Y, [0, 1, 2]), "a view with at least two images"),
        (lambda: losses.joint_embedding_loss(F, [0, 1, 3], F, F), r"in \[0, 3\).*Received: array\(\[0, 1, 3\]"),
        (lambda: losses.joint_embedding_loss(F, [0, 1, -1], F, F), r"in \[0, 3\).*Received: array\(\[ 0,  1, -1\]"),
        (lambda: losses.discriminative_loss(F, Y, np.nan), r"`threshold`.*Received: nan"),
        (lambda: losses.next_memory(MEMORY, [0, 0, 1], Y), r"distinct, in \[0, 5\)"),
        (lambda: losses.next_memory(MEMORY, [-1, 0, 1], Y), r"distinct, in \[0, 5\)"),
        (lambda: losses.next_memory(MEMORY, [0, 1, 5], Y), r"distinct, in \[0, 5\)"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_domain_is_taken_in_blocks_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of rows, as for large domains; here with one row and with two per block, the last block being shorter."""
    rng = np.random.default_rng(0)
    x, y = rng.dirichlet(np.ones(3), 7), rng.dirichlet(np.ones(3), 5)
    agreement, threshold = snr_ref.multilabel_agreement(x, y), snr_ref.initial_threshold(x, mining_ratio=0.5)
    for rows in (0, 1, 2):
        monkeypatch.setattr(multilabels, "DIFFERENCES", rows * y.size)
        np.testing.assert_allclose(
            losses.multilabel_agreement(to_tensor(x, "float64"), to_tensor(y, "float64")), agreement, rtol=1e-14
        )
        monkeypatch.setattr(mining, "AGREEMENTS", rows * len(x))
        np.testing.assert_allclose(
            losses.initial_threshold(to_tensor(x, "float64"), mining_ratio=0.5), threshold, rtol=1e-14
        )
