"""Files that are whole or not there, whatever happens to the process or the disk."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; one that is there is replaced.

    Args:
        path: Of the file.
        content: All of it.

    Raises:
        OSError: If it cannot be written, for want of room perhaps; the message names it.
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
