"""What pytest needs to run the kit: `pytest --pyargs snr_ref.conformance --implementation=module:adapter`.

It is registered as an entry point, so that every run of pytest loads it: nothing of the kit is imported before the
option is given.
"""

from __future__ import annotations

from pathlib import Path

import pytest

#: The `Implementation`, and the `ExpectedFailures` of its file, where the options name them.
IMPLEMENTATION = pytest.StashKey[object]()
EXPECTED_FAILURES = pytest.StashKey[object]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kit."""
    group = parser.getgroup("snr", "conformance of an SNR implementation")
    group.addoption(
        "--implementation",
        metavar="MODULE[:OBJECT]",
        help="the adapter that `--pyargs snr_ref.conformance` holds against the specification",
    )
    group.addoption(
        "--implementation-expected-failures",
        metavar="FILE",
        type=Path,
        help="a line `pattern [dtype] [# reason]` per failure that is known",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load the adapter if one is named.

    Raises:
        pytest.UsageError: If it, or the file of expected failures, isn't there or isn't right.
    """
    target, expected = config.getoption("--implementation"), config.getoption("--implementation-expected-failures")
    if target is None and expected is None:
        return
    from snr_ref.conformance.catalogue import catalogue
    from snr_ref.conformance.functions import FUNCTIONS
    from snr_ref.conformance.implementation import load
    from snr_ref.conformance.selection import ExpectedFailures

    if target is None:
        raise pytest.UsageError("--implementation-expected-failures needs --implementation=MODULE[:OBJECT]")
    try:
        implementation = load(target)
        expected_failures = ExpectedFailures(()) if expected is None else ExpectedFailures.read(expected, catalogue())
    except (ValueError, OSError, ImportError) as error:
        raise pytest.UsageError(str(error)) from error
    if not any(map(implementation.provides, FUNCTIONS)):
        raise pytest.UsageError(f"{target} provides none of {', '.join(FUNCTIONS)}")
    config.stash[IMPLEMENTATION] = implementation
    config.stash[EXPECTED_FAILURES] = expected_failures
