"""The cases, a module per group; a new module is listed here."""

from functools import cache

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import (
    batch_hard_triplet,
    channel_attention,
    closed_form,
    cross_entropy,
    distances,
    dual_causality,
    dual_restitution,
    embeddings,
    forward,
    gradients,
    half_precision,
    instance_norm,
    joint_embedding,
    loss_gradients,
    mining,
    multilabels,
    objective,
    re_ranking,
    re_ranking_ties,
    refusals,
    retrieval,
    retrieval_ties,
    single_gallery_shot,
    verification,
    view_consistency,
)

GROUPS = (
    forward.cases,
    embeddings.cases,
    instance_norm.cases,
    channel_attention.cases,
    closed_form.cases,
    gradients.cases,
    half_precision.cases,
    distances.cases,
    dual_causality.cases,
    cross_entropy.cases,
    batch_hard_triplet.cases,
    objective.cases,
    loss_gradients.cases,
    retrieval.cases,
    retrieval_ties.cases,
    single_gallery_shot.cases,
    verification.cases,
    re_ranking.cases,
    re_ranking_ties.cases,
    dual_restitution.cases,
    multilabels.cases,
    mining.cases,
    view_consistency.cases,
    joint_embedding.cases,
    refusals.cases,
)


@cache
def catalogue() -> tuple[Case, ...]:
    """Every case, in the order of the groups."""
    return tuple(case for group in GROUPS for case in group)
