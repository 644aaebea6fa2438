"""The worked examples of the specification run when the site is built: what a page shows is what came out."""

from __future__ import annotations

from blocks import python_of
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)


def run(app: Sphinx, name: str, source: list[str]) -> None:
    """Run the blocks of one page, and warn of what does not come out as the page says."""
    if not name.startswith("specification"):
        return  # guides train models; the tests run them
    path = app.env.doc2path(name)
    document = python_of("*.md").parse(path)
    for example in document.examples():
        try:
            example.evaluate()
        except Exception as error:
            logger.warning("the example does not do what the page says: %s", error, location=(name, example.line))


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The pages that are read in every build: what they show depends on all of the reference and of the catalogue."""
    return [name for name in env.found_docs if name.startswith("specification")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Read these pages in every build, and run their examples."""
    app.connect("env-get-outdated", outdated)
    app.connect("source-read", run)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
