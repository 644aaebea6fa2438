"""The subset as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from snr_ref.conformance.arguments import flat
from snr_ref.conformance.case import Case
from snr_ref.conformance.clauses import SPECIFICATION_VERSION
from snr_ref.conformance.expectation import Numbers
from snr_ref.conformance.vectors import schema
from snr_ref.conformance.vectors.subset import DTYPES


def as_json(cases: Sequence[Case], digest: str) -> str:
    """Cases as JSON, in the form that `docs/vectors_format.md` describes.

    Args:
        cases: Cases to write.
        digest: Digest of the HDF5 file that the JSON file belongs to.

    Returns:
        The text, with a line for each case. Numbers have enough digits to give the same float64 back.
    """
    lines = ",\n".join(json.dumps(_case(case), allow_nan=False, ensure_ascii=False) for case in cases)
    head = {
        "format": schema.VECTORS,
        "format_version": schema.FORMAT_VERSION,
        "specification_version": SPECIFICATION_VERSION,
        "vectors_sha256": digest,
    }
    return f'{json.dumps(head)[:-1]}, "cases": [\n{lines}\n]}}\n'


def _case(case: Case) -> dict[str, Any]:
    dtypes = [dtype for dtype in case.dtypes if dtype in DTYPES]
    return {
        "name": case.name,
        "required": case.group.required,
        "function": case.function,
        "kind": case.kind,
        "reason": case.reason,
        "clauses": list(case.clauses),
        "dtypes": dtypes,
        "inputs": {name: _input(value) for name, value in flat(case.arguments).items()},
        "expected": [{name: _output(output, dtypes) for name, output in answer.items()} for answer in case.expected],
    }


def _input(value: Any) -> Any:
    array = schema.stored(value)
    if array.dtype.kind == "S":
        return {"type": "text", "data": value}
    kind = {"float64": "float64", "int64": "int64", "uint8": "boolean"}[array.dtype.name]
    return {"type": kind, "shape": list(array.shape), "data": _flat(array.ravel().tolist())}


def _output(output: Numbers, dtypes: list[str]) -> dict[str, Any]:
    tolerance = {dtype: _flat(output.tolerance[dtype].ravel().tolist()) for dtype in dtypes}
    return {"shape": list(output.value.shape), "data": _flat(output.value.ravel().tolist()), "tolerance": tolerance}


def _flat(values: list[Any]) -> list[Any]:
    """The values with NaN and the infinities, for which JSON has no number, as "nan", "inf" and "-inf"."""
    return [value if math.isfinite(value) else str(value) for value in values]
