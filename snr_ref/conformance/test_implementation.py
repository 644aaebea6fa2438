"""One test per case and dtype, for `pytest --pyargs snr_ref.conformance --implementation=module:adapter`."""

from __future__ import annotations

import pytest

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.pytest_plugin import EXPECTED_FAILURES, IMPLEMENTATION
from snr_ref.conformance.report.as_text import failure
from snr_ref.conformance.runner import questions, run
from snr_ref.conformance.selection import ExpectedFailures


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of every case in every dtype that it and the implementation accept."""
    implementation = metafunc.config.stash.get(IMPLEMENTATION, None)
    expected = metafunc.config.stash.get(EXPECTED_FAILURES, None)
    if not isinstance(implementation, Implementation) or not isinstance(expected, ExpectedFailures):
        raise pytest.Collector.CollectError(
            "The conformance tests need --implementation=MODULE[:OBJECT], the adapter to check against the "
            "specification, such as --implementation=my_adapter"
        )
    asked = questions(implementation, catalogue())
    metafunc.parametrize(("case", "dtype"), [_parameters(case, dtype, expected) for case, dtype in asked])


def test_case(case: Case, dtype: str, pytestconfig: pytest.Config) -> None:
    """The implementation answers as the specification says."""
    implementation = pytestconfig.stash[IMPLEMENTATION]
    assert isinstance(implementation, Implementation)
    result = run(implementation, case, dtype)
    if result.outcome == "failed":
        pytest.fail(failure(result), pytrace=False)
    if result.outcome != "passed":
        pytest.skip(f"{result.outcome}: {result.why}")


def _parameters(case: Case, dtype: str, expected: ExpectedFailures) -> object:
    reason = expected.reason(case, dtype)
    known = () if reason is None else pytest.mark.xfail(reason=reason, strict=False, raises=pytest.fail.Exception)
    return pytest.param(case, dtype, id=f"{case.name}-{dtype}", marks=known)
