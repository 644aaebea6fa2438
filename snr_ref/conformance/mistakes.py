"""Deliberately wrong implementations, each with one mistake that people make.

They show that the kit catches such mistakes, and by their numbers the kit recognizes the same mistake in another
implementation. Each is in the module of the function where it first shows, and is made of `steps`.
"""

from snr_ref.conformance.clauses import in_order
from snr_ref.conformance.function import Mistake
from snr_ref.conformance.functions import FUNCTIONS

#: Every mistake, in the order of the specification.
MISTAKES: tuple[Mistake, ...] = tuple(
    sorted((m for f in FUNCTIONS.values() for m in f.mistakes), key=lambda mistake: in_order(mistake.clause))
)
