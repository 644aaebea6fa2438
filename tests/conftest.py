"""The same state for every test, Hypothesis profiles, and what a run ends with.

At the end stands how much was tried, and how near the port came to its bounds.
"""

import atexit
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.assertions import PARITY_RECORD, Parity, record

OF_THE_USER = "COLUMNS LINES FORCE_COLOR NO_COLOR PY_COLORS GITHUB_ACTIONS SNR_TRACEBACK TF_CONFIG"
for variable in OF_THE_USER.split():
    os.environ.pop(variable, None)
os.environ["KERAS_HOME"] = tempfile.mkdtemp()  # a keras.json as well
atexit.register(shutil.rmtree, os.environ["KERAS_HOME"], ignore_errors=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

for profile, examples in {"fast": 10, "usual": 25, "thorough": 200}.items():
    slow_machines_are_welcome = [HealthCheck.too_slow]
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=slow_machines_are_welcome
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


def settings_of_keras() -> tuple[object, ...] | None:
    """The settings of the whole process, if Keras is imported."""
    config = getattr(sys.modules.get("keras"), "config", None)
    if config is None:
        return None
    return config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy().name


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Layers and initializers without a seed get the same one, whatever ran before: they draw it from Python.

    Seeding TensorFlow as well would have it forget all that it has prepared.
    """
    random.seed(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Restores the settings of the whole process after each test."""
    before = settings_of_keras()
    yield
    assert before in (None, settings_of_keras()), "floatx, epsilon, data format and dtype policy are left changed"


PROPERTIES: list[str] = []  # what Hypothesis says of each property-based test that ran


def pytest_runtest_teardown(item: Any) -> None:
    """Collect what Hypothesis says of a test."""
    if hasattr(item, "hypothesis_statistics"):
        PROPERTIES.append(item.hypothesis_statistics)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands over what it has collected."""
    if hasattr(session.config, "workeroutput"):
        parities = [(*of, parity.error, parity.fraction, parity.numbers) for of, parity in PARITY_RECORD.items()]
        session.config.workeroutput |= {"properties": PROPERTIES, "parities": parities}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what a worker has collected; one that has crashed has nothing to hand over."""
    found = getattr(node, "workeroutput", {})
    PROPERTIES.extend(found.get("properties", ()))
    for quantity, dtype, *parity in found.get("parities", ()):
        record(quantity, dtype, Parity(*parity))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The number of property-based examples, and the table of parity with the specification."""
    examples = sum(int(n) for text in PROPERTIES for n in re.findall(r"(\d+) passing,", text))
    if PARITY_RECORD:
        terminalreporter.section("parity with snr_ref")
        headings = f"{'numbers':>9} {'worst error':>12} {'of bound':>9}"
        width = max(len(quantity) for quantity, _ in PARITY_RECORD)
        terminalreporter.write_line(f"{'quantity':<{width}} {'dtype':<10} {headings}")
        for (quantity, dtype), parity in sorted(PARITY_RECORD.items()):
            figures = f"{parity.numbers:>9} {parity.error:>12.2e} {parity.fraction:>9.1%}"
            terminalreporter.write_line(f"{quantity:<{width}} {dtype:<10} {figures}")
    if PROPERTIES:
        terminalreporter.section("hypothesis")
        terminalreporter.write_line(f"{examples} examples of {len(PROPERTIES)} properties")
