"""By how much the process grows while something runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any


def peak_growth(run: Callable[[], Any]) -> int | None:
    """The most bytes that the process holds during a run beyond those before it; None but on Linux.

    Only a fresh process tells: freed memory that the allocator cannot give back is used again unseen.
    """
    status = Path("/proc/self/status")
    try:
        ctypes.CDLL(None).malloc_trim(0)  # freed memory that the allocator kept would be reused unseen
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = _kilobytes(status, "VmRSS")
    except (OSError, AttributeError):
        return None
    run()
    return max(0, _kilobytes(status, "VmHWM") - before) * 1024


def _kilobytes(status: Path, field: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(field))
