"""Files that are complete or absent, whatever happens to the process or the disk."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, replacing an existing one.

    Args:
        path: File to write.
        content: Complete content of the file.

    Raises:
        OSError: If it cannot be written, for example because the disk is full; the message names the file.
    """
    unfinished = path.with_name(f".unfinished-{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        with open(unfinished, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise OSError(f"{path} could not be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
