"""What the tests and the pages of the docs share: each file starts without the memory of those before it."""

import ctypes
import gc
import sys

import pytest


@pytest.fixture(scope="module", autouse=True)
def _memory() -> None:
    """Keras forgets the models of the file before, Python collects reference cycles, and glibc returns free memory.

    What is left serves all files, most of it modules: freezing it saves looking through it again, which takes long.
    """
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()
    gc.collect()
    gc.freeze()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
