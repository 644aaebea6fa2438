"""What the exports to all formats share."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

#: From the array of a model's only input to its outputs by name.
Run = Callable[[Any], Mapping[str, Any]]

#: Under which name a file keeps its metadata, as JSON.
METADATA = "snr_reid"


@contextmanager
def quietly() -> Iterator[None]:
    """Within, converters do not warn of what is none of a user's business: gradients left out, the next NumPy."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
