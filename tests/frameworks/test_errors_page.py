"""The page of measured errors is what its figures say."""

import json

from tests.frameworks.errors import FIGURES, FRAMEWORKS, PAGE, rendered


def test_the_page_is_rendered_from_the_figures() -> None:
    assert PAGE.read_text() == rendered(PAGE.read_text(), json.loads(FIGURES.read_text()))


def test_every_framework_was_measured_and_none_failed() -> None:
    figures = json.loads(FIGURES.read_text())
    assert [figure["framework"] for figure in figures] == list(FRAMEWORKS)
    assert not any(figure["counts"]["failed"] for figure in figures)
