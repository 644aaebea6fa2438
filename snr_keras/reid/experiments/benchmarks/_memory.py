"""The growth of the process while a function runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any


def peak_growth(run: Callable[[], Any]) -> int | None:
    """The largest growth of the process in bytes during a run; None except on Linux.

    The result is reliable only in a fresh process: memory that the allocator cannot return is reused unnoticed.
    """
    status = Path("/proc/self/status")
    try:
        ctypes.CDLL(None).malloc_trim(0)  # memory that the allocator keeps would be reused unnoticed
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = _kilobytes(status, "VmRSS")
    except (OSError, AttributeError):
        return None
    run()
    return max(0, _kilobytes(status, "VmHWM") - before) * 1024


def _kilobytes(status: Path, field: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(field))
