"""What is known of a mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from snr_ref.conformance.clauses import CLAUSES
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.mistakes.literal import Literal


@dataclass(frozen=True)
class Mistake:
    """One way to get it wrong.

    Attributes:
        name: A few words with underscores.
        about: What is wrong, in a sentence.
        who: Who makes it, and why.
        clause: The clause of the specification that it violates.
        function: Where it first shows; nothing that is computed before is wrong.
        output: Of that function.
        adapter: The implementation that makes this mistake and no other.
    """

    name: str
    about: str
    who: str
    clause: str
    function: str
    output: str
    adapter: Any


#: Every mistake, in the order of the specification.
MISTAKES: list[Mistake] = []

Adapter = TypeVar("Adapter", bound=type[Literal])


def mistake(clause: str, at: str, *, who: str) -> Callable[[Adapter], Adapter]:
    """Ship a class as a mistake: its name is the class's, what is wrong its docstring.

    Args:
        clause: The clause that it violates.
        at: The function and the output where it first shows, as "snr: sigma".
        who: Who makes it.
    """

    def ship(adapter: Adapter) -> Adapter:
        function, _, output = at.partition(": ")
        if clause not in CLAUSES or output not in FUNCTIONS[function].outputs:
            raise ValueError(f"{adapter.__name__} must name a clause and an output. Received: {clause}, {at}")
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in adapter.__name__)[1:]
        about = " ".join((adapter.__doc__ or "").split())
        MISTAKES.append(Mistake(name, about, who, clause, function, output, adapter()))
        return adapter

    return ship
