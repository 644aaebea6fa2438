"""Running the kit in a test: all of it where that is quick, and a stated part of it where every shape is compiled."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.report import Report
from snr_ref.conformance.runner import questions, run
from snr_ref.conformance.selection import ExpectedFailures, select

#: With `HYPOTHESIS_PROFILE=thorough` every framework is asked everything.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"

#: What an implementation of the module and its losses alone leaves out: retrieval, the entropy form, MAR's losses.
OPTIONAL = {
    *("evaluate_retrieval", "evaluate_verification", "re_ranking"),
    *("dual_restitution_loss", "dual_restitution_gradients"),
    *("pixelwise_dual_restitution_loss", "pixelwise_dual_restitution_gradients"),
    *("unit_vjp", "log_multilabels", "log_multilabels_vjp", "multilabel_agreement"),
    *("initial_threshold", "next_threshold", "next_memory", "discriminative_loss", "discriminative_gradient"),
    *("next_statistics", "consistency_loss", "consistency_gradient"),
    *("joint_embedding_loss", "joint_embedding_gradients"),
}


def report(adapter: Any, *, part: int | None = None, expected_failures: Path | None = None) -> Report:
    """The kit's report on an adapter.

    Args:
        adapter: Adapter, as for `snr parity check`.
        part: None asks every case in every dtype. A number asks the cases that `in_part` chooses; under the thorough
            profile it asks all.
        expected_failures: File of expected failures, with a reason for each.

    Returns:
        The report.
    """
    implementation = Implementation(adapter)
    asked = questions(implementation, catalogue())
    if part is not None and not THOROUGH:
        asked = in_part(asked, part)
    found = Report(implementation.name, tuple(run(implementation, case, dtype) for case, dtype in asked))
    return (
        found if expected_failures is None else ExpectedFailures.read(expected_failures, catalogue()).applied_to(found)
    )


def outcome(adapter: Any, case: str, dtype: str) -> str:
    """The result of one case."""
    (asked,) = select(catalogue(), [case])
    return run(Implementation(adapter), asked, dtype).outcome


@contextmanager
def without_float64() -> Iterator[None]:
    """JAX as it is by default: real numbers and integers of 64 bits become such of 32."""
    import jax

    jax.config.update("jax_enable_x64", False)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", True)


def in_part(asked: list[tuple[Case, str]], part: int) -> list[tuple[Case, str]]:
    """The first and then every `part`-th case of each function in each group, in the least chosen dtype."""
    dtypes: dict[Case, list[str]] = {}
    for case, dtype in asked:
        dtypes.setdefault(case, []).append(dtype)
    seen: Counter[tuple[str, str]] = Counter()
    chosen: dict[Case, str] = {}
    for case, own in dtypes.items():
        kind = case.group.name, case.function
        if seen[kind] % part == 0:
            times = Counter(chosen.values())
            chosen[case] = min(own, key=lambda dtype: times[dtype])
        seen[kind] += 1
    return list(chosen.items())


def assert_conforms(found: Report, *, without: set[str] = frozenset(), partly: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Nothing failed, and exactly these functions are not provided, or not for every case.

    Args:
        found: The report.
        without: Functions that are not provided.
        partly: Functions that are provided for some of their cases.
    """
    failures = [f"{r.case.name} in {r.dtype}: {r.why}" for r in found.having("failed")]
    assert not failures, "\n".join([f"{len(failures)} of {len(found.results)} failed", *failures, found.text()])
    provided = set(found.functions("passed", "unexpected pass"))
    lacking = set(found.functions("not provided"))
    assert lacking - provided == set(without)
    assert lacking & provided <= set(partly)
