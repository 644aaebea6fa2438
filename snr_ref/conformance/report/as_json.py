"""A report as JSON, in the schema described in the guide on checking an implementation."""

from __future__ import annotations

import math
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from snr_ref.conformance.clauses import SPECIFICATION_VERSION
from snr_ref.conformance.report import Report
from snr_ref.conformance.report.quantity import Quantity
from snr_ref.conformance.report.result import Result

#: Version of the JSON schema; it grows if a field is removed or changes its meaning.
SCHEMA = 1


def to_json(report: Report) -> dict[str, Any]:
    """The report as a value for `json.dumps`; null stands for an infinite figure: shapes or finite numbers differ."""
    return {
        "schema": SCHEMA,
        "specification_version": SPECIFICATION_VERSION,
        "packages": packages(),
        "implementation": report.implementation,
        "exit_status": report.exit_status,
        "counts": report.counts,
        "passed_functions": report.passed_functions,
        "failed_functions": report.functions("failed"),
        "not_provided": [{"name": n, "times": k, "of": of} for n, (k, of) in report.not_provided.items()],
        "groups": [{"name": group.name, "required": group.required, "provided": word} for group, word in report.groups],
        "quantities": [_quantity_json(quantity) for quantity in report.quantities],
        "first_differences": [
            {
                "function": d.function,
                "output": d.output,
                "cases": list(d.cases),
                "failing": d.failing,
                "clauses": list(d.clauses),
                "suspicions": [{"mistake": mistake, "cases": n} for mistake, n in d.suspicions],
            }
            for d in report.first_differences
        ],
        "results": [_result_json(result) for result in report.results if result.outcome != "passed"],
    }


def packages() -> dict[str, str]:
    """The versions of the packages on which a report depends."""
    try:
        own = version("snr-reid")
    except PackageNotFoundError:
        own = "not installed"
    return {"snr-reid": own, "numpy": np.__version__}


def _quantity_json(quantity: Quantity) -> dict[str, Any]:
    figures = {"error": quantity.error, "ulps": quantity.ulps, "fraction_of_tolerance": quantity.fraction}
    return {
        "name": quantity.name,
        "function": quantity.function,
        "dtype": quantity.dtype,
        "passed": not quantity.failed and not quantity.expected_failures,
        "cases": quantity.cases,
        "failed": quantity.failed,
        "expected_failures": quantity.expected_failures,
    } | {
        f"worst_{name}": None if worst is None else {"value": _finite(worst.value), "case": worst.case}
        for name, worst in figures.items()
    }


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "case": result.case.name,
        "dtype": result.dtype,
        "function": result.case.function,
        "outcome": result.outcome,
        "why": result.why,
        "reason": result.case.reason,
        "clauses": list(result.case.clauses),
        "suspicions": list(result.suspicions),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
