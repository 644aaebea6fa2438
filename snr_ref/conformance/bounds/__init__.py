"""How far rounding alone can put each output of each function: its formulas in running-error arithmetic.

Every way to compute a function that the specification allows is here, and a tolerance is the widest of their bounds:
the literal equations and the closed form, sums in any order, moments in two passes, corrected or not, or by a running
mean.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds import (
    attention,
    distances,
    joint_embedding,
    loss_gradients,
    losses,
    mining,
    module,
    module_gradients,
    multilabels,
    re_ranking,
    restitution,
    retrieval,
    view_consistency,
)
from snr_ref.conformance.bounds.precision import Precision

#: From a case's arguments to the bound of each output's absolute error.
Bound = Callable[[Mapping[str, Any], Precision], dict[str, np.ndarray]]

BOUNDS: dict[str, Bound] = {
    "instance_norm": module.instance_norm_bounds,
    "channel_attention": attention.channel_attention_bounds,
    "snr": module.snr_bounds,
    "snr_closed_form": module.snr_closed_form_bounds,
    "instance_norm_vjp": module_gradients.instance_norm_vjp_bounds,
    "channel_attention_vjp": attention.channel_attention_vjp_bounds,
    "snr_vjp": module_gradients.snr_vjp_bounds,
    "cosine_distance": distances.cosine_distance_bounds,
    "euclidean_distance": distances.euclidean_distance_bounds,
    "dual_causality_loss": losses.dual_causality_loss_bounds,
    "cross_entropy": losses.cross_entropy_bounds,
    "batch_hard_triplet_loss": losses.batch_hard_triplet_loss_bounds,
    "total_objective": losses.total_objective_bounds,
    "objective": losses.objective_bounds,
    "cosine_distance_vjp": distances.cosine_distance_vjp_bounds,
    "euclidean_distance_vjp": distances.euclidean_distance_vjp_bounds,
    "dual_causality_gradients": loss_gradients.dual_causality_gradients_bounds,
    "cross_entropy_gradient": loss_gradients.cross_entropy_gradient_bounds,
    "batch_hard_triplet_gradient": loss_gradients.batch_hard_triplet_gradient_bounds,
    "evaluate_retrieval": retrieval.evaluate_retrieval_bounds,
    "evaluate_verification": retrieval.evaluate_verification_bounds,
    "re_ranking": re_ranking.re_ranking_bounds,
    "dual_restitution_loss": restitution.dual_restitution_loss_bounds,
    "pixelwise_dual_restitution_loss": restitution.pixelwise_dual_restitution_loss_bounds,
    "dual_restitution_gradients": restitution.dual_restitution_gradients_bounds,
    "pixelwise_dual_restitution_gradients": restitution.pixelwise_dual_restitution_gradients_bounds,
    "unit": distances.unit_bounds,
    "unit_vjp": distances.unit_vjp_bounds,
    "log_multilabels": multilabels.log_multilabels_bounds,
    "log_multilabels_vjp": multilabels.log_multilabels_vjp_bounds,
    "multilabel_agreement": multilabels.multilabel_agreement_bounds,
    "initial_threshold": multilabels.initial_threshold_bounds,
    "next_threshold": multilabels.next_threshold_bounds,
    "next_memory": multilabels.next_memory_bounds,
    "discriminative_loss": mining.discriminative_loss_bounds,
    "discriminative_gradient": mining.discriminative_gradient_bounds,
    "next_statistics": view_consistency.next_statistics_bounds,
    "consistency_loss": view_consistency.consistency_loss_bounds,
    "consistency_gradient": view_consistency.consistency_gradient_bounds,
    "joint_embedding_loss": joint_embedding.joint_embedding_loss_bounds,
    "joint_embedding_gradients": joint_embedding.joint_embedding_gradients_bounds,
}
