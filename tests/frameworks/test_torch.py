"""The plain PyTorch module, with autograd's gradients, in every dtype."""

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed here: tox -e torch")

from snr_ref.conformance.examples import pytorch_adapter
from tests.frameworks.kit import OPTIONAL, assert_conforms, report


def test_module_losses_and_gradients_conform() -> None:
    assert_conforms(report(pytorch_adapter), without={"snr_closed_form", "unit", *OPTIONAL})
