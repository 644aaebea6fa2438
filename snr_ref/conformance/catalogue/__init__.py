"""The cases, a module per group; a new module is listed here."""

from functools import cache

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import forward

GROUPS = (forward.cases,)


@cache
def catalogue() -> tuple[Case, ...]:
    """Every case, in the order of the groups."""
    return tuple(case for group in GROUPS for case in group)
