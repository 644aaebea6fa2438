"""Every Python block of the docs runs as a test; the blocks of one page share their names."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.append(str(Path(__file__).parent / "_ext"))

import pytest
from blocks import python_of


@pytest.fixture(scope="module")
def in_an_empty_folder(tmp_path_factory):
    """Pages that write files write them where nobody minds."""
    here = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("docs"))
    yield
    os.chdir(here)


pytest_collect_file = python_of("*.md", fixtures=("in_an_empty_folder",)).pytest()
