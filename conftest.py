"""What the tests and the pages of the docs share: each file lets go of the memory that it took."""

import ctypes
import gc
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _memory() -> Iterator[None]:
    """Keras forgets a file's models when it ends, Python looks for those in circles, and glibc gives back the rest."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
