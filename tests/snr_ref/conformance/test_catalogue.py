"""The catalogue as a whole: the same numbers everywhere, a reason for each case, and the reference passes its own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

import snr_ref
from snr_ref.conformance.arguments import HALF, flat, in_dtype
from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import cases_of, catalogue
from snr_ref.conformance.comparison import compare
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.implementation import Implementation

CASES = {case.name: case for case in catalogue()}

#: The clauses that are the module's.
MODULE_CLAUSES = {
    *("1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "2.1", "4.1", "4.2", "5.1", "5.2", "5.5"),
    *("6.1", "6.2", "6.3", "6.4", "6.5", "6.6"),
}


def digest(case: Case) -> str:
    """The answers to everything that the case asks."""
    content = hashlib.sha256(case.function.encode())
    for arguments in (case.arguments, *case.choices):
        for name, value in flat(arguments).items():
            content.update(name.encode())
            content.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return content.hexdigest()


def test_names_are_unique() -> None:
    assert not [name for name, count in Counter(case.name for case in catalogue()).items() if count > 1]


def test_the_numbers_follow_from_the_names_alone() -> None:
    again = {case.name: digest(case) for case in cases_of(FUNCTIONS.values())}
    program = (
        "from snr_ref.conformance.catalogue import catalogue\n"
        "from tests.snr_ref.conformance.test_catalogue import digest\n"
        "for case in catalogue(): print(case.name, digest(case))"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert again == dict(line.split() for line in elsewhere.stdout.splitlines())
    assert again == {name: digest(case) for name, case in CASES.items()}


def test_every_case_says_why_it_is_there() -> None:
    for name, case in CASES.items():
        assert len(case.reason.split()) >= 3, name
        assert case.reason.endswith("."), name
        assert case.clauses, name


def test_every_case_is_exact_in_its_dtypes() -> None:
    for name, case in CASES.items():
        assert "float64" in case.dtypes, name
        for dtype in set(case.dtypes) - {"bfloat16"}:
            for argument, value in flat(in_dtype(case.arguments, dtype, FUNCTIONS[case.function].maps)).items():
                if isinstance(value, np.ndarray):
                    same = np.array_equal(value.astype(np.float64), flat(case.arguments)[argument], equal_nan=True)
                    assert same, f"{name}: {argument} in {dtype}"


def test_every_case_expects_every_output_or_those_that_it_names() -> None:
    for name, case in CASES.items():
        given = {key.rpartition("/")[2] for key in flat(case.arguments)}
        absent = {f"grad_{bias}" for bias in ("b", "b1", "b2") if bias not in given}
        outputs = tuple(o for o in case.outputs or FUNCTIONS[case.function].outputs if o not in absent)
        for expected in case.expected:
            assert tuple(expected) == outputs, name


def test_every_map_fits_into_float16_where_it_is_asked_for() -> None:
    for name, case in CASES.items():
        for expected in case.expected if "float16" in case.dtypes else ():
            for output, numbers in expected.items():
                if output in FUNCTIONS[case.function].maps:
                    assert not (np.abs(numbers.value) > 6e4).any(), name


def test_tolerances_are_finite_and_no_smaller_in_less_precision() -> None:
    for name, case in CASES.items():
        for expected in case.expected:
            for output, numbers in expected.items():
                assert set(numbers.tolerance) == set(case.dtypes), name
                finite = np.isfinite(numbers.value)
                assert not (np.abs(numbers.value[finite & (numbers.value != 0)]) < 1e-300).any(), f"{name}: {output}"
                for tolerance in numbers.tolerance.values():
                    assert tolerance.shape == numbers.value.shape, f"{name}: {output}"
                    assert np.isfinite(tolerance[finite]).all(), f"{name}: {output}"
                    assert (tolerance[finite] >= numbers.tolerance["float64"][finite]).all(), f"{name}: {output}"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_reference_passes_or_refuses(case: Case) -> None:
    reference = Implementation(snr_ref)
    if case.kind == "refusal":
        with pytest.raises(ValueError, match="Received"):
            reference.answer(case, "float64")
        return
    comparisons = compare(case, "float64", reference.answer(case, "float64"))
    assert comparisons
    assert not [f"{c.output}: {c.why}" for c in comparisons if not c.passed]


def test_every_clause_of_the_module_is_pinned() -> None:
    of_the_module = [case for case in catalogue() if any(o in ("F", "z") for o in case.arguments)]
    assert {clause for case in of_the_module for clause in case.clauses} >= MODULE_CLAUSES


def test_half_precision_is_asked_in_half_precision() -> None:
    for name, case in CASES.items():
        if case.group.name == "half_precision":
            assert set(HALF) <= set(case.dtypes), name


def test_equal_images_have_equal_answers() -> None:
    case = CASES["forward/duplicate_images"]
    for numbers in case.expected[0].values():
        for duplicate in (2, 3):
            np.testing.assert_array_equal(numbers.value[duplicate], numbers.value[0])


def test_hidden_units_are_dead_only_where_that_is_the_point() -> None:
    on_purpose = ("dead", "zero", "f_tilde_alone")
    for name, case in CASES.items():
        for expected in case.expected if not any(word in name for word in on_purpose) else ():
            if "a" in expected:
                assert (expected["a"].value != 0.5).any(), name
            if "grad_w1" in expected:
                assert expected["grad_w1"].value.any(), name
