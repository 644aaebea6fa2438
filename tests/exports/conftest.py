"""The runtimes are no part of what the tests need: without them these tests are skipped, and say so."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _runtimes() -> None:
    for package in ("onnx", "onnxruntime", "tf2onnx", "ai_edge_litert", "openvino"):
        pytest.importorskip(package, reason=f"{package} is not installed here: tox -e export")
