"""Golden vectors: every case in a file that any program can read, and the comparison of another program's answers.

`docs/vectors_format.md` describes the format; a reader of it needs no Python.
"""

from snr_ref.conformance.vectors.outputs import compare_files, write_outputs
from snr_ref.conformance.vectors.reader import StoredCase, read
from snr_ref.conformance.vectors.writer import export

__all__ = ["StoredCase", "compare_files", "export", "read", "write_outputs"]
