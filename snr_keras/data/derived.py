"""Folders of images that are made once from what the owners distribute, and appear complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def derive(folder: Path, write: Callable[[Path], None]) -> Path:
    """The folder, made by `write` in a temporary place beside it if it is not there yet.

    Args:
        folder: the folder to make.
        write: fills a new folder.

    Raises:
        OSError: if it cannot be written.
    """
    if folder.is_dir():
        return folder
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    try:
        write(partial)
        partial.chmod(0o755)  # mkdtemp hides it from everyone else
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
