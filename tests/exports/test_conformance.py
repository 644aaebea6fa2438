"""The exported layer, in each runtime, held against the specification."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
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


#: The same in float16, where less is left to be asked.
PART_IN_FLOAT16 = 12

RUNTIMES = (adapter.onnx_runtime, adapter.litert, adapter.openvino, adapter.saved_model)
IN_FLOAT16 = (adapter.onnx_runtime_float16, adapter.litert_float16, adapter.openvino_float16)


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.__name__)
def test_exported_layer_conforms(runtime: Exported) -> None:
    expected = ExpectedFailures.read(Path(__file__).parent / f"{runtime.__name__}_failures.txt", catalogue())
    report = expected.applied_to(check(runtime, cases=asked(expected)))
    assert {result.case.function for result in report.results} == {"snr", "snr_closed_form"}
    unexplained = [r for r in report.results if r.outcome not in ("passed", "expected failure")]
    assert not unexplained, "\n".join(f"{r.case.name}: {r.outcome}: {r.why}" for r in unexplained)
    assert sum(result.outcome == "passed" for result in report.results) > len(report.results) / 2


@pytest.mark.parametrize("runtime", IN_FLOAT16, ids=lambda runtime: runtime.__name__)
def test_exported_layer_of_float16_weights_conforms_as_in_float32(runtime: Exported) -> None:
    """Float16 is how constants are kept and no more: with those that it holds, the bounds of float32 have to stand."""
    expected = ExpectedFailures.read(Path(__file__).parent / f"{runtime.__name__}_failures.txt", catalogue())
    chosen = (with_float16_constants(case) for case in asked(ExpectedFailures(()), PART_IN_FLOAT16))
    report = check(runtime, cases=[case for case in chosen if not expected.reason(case, "float32")])
    failures = [f"{r.case.name}: {r.outcome}: {r.why}" for r in report.results if r.outcome != "passed"]
    assert not failures, "\n".join(failures)
    assert {result.case.function for result in report.results} == {"snr", "snr_closed_form"}


def with_float16_constants(case: Case) -> Case:
    """The case with the nearest weights and epsilon in float16, and with n pixels of which 1 / n is exact.

    ONNX and OpenVINO keep the weights in float16, LiteRT the numbers in the graph too.
    """
    F, given = case.arguments["F"], case.arguments["params"]
    F = F[:, *(slice(1 << int(np.log2(pixels))) for pixels in F.shape[1:-1])]
    weights = {name: np.float64(np.float16(weight)) for name, weight in given._asdict().items() if weight is not None}
    epsilon = float(np.float16(case.arguments.get("epsilon", 1e-5)))
    return replace(case, arguments={"F": F, "params": given._replace(**weights), "epsilon": epsilon})


def of_the_layer() -> list[Case]:
    """The cases that an exported layer can be asked: numbers and patterns of the forward pass, in float32."""
    functions = ("snr", "snr_closed_form")
    cases = (case for case in catalogue() if case.function in functions and case.kind != "refusal")
    return [case for case in cases if "float32" in case.dtypes]


def asked(expected: ExpectedFailures, part: int = PART) -> list[Case]:
    """Every `part`-th case of each group from the first on, and all that are expected to fail."""
    seen: Counter[str] = Counter()
    chosen = []
    for case in of_the_layer():
        if THOROUGH or seen[case.group.name] % part == 0 or expected.reason(case, "float32"):
            chosen.append(case)
        seen[case.group.name] += 1
    return chosen
