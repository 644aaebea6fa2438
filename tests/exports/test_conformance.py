"""The exported layer, in each runtime, held against the specification."""

from collections import Counter
from pathlib import Path

import pytest

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.runner import check
from snr_ref.conformance.selection import ExpectedFailures
from tests.exports import adapter
from tests.exports.adapter import Exported
from tests.frameworks.kit import THOROUGH

#: Each case is an export of a second or two: of how many cases of a group one is asked. All under the thorough profile.
PART = 4


RUNTIMES = (adapter.onnx_runtime, adapter.litert, adapter.openvino, adapter.saved_model)


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.__name__)
def test_exported_layer_conforms(runtime: Exported) -> None:
    expected = ExpectedFailures.read(Path(__file__).parent / f"{runtime.__name__}_failures.txt", catalogue())
    report = expected.applied_to(check(runtime, cases=asked(expected)))
    assert {result.case.function for result in report.results} == {"snr", "snr_closed_form"}
    unexplained = [r for r in report.results if r.outcome not in ("passed", "expected failure")]
    assert not unexplained, "\n".join(f"{r.case.name}: {r.outcome}: {r.why}" for r in unexplained)
    assert sum(result.outcome == "passed" for result in report.results) > len(report.results) / 2


def of_the_layer() -> list[Case]:
    """The cases that an exported layer can be asked: numbers and patterns of the forward pass, in float32."""
    functions = ("snr", "snr_closed_form")
    cases = (case for case in catalogue() if case.function in functions and case.kind != "refusal")
    return [case for case in cases if "float32" in case.dtypes]


def asked(expected: ExpectedFailures) -> list[Case]:
    """Every `PART`-th case of each group from the first on, and all that are expected to fail."""
    seen: Counter[str] = Counter()
    chosen = []
    for case in of_the_layer():
        if THOROUGH or seen[case.group.name] % PART == 0 or expected.reason(case, "float32"):
            chosen.append(case)
        seen[case.group.name] += 1
    return chosen
