"""Hypothesis profiles, and what a run ends with: how much was tried, and how near the port came to its bounds."""

import os
import re
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from hypothesis import HealthCheck, settings

from tests.assertions import PARITY_RECORD

for profile, examples in {"fast": 25, "thorough": 200}.items():
    slow_machines_are_welcome = [HealthCheck.too_slow]
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=slow_machines_are_welcome
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


PROPERTIES: list[str] = []  # what Hypothesis says of each property-based test that ran


def pytest_runtest_teardown(item: Any) -> None:
    """Collect what Hypothesis says of a test."""
    if hasattr(item, "hypothesis_statistics"):
        PROPERTIES.append(item.hypothesis_statistics)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The number of property-based examples, and the table of parity with the specification."""
    examples = sum(int(n) for text in PROPERTIES for n in re.findall(r"(\d+) passing,", text))
    if PARITY_RECORD:
        terminalreporter.section("parity with snr_ref")
        headings = f"{'numbers':>9} {'worst error':>12} {'of bound':>9}"
        terminalreporter.write_line(f"{'quantity':<40} {'dtype':<10} {headings}")
        for (quantity, dtype), parity in sorted(PARITY_RECORD.items()):
            figures = f"{parity.numbers:>9} {parity.error:>12.2e} {parity.fraction:>9.1%}"
            terminalreporter.write_line(f"{quantity:<40} {dtype:<10} {figures}")
    if PROPERTIES:
        terminalreporter.section("hypothesis")
        terminalreporter.write_line(f"{examples} examples of {len(PROPERTIES)} properties")
