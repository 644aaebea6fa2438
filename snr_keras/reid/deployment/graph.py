"""The common parts of the exports to all formats."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

#: Function from the array of a model's only input to its outputs by name.
Run = Callable[[Any], Mapping[str, Any]]

#: Name under which a file keeps its metadata, as JSON.
METADATA = "snr_reid"


@contextmanager
def quietly() -> Iterator[None]:
    """Within this context, converters do not warn of things irrelevant to users: missing gradients, the next NumPy."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
