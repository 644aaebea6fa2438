"""The conformance kit against mutants: which cases reach a line, and whether one of them kills a mutant."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.comparison import compare
from snr_ref.conformance.implementation import Implementation
from tests.mutation.isolation import ROOT

#: A mutant that computes longer than this, in seconds of its own, is stuck.
PATIENCE = 10.0


class Stuck(BaseException):
    """The time is up."""


@dataclass(frozen=True)
class Question:
    """A case in a dtype, with the lines that the unchanged implementation runs for it and how long it takes."""

    case: Case
    dtype: str
    lines: dict[str, frozenset[int]]
    seconds: float


def questions(adapter: Any, files: tuple[str, ...]) -> tuple[list[Question], list[str]]:
    """The questions that the unchanged implementation answers correctly: only those can kill a mutant.

    Args:
        adapter: The implementation.
        files: Paths, from the root, of the files whose lines are followed.

    Returns:
        The questions, the quick ones first, and the names of the cases that it answers wrongly.
    """
    implementation = Implementation(adapter)
    there, wrong = [], []
    for case in catalogue():
        for dtype in case.dtypes if case.kind != "refusal" or implementation.refusals else ():
            if dtype not in implementation.dtypes or not implementation.provides(case.function):
                continue
            start = time.perf_counter()
            with _lines_run(files) as lines:
                right = is_right(implementation, case, dtype)
            if right is None:
                continue
            if not right:
                wrong.append(case.name)
                continue
            seconds = time.perf_counter() - start
            there.append(Question(case, dtype, {f: frozenset(n) for f, n in lines.items()}, seconds))
    return sorted(there, key=lambda question: question.seconds), wrong


def is_right(implementation: Implementation, case: Case, dtype: str) -> bool | None:
    """Whether it answers rightly; None if it doesn't provide what is asked."""
    try:
        with np.errstate(all="ignore"):
            answer = implementation.answer(case, dtype)
    except NotImplementedError:
        return None
    except Exception:
        return case.kind == "refusal"
    if case.kind == "refusal":
        return False
    comparisons = compare(case, dtype, answer)
    return bool(comparisons) and all(comparison.passed for comparison in comparisons)


def killer(adapter: Any, asked: list[Question]) -> str | None:
    """The name of the first case that a mutant answers wrongly, or not in time; None if it survives."""
    implementation = Implementation(adapter)
    for question in asked:
        try:
            with _time_limit(PATIENCE):
                right = is_right(implementation, question.case, question.dtype)
        except Stuck:
            right = False
        if not right:
            return question.case.name
    return None


def reaching(asked: list[Question], file: str, lines: tuple[int, int]) -> list[Question]:
    """The questions for which one of these lines is run."""
    wanted = set(range(lines[0], lines[1] + 1))
    return [question for question in asked if wanted & question.lines.get(file, frozenset())]


@contextmanager
def _lines_run(files: tuple[str, ...]) -> Iterator[dict[str, set[int]]]:
    names = {str(ROOT / file): file for file in files}
    lines: dict[str, set[int]] = {file: set() for file in files}

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        file = names.get(frame.f_code.co_filename)
        if file is None:
            return None
        lines[file].add(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Stuck

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
