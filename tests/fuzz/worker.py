"""Commands in a process of their own, which may hang or die without harm to the fuzzer."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, Self

SECONDS = 300.0
"""A command that takes longer hangs: each of them takes a few seconds on files that are whole."""


class Ended(NamedTuple):
    """The end of a command.

    Attributes:
        status: Exit status; None if the process hung or died.
        output: Text of both output streams.
        failure: "", or an end that no command may have: "traceback", "hang" or "crash".
        gigabytes: Growth of the largest size of the process.
    """

    status: int | None
    output: str
    failure: str = ""
    gigabytes: float = 0.0


class Worker:
    """A process that has imported `snr` and runs one command after another; a context manager."""

    def __enter__(self) -> Self:
        """Start the process."""
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._process.kill()
        self._process.join()

    def run(self, arguments: tuple[str, ...], *, largest_file: int | None = None) -> Ended:
        """Run a command.

        Args:
            arguments: Arguments of `snr`.
            largest_file: Bytes at which writing to a file fails, as on a full disk; None for no limit.
        """
        self._pipe.send((arguments, largest_file))
        try:
            if self._pipe.poll(SECONDS):
                return Ended(*self._pipe.recv())
            failure = "hang"
        except EOFError:
            failure = "crash"
        self._process.kill()
        self._process.join()
        self._start()
        return Ended(None, "", failure)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # it is ready


def _serve(pipe: Connection) -> None:
    os.environ["COLUMNS"] = "200"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries write there themselves, past the limit on files too
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from snr_keras.cli import main

    pipe.send("ready")
    while True:
        arguments, largest_file = pipe.recv()
        pipe.send(_run(main, arguments, largest_file))


def _run(main: object, arguments: tuple[str, ...], largest_file: int | None) -> tuple[int, str, str, float]:
    output, failure = io.StringIO(), ""
    sys.argv = ["snr", *arguments]
    before = _peak_bytes(reset=True)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)  # a worker runs many commands, and each has to warn anew
        try:
            with _limited(largest_file):
                main()  # type: ignore[operator]
            status = 0
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException:
            status, failure = 1, "traceback"
            traceback.print_exc()
    text = output.getvalue()
    if "Traceback (most recent call last)" in text:
        failure = "traceback"
    return status, text, failure, max(0, _peak_bytes() - before) / 2**30


@contextlib.contextmanager
def _limited(largest_file: int | None) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _peak_bytes(*, reset: bool = False) -> int:
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])
