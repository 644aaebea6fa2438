"""The seal of a file of golden vectors: its first 512 bytes are text with the SHA-256 of the rest.

HDF5 leaves those bytes (the user block) to the application, so any HDF5 program reads a sealed file. The seal is
checked before HDF5 sees a single byte: a damaged file is never parsed.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

#: Length of the user block: the smallest that HDF5 allows.
SEAL_BYTES = 512

_SEAL = re.compile(rb"snr golden vectors\nsha256 of the bytes after the first 512:\n([0-9a-f]{64})\n *\n")


def sealed(content: bytes) -> bytes:
    """The content with its seal in place of the first 512 bytes, which are free."""
    digest = hashlib.sha256(content[SEAL_BYTES:]).hexdigest()
    text = f"snr golden vectors\nsha256 of the bytes after the first {SEAL_BYTES}:\n{digest}\n"
    return text.encode().ljust(SEAL_BYTES - 1) + b"\n" + content[SEAL_BYTES:]


def sealed_digest(path: Path, content: bytes) -> str:
    """The digest in the seal of a file, after a check of its bytes.

    Args:
        path: File from which the bytes came, for the error.
        content: Complete content of the file.

    Raises:
        ValueError: If there is no seal, or the bytes do not have the sealed digest.
    """
    found = _SEAL.fullmatch(content[:SEAL_BYTES])
    if not found:
        raise ValueError(
            f"{path} is not a file of golden vectors: it must begin with the text 'snr golden vectors' and a SHA-256, "
            f"in {SEAL_BYTES} bytes. Received: {content[:20]!r}... ({len(content)} bytes)"
        )
    promised = found[1].decode()
    digest = hashlib.sha256(content[SEAL_BYTES:]).hexdigest()
    if digest != promised:
        raise ValueError(
            f"{path} is damaged or cut short: its {len(content)} bytes have the SHA-256 {digest} after the first "
            f"{SEAL_BYTES}, not {promised}. Copy it or export it again"
        )
    return digest
