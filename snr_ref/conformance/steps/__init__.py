"""Correct implementations, split into small steps, so that a mistake replaces one step.

They compute in the dtype of their arguments, and in float32 for half precision. `Literal` has all functions with
gradients, chapter by chapter, since functions share steps such as softplus; ranking and counting have steps of their
own.
"""

from snr_ref.conformance.steps.multilabel import Literal
from snr_ref.conformance.steps.retrieval import Retrieval
from snr_ref.conformance.steps.verification import ReRanking, Verification

__all__ = ["Literal", "ReRanking", "Retrieval", "Verification"]
