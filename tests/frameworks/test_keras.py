"""The Keras port on the backend that runs, in every mode and dtype that it has."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)  # else JAX takes float64 for float32

from snr_keras.conformance import adapter
from snr_keras.conformance.arrays import MODES, value_and_gradients
from tests.frameworks.kit import THOROUGH, assert_conforms, outcome, report, without_float64

#: Every shape is compiled, but for PyTorch; see `tests.frameworks.kit.in_part`. Eagerly JAX compiles every operation.
PARTS = {
    ("tensorflow", "eager"): 4,
    ("tensorflow", "graph"): 8,
    ("tensorflow", "xla"): 8,
    ("jax", "xla"): 8,
    ("torch", "eager"): None,
}

EXPECTED_FAILURES = Path(__file__).with_name("keras_expected_failures.txt")


@pytest.mark.parametrize("mode", MODES)
def test_layer_losses_gradients_and_retrieval_conform(mode: str) -> None:
    backend = keras.backend.backend()
    if (backend, mode) not in PARTS and not THOROUGH:
        pytest.skip(f"{mode} on {backend} takes too long: HYPOTHESIS_PROFILE=thorough")
    part = PARTS.get((backend, mode))
    implementation = getattr(adapter, mode)
    found = report(implementation, part=part, expected_failures=EXPECTED_FAILURES)
    assert {result.dtype for result in found.results} == set(implementation.dtypes)
    # The loss takes the expectation over all triplets, none in particular.
    assert_conforms(found, partly={"dual_causality_loss", "dual_causality_gradients"})


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX alone has integers of 32 bits for those of 64")
def test_labels_of_64_bits_are_kept_where_jax_has_32() -> None:
    with without_float64():
        assert outcome(adapter.xla, "dual_causality/labels_of_64_bits", "float32") == "passed"


@pytest.mark.parametrize("mode", MODES)
def test_an_output_that_no_input_reaches_has_no_gradient(mode: str) -> None:
    x, one = (ops.convert_to_tensor(np.float32(value)) for value in (3.0, 1.0))
    (_, _), (gradient,) = value_and_gradients(lambda x: [2 * x, ops.ones(())], mode=mode)([x], [one, one])
    assert gradient == 2
    (_,), (gradient,) = value_and_gradients(lambda x: [ops.ones(())], mode=mode)([x], [one])
    assert gradient == 0


def test_a_mode_that_the_backend_lacks_is_refused_by_name() -> None:
    with pytest.raises(AttributeError, match=f"on {keras.backend.backend()} has the modes .*eager.*Received: 'turbo'"):
        adapter.turbo  # noqa: B018
