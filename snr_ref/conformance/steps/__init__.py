"""Right implementations, cut into small steps, so that a mistake is one step done otherwise.

They compute in the dtype of their arguments, half precision in float32. `Literal` has all that has gradients, a chapter
after the other, since a step such as a softplus is many functions'; what ranks and counts has steps of its own.
"""

from snr_ref.conformance.steps.multilabel import Literal
from snr_ref.conformance.steps.retrieval import Retrieval
from snr_ref.conformance.steps.verification import ReRanking, Verification

__all__ = ["Literal", "ReRanking", "Retrieval", "Verification"]
