"""Running an implementation: every case in every dtype that both the case and the implementation accept."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.comparison import compare
from snr_ref.conformance.diagnosis import diagnose
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.implementation import Implementation, arguments_of, overwritten
from snr_ref.conformance.report import Report, Result
from snr_ref.conformance.selection import select


def check(
    implementation: Any,
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    progress: Callable[[int, int], None] | None = None,
    cases: Iterable[Case] | None = None,
) -> Report:
    """Check an implementation against the specification.

    Args:
        implementation: An adapter, an object or module with functions named as in `snr_ref`; or an `Implementation`.
        include: Patterns of the cases to run; none means all.
        exclude: Patterns of the cases to leave out, as in `snr_ref.conformance.selection.select`.
        progress: Function called after every answer with the number done and the total.
        cases: Cases to run instead of the catalogue.

    Returns:
        The report; its `exit_status` is 0 if everything that the adapter provides passes.

    Raises:
        ValueError: If a pattern matches no case, the patterns leave no case, or the adapter's `dtypes` are not names of
            dtypes.
    """
    if not isinstance(implementation, Implementation):
        implementation = Implementation(implementation)
    asked = questions(implementation, select(catalogue() if cases is None else cases, include, exclude))
    results = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # cases are extreme on purpose
        for done, (case, dtype) in enumerate(asked, start=1):
            results.append(run(implementation, case, dtype))
            if progress is not None:
                progress(done, len(asked))
    return Report(implementation.name, tuple(results))


def questions(implementation: Implementation, cases: Iterable[Case]) -> list[tuple[Case, str]]:
    """Each case with each dtype that both it and the implementation accept."""
    return [(case, dtype) for case in cases for dtype in case.dtypes if dtype in implementation.dtypes]


def run(implementation: Implementation, case: Case, dtype: str) -> Result:
    """Run one case in one dtype.

    NumPy's arithmetic warnings are not shown: cases overflow on purpose. An exception that is no `Exception`, such as
    Ctrl-C, passes through.

    Args:
        implementation: Implementation to check.
        case: Case to run.
        dtype: Dtype in which to run it.

    Returns:
        The result.
    """
    if not implementation.provides(case.function):
        return Result(case, dtype, "not provided", why=f"{case.function} is not provided")
    if case.kind == "refusal" and not implementation.refusals:
        return Result(case, dtype, "not asked", why="the implementation does not take part in refusals")
    arguments = arguments_of(case, dtype)
    try:
        with np.errstate(all="ignore"):
            answer = implementation.call(case.function, arguments)
    except NotImplementedError as error:
        return Result(case, dtype, "not provided", why=str(error) or f"{case.function} raised NotImplementedError")
    except Exception as error:
        if case.kind == "refusal":
            return Result(case, dtype, "passed")
        return Result(case, dtype, "failed", why=_raised(case.function, error))
    result = judge(case, dtype, answer)
    changed = overwritten(arguments, case, dtype) if result.comparisons else ()
    if not changed:
        return result
    why = f"it overwrote {'its argument' if len(changed) == 1 else 'its arguments'} {', '.join(changed)}"
    return replace(result, outcome="failed", why="; ".join(filter(None, (result.why, why))), overwritten=changed)


def judge(case: Case, dtype: str, answer: Mapping[str, np.ndarray]) -> Result:
    """Compare an answer with what the case expects.

    Args:
        case: Case that was run.
        dtype: Dtype in which it was run.
        answer: Outputs by name.

    Returns:
        The result.
    """
    if case.kind == "refusal":
        return Result(case, dtype, "failed", why=f"must be refused with an exception; it answered {', '.join(answer)}")
    with np.errstate(all="ignore"):
        comparisons = tuple(compare(case, dtype, answer))
    if not comparisons:
        wanted = ", ".join(case.expected[0])
        return Result(case, dtype, "not provided", why=f"{case.function} returns none of {wanted}")
    first = next((c for c in comparisons if not c.passed), None)
    if first is None:
        return Result(case, dtype, "passed", comparisons)
    suspicions = tuple(diagnose(case, dtype, answer))
    return Result(case, dtype, "failed", comparisons, f"{first.output}: {first.why}", suspicions)


def _raised(function: str, error: Exception) -> str:
    """An exception in a sentence: its type and message, where it was raised, and the function's call if relevant."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 500 else f"{text[:500]} ..."
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in Path(f.filename).parts] or frames
    hint = ""
    if isinstance(error, TypeError) and "argument" in text:
        hint = f"; it is called as {function}{FUNCTIONS[function].signature}"
    return f"{type(error).__name__}: {text} ({Path(own[-1].filename).name}, line {own[-1].lineno}){hint}"
