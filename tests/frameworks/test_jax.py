"""The plain JAX functions, compiled, with JAX's gradients, in every dtype."""

import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed here: tox -e jax")
jax.config.update("jax_enable_x64", True)

from snr_ref.conformance.examples import jax_functions  # noqa: E402
from tests.frameworks.kit import RETRIEVAL, assert_conforms, report  # noqa: E402


def test_functions_and_gradients_conform() -> None:
    """Each case is compiled anew: of each group every third is asked, in one dtype; all under the thorough profile."""
    found = report(jax_functions, part=3)
    assert {result.dtype for result in found.results} == {"float64", "float32", "float16", "bfloat16"}
    assert_conforms(found, without={"snr_closed_form", RETRIEVAL})
