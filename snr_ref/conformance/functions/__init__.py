"""The functions that an implementation may provide, one module each, or one for a few related functions.

A module has the description of its functions, their bounds, cases, refusals and known mistakes. To add a function, add
a module: it is found automatically.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from snr_ref.conformance.function import Function


def _in_order() -> dict[str, Function]:
    """Each function after the one that its description names."""
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found = {f.name: f for module in modules for f in vars(module).values() if isinstance(f, Function)}
    followers: dict[str, list[Function]] = {}
    for function in found.values():
        followers.setdefault(function.after, []).append(function)
    ordered: dict[str, Function] = {}
    ahead = followers.pop("")
    while ahead:
        function = ahead.pop(0)
        ordered[function.name] = function
        ahead = followers.pop(function.name, []) + ahead
    if followers:
        raise ValueError(f"Functions follow {', '.join(followers)}, which is none of {', '.join(ordered)}")
    return ordered


#: Every function by name, in the order of the chain and of the specification.
#:
#: :meta hide-value:
FUNCTIONS: dict[str, Function] = _in_order()

#: The NamedTuple of the reference of every argument that consists of several arrays, by the argument's name.
#:
#: :meta hide-value:
RECORDS: dict[str, Any] = {name: record for f in FUNCTIONS.values() for name, record in f.records.items()}
