"""The page of measured errors has figures of every framework."""

import json

from docs import generate
from tests.frameworks.errors import FIGURES, FRAMEWORKS


def test_every_framework_was_measured_and_none_failed() -> None:
    figures = json.loads(FIGURES.read_text())
    assert [figure["framework"] for figure in figures] == list(FRAMEWORKS) == list(generate.FRAMEWORKS)
    assert not any(figure["counts"]["failed"] for figure in figures)
