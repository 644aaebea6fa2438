"""Folders of images that are derived once from the owners' files, and appear complete or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snr_keras.files.atomic import new_folder


def derive(folder: Path, write: Callable[[Path], None]) -> Path:
    """The folder; if it does not exist, `write` creates it at a temporary place next to it.

    Args:
        folder: Folder to create.
        write: Function that fills a new folder.

    Raises:
        OSError: If it cannot be written.
    """
    if folder.is_dir():
        return folder
    with new_folder(folder) as unfinished:
        write(unfinished)
    return folder
