"""The part of the cases that is asked if all take too long: it has cases of every function and group."""

import pytest

from snr_ref.conformance.arguments import DTYPES
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.runner import questions
from tests.frameworks.kit import in_part


class InEveryDtype:
    """An adapter with nothing but dtypes: what is asked does not depend on what is provided."""

    dtypes = DTYPES


@pytest.mark.parametrize("part", [2, 24, 1000])
def test_a_part_asks_every_group_and_function_and_dtype(part: int) -> None:
    asked = questions(Implementation(InEveryDtype()), catalogue())
    chosen = in_part(asked, part)
    assert set(chosen) <= set(asked)
    kinds = {(case.group.name, case.function) for case, _ in asked}
    assert len(chosen) == len({case for case, _ in chosen}) <= len(asked) / part + len(kinds)
    assert {(case.group.name, case.function) for case, _ in chosen} == kinds
    assert {dtype for _, dtype in chosen} == set(DTYPES)
