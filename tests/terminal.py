"""A terminal: what a program writes to one, and what is on its screen in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TextIO

COLUMNS, ROWS = 100, 24
_PIECES = re.compile(r"\x1b\[(?P<argument>[?0-9;]*)(?P<order>[A-Za-z])|(?P<text>[^\x1b])", re.DOTALL)


class Terminal:
    """A terminal that is read while it is written to."""

    def __init__(self) -> None:
        master, self.file = pty.openpty()
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._master, self._read = master, b""
        self._reader = Thread(target=self._go_on_reading)
        self._reader.start()

    def _go_on_reading(self) -> None:
        try:
            while piece := os.read(self._master, 65536):
                self._read += piece
        except OSError:  # nobody has it open any more
            pass

    def close(self) -> str:
        """All that was written, once those who write have ended."""
        os.close(self.file)
        self._reader.join()
        os.close(self._master)
        return self._read.decode().replace("\r\n", "\n")


@contextmanager
def standard_error(monkeypatch) -> Iterator[list[str]]:
    """Within, standard error of this process is a terminal; after it, the list holds what was written there."""
    terminal, written = Terminal(), []
    with monkeypatch.context() as patched, open(os.dup(terminal.file), "w", encoding="utf-8") as stream:
        patched.setattr("sys.stderr", stream)
        patched.setenv("TERM", "xterm-256color")
        yield written
    written.append(terminal.close())


def run(
    arguments: Sequence[str], *, folder: Path, stdout: int | TextIO | None = None, term: str = "xterm-256color"
) -> tuple[int, str]:
    """The exit status of a program whose standard error is a terminal, as its output if it is not sent elsewhere."""
    terminal = Terminal()
    environment = {**os.environ, "TERM": term, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment.pop("COLUMNS", None)
    out = terminal.file if stdout is None else stdout
    done = subprocess.run(arguments, cwd=folder, env=environment, stdin=terminal.file, stdout=out, stderr=terminal.file)
    return done.returncode, terminal.close()


def screen(written: str) -> list[str]:
    """The lines that are left on a screen, without empty ones at the end."""
    lines, row, column = [""], 0, 0
    for piece in _PIECES.finditer(written):
        match piece["order"], piece["text"]:
            case "A", None:
                row -= int(piece["argument"] or 1)
            case "K", None:
                assert piece["argument"] == "2"
                lines[row] = ""
            case "m", None:
                pass
            case None, "\r":
                column = 0
            case None, "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            case None, character:
                lines[row] = f"{lines[row]:{column}}"[:column] + character + lines[row][column + 1 :]
                column += 1
            case order:
                raise AssertionError(f"an order that no bar gives: {order}")
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.rstrip() for line in lines]
