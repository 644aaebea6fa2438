"""The pytest plugin of the kit: `pytest --pyargs snr_ref.conformance --implementation=module:adapter`.

It is registered as an entry point, so every run of pytest loads it. Unless the kit's tests are requested it adds no
option and imports nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

#: Keys of the `Implementation` and of the `ExpectedFailures` that the options name.
IMPLEMENTATION = pytest.StashKey[object]()
EXPECTED_FAILURES = pytest.StashKey[object]()


def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> None:
    """Add the options of the kit if its tests are requested by name, by path or by one of its own options."""
    if not any("snr_ref.conformance" in a.replace("\\", "/").replace("/", ".") or a.startswith("--snr-") for a in args):
        return
    group = parser.getgroup("snr", "conformance of an SNR implementation")
    group.addoption(
        "--snr-implementation",
        "--implementation",
        dest="snr_implementation",
        metavar="MODULE[:OBJECT]",
        help="the adapter that `--pyargs snr_ref.conformance` checks against the specification",
    )
    group.addoption(
        "--snr-implementation-expected-failures",
        "--implementation-expected-failures",
        dest="snr_expected_failures",
        metavar="FILE",
        type=Path,
        help="file with a line `pattern [dtype] [# reason]` per known failure",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load the adapter if the options name one.

    Raises:
        pytest.UsageError: If the adapter or the file of expected failures is missing or wrong.
    """
    target, expected = (config.getoption(name, None) for name in ("snr_implementation", "snr_expected_failures"))
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
