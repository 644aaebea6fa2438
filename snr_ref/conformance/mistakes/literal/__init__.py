"""A right implementation, cut into small steps, so that a mistake is one step done otherwise."""

from snr_ref.conformance.mistakes.literal.gradients import Gradients
from snr_ref.conformance.mistakes.literal.losses import Losses
from snr_ref.conformance.mistakes.literal.module import Module
from snr_ref.conformance.mistakes.literal.multilabel import Multilabel
from snr_ref.conformance.mistakes.literal.restitution import Restitution
from snr_ref.conformance.mistakes.literal.retrieval import Retrieval
from snr_ref.conformance.mistakes.literal.verification import ReRanking, Verification


class Literal(Multilabel, Gradients, Losses, Module, Retrieval, Verification, ReRanking, Restitution):
    """Everything that the reference has, computed in the dtype of the arguments; half precision in float32."""

    dtypes: tuple[str, ...] = ("float64", "float32", "float16")


__all__ = ["Literal"]
