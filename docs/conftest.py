"""Every Python block of the docs runs as a test; the blocks of one page share their names."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser


@pytest.fixture(scope="module")
def in_an_empty_folder(tmp_path_factory):
    """Pages that write files write them where nobody minds."""
    here = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("docs"))
    yield
    os.chdir(here)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE), SkipParser()],
    patterns=["*.md"],
    fixtures=["in_an_empty_folder"],
).pytest()
