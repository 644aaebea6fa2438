"""The groups of cases in the kit, in their order. Make a `Group` of your own for other cases."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Group:
    """Cases of one kind.

    Attributes:
        name: Prefix of the names of its cases, `group/case`.
        about: Description in a sentence.
        required: Whether an implementation of SNR must provide it; a partial one may leave out the others.
    """

    name: str
    about: str
    required: bool = False


forward = Group("forward", "the module, eqs. 1 to 5, step by step", required=True)
embeddings = Group("embeddings", "f~, f~+ and f~-, the means of the maps over the pixels", required=True)
instance_norm = Group("instance_norm", "style normalization, eq. 1, on its own")
channel_attention = Group("channel_attention", "the gates of the channels, eq. 3, on their own")
closed_form = Group("closed_form", "F~+ and the embeddings as one affine map per image and channel")
gradients = Group("gradients", "what reaches F and the parameters, through the module, eq. 1 and eq. 3")
half_precision = Group("half_precision", "what float16 and bfloat16 lose where only the maps may be in them")
distances = Group("distances", "the cosine and the Euclidean distance between the rows of two matrices")
dual_causality = Group("dual_causality", "L+ and L-, the loss of one module", required=True)
cross_entropy = Group("cross_entropy", "the cross-entropy of logits with smoothed labels")
batch_hard_triplet = Group("batch_hard_triplet", "the batch-hard triplet loss")
objective = Group("objective", "the whole objective, L_ReID and the weighted L_SNR of every module")
loss_gradients = Group("loss_gradients", "the gradients of the distances and of the losses")
retrieval = Group("retrieval", "CMC, mAP and mINP of a ranked gallery")
retrieval_ties = Group("retrieval_ties", "the lower gallery index first among equal distances")
single_gallery_shot = Group("single_gallery_shot", "the CMC curve against one random image of each identity")
verification = Group("verification", "rates, thresholds and histograms of pairs of one person and of two")
re_ranking = Group("re_ranking", "k-reciprocal re-ranking of distances")
re_ranking_ties = Group("re_ranking_ties", "the lower index first among images that are equal")
dual_restitution = Group(
    "dual_restitution", "the dual restitution loss: entropies of a classifier, for images and per pixel"
)
multilabels = Group("multilabels", "soft multilabels, their agreement, the threshold and the memory")
mining = Group("mining", "the pairs of a batch that are mined, and the discriminative loss")
view_consistency = Group("view_consistency", "log multilabels that should be alike in all views")
joint_embedding = Group("joint_embedding", "images beside the agents of the source domain")
refusals = Group("refusals", "arguments that must be refused, not computed with")

#: All groups, in the order in which cases are listed.
GROUPS = (
    forward,
    embeddings,
    instance_norm,
    channel_attention,
    closed_form,
    gradients,
    half_precision,
    distances,
    dual_causality,
    cross_entropy,
    batch_hard_triplet,
    objective,
    loss_gradients,
    retrieval,
    retrieval_ties,
    single_gallery_shot,
    verification,
    re_ranking,
    re_ranking_ties,
    dual_restitution,
    multilabels,
    mining,
    view_consistency,
    joint_embedding,
    refusals,
)
