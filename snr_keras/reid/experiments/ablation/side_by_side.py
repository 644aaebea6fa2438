"""Several trainings at a time, each in a process of its own with its part of the cores."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

STOPPED = 130
"""Exit status of a training that was asked to stop, and saved."""


def threads_of(jobs: int) -> int:
    """How many threads each of several trainings has for an operation of TensorFlow's."""
    return max(1, (os.cpu_count() or 1) // jobs)


def side_by_side(
    work: Callable[..., None],
    tasks: Sequence[Any],
    jobs: int,
    *,
    name: Callable[[Any], str],
    begun: Callable[[Any], None],
) -> Generator[Any]:
    """Do `work(*task)` for every task, up to `jobs` at a time, each in a new process.

    Ctrl-C and SIGTERM ask those that run to stop, which a training does after saving, and wait for them.

    Args:
        work: A function of a module, which a new process can import.
        tasks: Arguments of each call, in the order in which they are begun; they can be pickled.
        jobs: How many at a time.
        name: Of a task, for messages.
        begun: Called with a task when its process starts.

    Yields:
        Tasks, as they are done.

    Raises:
        KeyboardInterrupt: After Ctrl-C or SIGTERM, once all have stopped.
        ChildProcessError: If a process fails; the others are stopped first. What failed has said why.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    waiting = list(tasks)
    running: dict[Any, tuple[multiprocessing.process.BaseProcess, Any]] = {}  # by what is ready when one has ended
    with _sigterm_as_ctrl_c():
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    task = waiting.pop(0)
                    new = context.Process(target=_run, args=(work, task, threads_of(jobs)), name=name(task))
                    new.start()
                    running[new.sentinel] = (new, task)
                    begun(task)
                for sentinel in wait(list(running)):
                    process, task = running.pop(sentinel)
                    process.join()
                    if process.exitcode == STOPPED:
                        raise KeyboardInterrupt
                    if process.exitcode:
                        raise ChildProcessError(
                            f"One of {jobs} processes failed, and said above why. Received: exit status "
                            f"{process.exitcode} of {process.name}"
                        )
                    yield task
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "Stopped; all that was being trained is saved. To go on, ask for the same again with `resume=True`."
            ) from None
        finally:
            for process, _ in running.values():
                process.terminate()
            for process, _ in running.values():
                process.join()


def _run(work: Callable[..., None], task: Sequence[Any], threads: int) -> None:
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C in a terminal reaches the parent alone, which asks each child once
    os.environ["TERM"] = "dumb"  # no bars, which several processes would draw over each other
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    try:
        work(*task)
    except KeyboardInterrupt:
        sys.exit(STOPPED)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python lets no other thread handle signals
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
