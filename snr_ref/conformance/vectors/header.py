"""The subset as a C header."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from snr_ref.conformance.arguments import flat
from snr_ref.conformance.case import Case
from snr_ref.conformance.clauses import SPECIFICATION_VERSION
from snr_ref.conformance.vectors import schema
from snr_ref.conformance.vectors.subset import DTYPES

_HEAD = """\
/* Golden vectors of SNR: what an implementation is given and what it must answer, as docs/vectors_format.md says.
   C99, and C++ as well. Arrays are in C order; a name that the case does not have is not in its lists.
   The HDF5 file beside this has the SHA-256 {digest}. */
#ifndef SNR_VECTORS_H
#define SNR_VECTORS_H

#include <math.h>
#include <stddef.h>

#define SNR_VECTORS_FORMAT_VERSION {format}
#define SNR_VECTORS_SPECIFICATION_VERSION "{specification}"
#define SNR_VECTORS_MAX_RANK 8

/* One argument: numbers if it is float64, integers if it is int64 or a boolean, else text; the others are NULL. */
typedef struct {{
    const char *name;
    int rank;
    size_t shape[SNR_VECTORS_MAX_RANK];
    size_t size;
    const double *numbers;
    const long long *integers;
    const char *text;
}} snr_vectors_input;

/* One output of one answer. A tolerance is NULL where the case is not asked in that precision. */
typedef struct {{
    const char *name;
    int rank;
    size_t shape[SNR_VECTORS_MAX_RANK];
    size_t size;
    const double *expected;
    const double *tolerance_float64;
    const double *tolerance_float32;
}} snr_vectors_output;

/* One of the answers that are right. */
typedef struct {{
    size_t count;
    const snr_vectors_output *outputs;
}} snr_vectors_answer;

typedef struct {{
    const char *name;
    const char *function;
    const char *kind;
    const char *reason;
    int required;
    size_t input_count;
    const snr_vectors_input *inputs;
    size_t answer_count;
    const snr_vectors_answer *answers;
}} snr_vectors_case;
"""


def c_header(cases: Sequence[Case], digest: str) -> str:
    """Cases as a C header whose table is `snr_vectors_cases`.

    Args:
        cases: Cases to write.
        digest: Digest of the HDF5 file that the header belongs to.

    Returns:
        The text; numbers have enough digits to give the same double back.
    """
    head = _HEAD.format(digest=digest, format=schema.FORMAT_VERSION, specification=SPECIFICATION_VERSION)
    parts = _Parts()
    rows = [parts.case(case) for case in cases]
    table = _table("snr_vectors_case", "snr_vectors_cases", rows)
    count = f"#define SNR_VECTORS_CASE_COUNT {len(rows)}"
    return "\n".join([head, *parts.definitions, table, count, "", "#endif", ""])


class _Parts:
    """The arrays and tables to which the table of cases points, each defined before it is used."""

    def __init__(self) -> None:
        self.definitions: list[str] = []

    def case(self, case: Case) -> str:
        inputs = self._define("snr_vectors_input", [self._input(n, v) for n, v in flat(case.arguments).items()])
        answers = self._define(
            "snr_vectors_answer", [self._answer(case, number) for number in range(len(case.expected))]
        )
        texts = ", ".join(_text(text) for text in (case.name, case.function, case.kind, case.reason))
        return f"{texts}, {int(case.group.required)}, {inputs}, {answers}"

    def _input(self, name: str, value: Any) -> str:
        array = schema.stored(value)
        pointers = ["NULL", "NULL", "NULL"]
        if array.dtype.kind == "S":
            pointers[2] = _text(value)
        elif array.dtype == np.float64:
            pointers[0] = self._numbers("double", array)
        else:
            pointers[1] = self._numbers("long long", array)
        return f"{_text(name)}, {_shape(array)}, {', '.join(pointers)}"

    def _answer(self, case: Case, number: int) -> str:
        rows = []
        for name, output in case.expected[number].items():
            arrays = [self._numbers("double", output.value)]
            arrays += [self._numbers("double", output.tolerance[d]) if d in case.dtypes else "NULL" for d in DTYPES]
            rows.append(f"{_text(name)}, {_shape(output.value)}, {', '.join(arrays)}")
        return self._define("snr_vectors_output", rows)

    def _numbers(self, kind: str, array: np.ndarray) -> str:
        values = [_number(value) for value in array.ravel().tolist()] or ["0"]  # C has no empty array
        name = f"snr_vectors_{len(self.definitions)}"
        lines = [", ".join(values[i : i + 8]) for i in range(0, len(values), 8)]
        self.definitions.append(f"static const {kind} {name}[] = {{" + ",\n".join(lines) + "};")
        return name

    def _define(self, kind: str, rows: list[str]) -> str:
        """The number of rows of a table, and its name."""
        if not rows:
            return "0, NULL"
        name = f"snr_vectors_{len(self.definitions)}"
        self.definitions.append(_table(kind, name, rows))
        return f"{len(rows)}, {name}"


def _table(kind: str, name: str, rows: list[str]) -> str:
    return f"static const {kind} {name}[] = {{\n" + ",\n".join(f"    {{{row}}}" for row in rows) + "\n};"


def _shape(array: np.ndarray) -> str:
    lengths = ", ".join(str(n) for n in array.shape) or "0"
    return f"{array.ndim}, {{{lengths}}}, {array.size}"


def _number(value: float | int) -> str:
    if value == -(2**63):
        return "-9223372036854775807 - 1"  # C has no literal for the least integer
    if math.isfinite(value):
        return repr(value)
    return "NAN" if math.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
