"""The arguments of a function: by name, in every dtype, with the arrays of a record listed separately."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

#: The dtypes in which an implementation can be run.
DTYPES = ("float64", "float32", "float16", "bfloat16")
HALF = ("float16", "bfloat16")

Record = TypeVar("Record", bound=Any)


def in_dtype(arguments: Mapping[str, Any], dtype: str, maps: frozenset[str]) -> dict[str, Any]:
    """The arguments with every real array in that dtype; in half precision only the maps, and the rest in float32.

    Args:
        arguments: Arguments by name.
        dtype: One of `DTYPES`.
        maps: Names of the feature maps.

    Returns:
        The arguments by name.
    """

    def cast(name: str, value: Any) -> Any:
        if is_record(value):
            return each_field(lambda array: cast(name, array), value)
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            return value
        if dtype in HALF and name not in maps:
            return value.astype(np.float32)
        return value.astype(numpy_dtype(dtype))

    return {name: cast(name, value) for name, value in arguments.items()}


def is_record(value: Any) -> bool:
    """Whether an argument is several arrays: a NamedTuple of the reference."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def each_field(function: Callable[[np.ndarray], Any], record: Record) -> Record:
    """The record with the function applied to each of its arrays; an absent bias stays absent."""
    values: dict[str, Any] = {name: None if a is None else function(a) for name, a in record._asdict().items()}
    return type(record)(**values)


def is_exact(arguments: Mapping[str, Any], dtype: str, maps: frozenset[str]) -> bool:
    """Whether that dtype represents the arguments exactly; for bfloat16 this needs no package."""
    is_bfloat16 = dtype == "bfloat16"
    with np.errstate(over="ignore"):
        there = flat(in_dtype(arguments, "float32" if is_bfloat16 else dtype, maps))
    return all(
        np.array_equal(np.asarray(there[name], np.float64), value, equal_nan=True)
        and not (is_bfloat16 and name in maps and (there[name].view(np.uint32) & 0xFFFF).any())
        for name, value in flat(arguments).items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
    )


def numpy_dtype(dtype: str) -> np.dtype:
    """The NumPy dtype of that name; bfloat16 comes from ml_dtypes.

    Raises:
        ModuleNotFoundError: If the dtype is bfloat16 and ml_dtypes is not installed.
    """
    if dtype != "bfloat16":
        return np.dtype(dtype)
    try:
        import ml_dtypes
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("bfloat16 arrays need the package ml_dtypes: pip install ml_dtypes") from error
    return np.dtype(ml_dtypes.bfloat16)


def flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the arrays of a record listed separately, as `params/gamma`; None is left out."""
    flattened: dict[str, Any] = {}
    for name, value in arguments.items():
        if is_record(value):
            flattened |= {f"{name}/{field}": array for field, array in value._asdict().items() if array is not None}
        elif value is not None:
            flattened[name] = value
    return flattened
