"""Every Python block of the docs runs as a test; the blocks of one page share their names, and no page another's."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.append(str(Path(__file__).parent / "_ext"))

import pytest
from blocks import python_of


@pytest.fixture(scope="module")
def as_in_a_fresh_process(request, _memory, tmp_path_factory):
    """A page writes its files where nobody minds, and at its end its names go."""
    here = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("docs"))
    yield
    os.chdir(here)
    for document in request.node.documents:
        document.namespace.clear()


pytest_collect_file = python_of("*.md", fixtures=("as_in_a_fresh_process",)).pytest()
