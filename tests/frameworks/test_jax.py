"""The plain JAX functions, compiled, with JAX's gradients, in every dtype."""

import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed here: tox -e jax")
jax.config.update("jax_enable_x64", True)

from snr_ref.conformance.examples import jax_functions  # noqa: E402
from tests.frameworks.kit import OPTIONAL, assert_conforms, outcome, report, without_float64  # noqa: E402

#: Each case is compiled anew; see `tests.frameworks.kit.in_part`.
PART = 8


def test_functions_and_gradients_conform() -> None:
    found = report(jax_functions, part=PART)
    assert {result.dtype for result in found.results} == {"float64", "float32", "float16", "bfloat16"}
    assert_conforms(found, without={"snr_closed_form", *OPTIONAL})


def test_labels_of_64_bits_are_kept_where_jax_has_32() -> None:
    with without_float64():
        assert outcome(jax_functions, "dual_causality/labels_of_64_bits", "float32") == "passed"
