"""Folders of images that are made once from what the owners distribute, and appear complete or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snr_keras.files.atomic import new_folder


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
    with new_folder(folder) as unfinished:
        write(unfinished)
    return folder
