"""The cases that are small enough for a text file, for programs that do not link HDF5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snr_ref.conformance.arguments import flat
from snr_ref.conformance.case import Case

#: What the text files have tolerances for.
DTYPES = ("float64", "float32")

#: The most numbers that a case of the subset has in its inputs and answers.
MOST_NUMBERS = 800


def subset(cases: Sequence[Case]) -> list[Case]:
    """Of each function the first case that is small; of the required groups, every one that is.

    Args:
        cases: All of them.

    Returns:
        Those of the subset, in the same order.
    """
    chosen: list[Case] = []
    functions: set[str] = set()
    for case in cases:
        is_first = case.function not in functions
        if (is_first or case.group.required) and numbers(case) <= MOST_NUMBERS:
            chosen.append(case)
            functions.add(case.function)
    return chosen


def numbers(case: Case) -> int:
    """How many numbers a case has in its inputs and answers."""
    inputs = sum(np.size(value) for value in flat(case.arguments).values())
    return inputs + sum(output.value.size for answer in case.expected for output in answer.values())
