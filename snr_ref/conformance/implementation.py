"""An implementation to check: an object or a module with some of the reference's functions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from snr_ref.conformance.arguments import DTYPES, flat, in_dtype, numpy_dtype
from snr_ref.conformance.case import Case
from snr_ref.conformance.functions import FUNCTIONS


class Implementation:
    """An adapter, called case by case.

    An adapter has any of the functions of `snr_ref`, with the same names and arguments, on NumPy arrays. It may also
    have the attributes `dtypes`, the names of the dtypes that it accepts (default: float64 only), and `refusals`,
    whether to run the cases whose only right answer is an exception (default: no).
    """

    def __init__(self, adapter: Any, name: str | None = None):
        self.adapter = adapter
        self.name = name or getattr(adapter, "__name__", type(adapter).__name__)
        self.dtypes: tuple[str, ...] = tuple(getattr(adapter, "dtypes", ("float64",)))
        self.refusals: bool = bool(getattr(adapter, "refusals", False))
        unknown = [dtype for dtype in self.dtypes if dtype not in DTYPES]
        if isinstance(getattr(adapter, "dtypes", ()), str) or unknown or not self.dtypes:
            raise ValueError(
                f"`dtypes` of {self.name} must be a tuple of names out of {', '.join(DTYPES)}. "
                f"Received: {getattr(adapter, 'dtypes', ())!r}"
            )
        for dtype in self.dtypes:
            numpy_dtype(dtype)  # raises here if a package is missing

    def provides(self, function: str) -> bool:
        """Whether it has the function, or all the functions of which that is composed."""
        return FUNCTIONS[function].provided_by(self.adapter)

    def answer(self, case: Case, dtype: str) -> dict[str, np.ndarray]:
        """Its outputs for a case, by name.

        Raises:
            NotImplementedError: If it doesn't provide what the case needs.
            Exception: Whatever its function raises; for a refusal that is the right answer.
        """
        return self.call(case.function, arguments_of(case, dtype))

    def call(self, function: str, arguments: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Its outputs for arguments, by name; raises as `answer` does."""
        return FUNCTIONS[function].call(self.adapter, arguments)


def arguments_of(case: Case, dtype: str) -> dict[str, Any]:
    """The arguments that an implementation gets for a case: a copy, in case it overwrites them."""
    arguments = deepcopy(dict(case.arguments))
    return arguments if case.kind == "refusal" else in_dtype(arguments, dtype, FUNCTIONS[case.function].half_arguments)


def overwritten(arguments: Mapping[str, Any], case: Case, dtype: str) -> tuple[str, ...]:
    """The names of arguments that have changed, such as `params.gamma`."""
    given, left = flat(arguments_of(case, dtype)), flat(arguments)
    return tuple(name.replace("/", ".") for name in given if _content(given[name]) != _content(left[name]))


def _content(value: Any) -> tuple[tuple[int, ...], bytes]:
    array = np.asarray(value)
    return array.shape, array.tobytes()


def load(target: str) -> Implementation:
    """The adapter with that name.

    Args:
        target: `module` or `module:object`; the current folder is searched too. A class is instantiated without
            arguments.

    Returns:
        The implementation.

    Raises:
        ValueError: If there is no such module or object; the message says which.
    """
    module_name, _, attribute = target.partition(":")
    if module_name.startswith(".") or module_name.endswith(".py") or {"/", "\\"} & set(module_name):
        raise ValueError(f"Expected the name of a module, such as my_adapter, not of a file. Received: {target!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        adapter: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise
        raise ValueError(
            f"There is no module {module_name!r} to check, neither installed nor in {here}. "
            "Expected MODULE[:OBJECT], such as my_package.my_adapter or my_adapter:adapter"
        ) from error
    for part in filter(None, attribute.split(".")):
        if not hasattr(adapter, part):
            raise ValueError(f"The module {module_name!r} has no object {attribute!r}")
        adapter = getattr(adapter, part)
    return Implementation(adapter() if isinstance(adapter, type) else adapter, target)
