"""Deliberately wrong implementations, each with one mistake that people make.

They show that the kit catches what it is for, and by their numbers it recognizes the same mistake in an implementation
that is checked. `Literal` is what they are made of, and right.
"""

from snr_ref.conformance.mistakes import (  # noqa: F401
    in_gradients,
    in_losses,
    in_multilabel,
    in_restitution,
    in_retrieval,
    in_the_module,
)
from snr_ref.conformance.mistakes.literal import Literal
from snr_ref.conformance.mistakes.mistake import MISTAKES, Mistake

__all__ = ["MISTAKES", "Literal", "Mistake"]
