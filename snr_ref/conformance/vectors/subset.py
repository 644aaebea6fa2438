"""The cases that are small enough for text files, for programs that do not link HDF5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snr_ref.conformance.arguments import flat
from snr_ref.conformance.case import Case

#: Dtypes for which the text files have tolerances.
DTYPES = ("float64", "float32")

#: Maximal number of numbers in the inputs and answers of a case of the subset.
MOST_NUMBERS = 800


def subset(cases: Sequence[Case]) -> list[Case]:
    """The first small case of each function, and every small case of the required groups.

    Args:
        cases: All cases.

    Returns:
        The cases of the subset, in the same order.
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
    """The number of numbers in a case's inputs and answers."""
    inputs = sum(np.size(value) for value in flat(case.arguments).values())
    return inputs + sum(output.value.size for answer in case.expected for output in answer.values())
