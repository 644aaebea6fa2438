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
    loss_gradients,
    losses,
    module,
    module_gradients,
    re_ranking,
    restitution,
    retrieval,
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
}
