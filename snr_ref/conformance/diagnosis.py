"""Recognition of known mistakes: the answers of wrong implementations beside a wrong answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snr_ref.conformance.arguments import flat
from snr_ref.conformance.case import Case
from snr_ref.conformance.comparison import compare, spacing
from snr_ref.conformance.function import Mistake
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.mistakes import MISTAKES

#: A case with more numbers than this takes too long on so many implementations.
_MOST_NUMBERS = 20_000

#: Where the right number is exact, how many units in the last place a mistaken one may be off.
_ROUNDINGS = 16


def diagnose(case: Case, dtype: str, answer: Mapping[str, np.ndarray]) -> list[str]:
    """The known mistakes that give this answer.

    Every mistake answers the same case, if it has the function, in float64 where it can. It is recognized if all
    outputs of the answer are within the case's own tolerance of its numbers, and the case distinguishes these from the
    right ones.

    Args:
        case: Case that was asked, of kind "numbers" or "pattern".
        dtype: Dtype in which it was asked.
        answer: Outputs by name.

    Returns:
        The name of each mistake and a sentence, as "unbiased variance: The variance is divided by ..."; empty if none
        is recognized, the answer is right, or the case is too large to try.
    """
    arguments = flat(case.arguments).values()
    if case.kind == "refusal" or sum(np.size(value) for value in arguments) > _MOST_NUMBERS:
        return []
    if not _is_wrong(case, dtype, answer):
        return []
    return [
        f"{mistake.name.replace('_', ' ')}: {mistake.about}"
        for mistake in MISTAKES
        if _explains(mistake, case, dtype, answer)
    ]


def _explains(mistake: Mistake, case: Case, dtype: str, answer: Mapping[str, np.ndarray]) -> bool:
    implementation = Implementation(mistake.adapter)
    ask_in = next((d for d in ("float64", dtype) if d in implementation.dtypes and d in case.dtypes), None)
    if ask_in is None or not implementation.provides(case.function):
        return False
    try:
        with np.errstate(all="ignore"):
            mistaken = implementation.answer(case, ask_in)
        return _agree(answer, mistaken, case, dtype) and _is_wrong(case, dtype, mistaken)
    except Exception:  # wrong implementations may raise anything
        return False


def _is_wrong(case: Case, dtype: str, answer: Mapping[str, np.ndarray]) -> bool:
    with np.errstate(all="ignore"):
        return not all(comparison.passed for comparison in compare(case, dtype, answer))


def _agree(answer: Mapping[str, np.ndarray], mistaken: Mapping[str, np.ndarray], case: Case, dtype: str) -> bool:
    compared = {name: numbers for name, numbers in case.expected[0].items() if name in answer}
    return bool(compared) and all(
        _is_within(answer[name], mistaken[name], numbers.value, numbers.tolerance[dtype], dtype)
        for name, numbers in compared.items()
    )


def _is_within(got: np.ndarray, mistaken: np.ndarray, right: np.ndarray, tolerance: np.ndarray, dtype: str) -> bool:
    """Whether rounding explains the difference.

    Numbers larger than the right ones may have proportionally larger errors. Where the right number is exact, the
    mistaken one may still be off by a few units in the last place.
    """
    got, mistaken = got.astype(np.float64), mistaken.astype(np.float64)
    if got.shape != mistaken.shape:
        return False
    finite = np.isfinite(mistaken)
    most = np.max(tolerance, initial=0, where=np.isfinite(tolerance))
    allowed = np.where(np.isfinite(tolerance), tolerance, most) if mistaken.shape == right.shape else most
    largest, due = (np.max(np.abs(x), initial=0, where=np.isfinite(x)) for x in (mistaken, right))
    allowed = allowed * max(1, largest / due if due else 1) + _ROUNDINGS * spacing(mistaken, dtype)
    near = np.abs(got - mistaken) <= allowed
    return bool((np.isfinite(got) == finite).all() and near[finite].all())
