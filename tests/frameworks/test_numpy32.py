"""The plain NumPy chain, in float32 and float64."""

from snr_ref.conformance.examples import numpy_float32
from tests.frameworks.kit import OPTIONAL, assert_conforms, report

NO_GRADIENTS = {
    "instance_norm_vjp",
    "channel_attention_vjp",
    "snr_vjp",
    "cosine_distance_vjp",
    "euclidean_distance_vjp",
    "dual_causality_gradients",
    "cross_entropy_gradient",
    "batch_hard_triplet_gradient",
}


def test_all_that_numpy_has_conforms() -> None:
    assert_conforms(report(numpy_float32), without={"snr_closed_form", *OPTIONAL, *NO_GRADIENTS})


def test_float32_stays_float32() -> None:
    """Else it would show what float64 loses."""
    found = report(numpy_float32)
    in_float32 = [c.ulps for r in found.results if r.dtype == "float32" for c in r.comparisons if c.output == "F_plus"]
    assert max(in_float32) > 0.5  # of float64 numbers, rounded once, it would be half a unit at most
