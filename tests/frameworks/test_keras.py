"""The Keras port on the backend that runs, in every mode and dtype that it has."""

from pathlib import Path

import keras
import pytest

if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)  # else JAX takes float64 for float32

from snr_keras.interop import adapter
from snr_keras.interop.arrays import MODES
from tests.frameworks.kit import assert_conforms, report

#: Every shape is compiled, but for PyTorch: of how many cases of a group one is asked. All under the thorough profile.
PARTS = {
    ("tensorflow", "eager"): 2,
    ("tensorflow", "graph"): 4,
    ("tensorflow", "xla"): 8,
    ("jax", "eager"): 8,
    ("jax", "xla"): 3,
    ("torch", "eager"): None,
}


EXPECTED_FAILURES = Path(__file__).with_name("keras_expected_failures.txt")


@pytest.mark.parametrize("mode", MODES)
def test_layer_losses_gradients_and_retrieval_conform(mode: str) -> None:
    part = PARTS[keras.backend.backend(), mode]
    found = report(getattr(adapter, mode), part=part, expected_failures=EXPECTED_FAILURES)
    # The loss takes the expectation over all triplets, none in particular.
    assert_conforms(found, partly={"dual_causality_loss", "dual_causality_gradients"})


def test_a_mode_that_the_backend_lacks_is_refused_by_name() -> None:
    with pytest.raises(AttributeError, match=f"on {keras.backend.backend()} has the modes .*eager.*Received: 'turbo'"):
        adapter.turbo  # noqa: B018
