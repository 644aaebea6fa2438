"""The objective: L = L_ReID + sum over the modules of lambda_b * L_SNR^b."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from snr_keras.layers import SNREmbeddings
from snr_keras.losses import BatchHardTripletLoss, CrossEntropyLoss
from snr_keras.models import module_stages
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.training.readings import read_terms

Objective = Callable[[Any, Mapping[str, Any]], dict[str, Any]]
"""`objective(labels, outputs)`: the terms of the loss by name, scalars, and their weighted sum as `"total"`."""


def reid_objective(config: TrainingConfig, step: Any = 0) -> Objective:
    """The objective of a config, for the outputs of its `reid_model`, as `read_model` reads them.

    The terms, in this order:

    - `cross_entropy`: label-smoothed, on the logits;
    - `triplet`: batch-hard, Euclidean, on the pooled features before the BNNeck;
    - `snr{stage}_plus`, `snr{stage}_minus`: L+ and L- of the module after that stage, before weighting;
    - `total`: `cross_entropy + triplet + sum of lambda_b (plus + minus)`; `snr_terms` may leave out plus or minus.

    `step` is the number of the training step, an integer scalar, for a reading of the loss that draws at random.
    """
    triplet = BatchHardTripletLoss(margin=config.triplet_margin)
    snr = snr_objective(config, step)

    def objective(labels: Any, outputs: Mapping[str, Any]) -> dict[str, Any]:
        logits = outputs["logits"]
        # Not the mean, which Keras also divides by the number of replicas.
        dtype = keras.backend.result_type(logits.dtype, "float32")  # at least float32
        cross_entropy = CrossEntropyLoss(config.label_smoothing, reduction="sum", dtype=dtype)
        of_reid = {
            "cross_entropy": cross_entropy(labels, logits) / ops.shape(logits)[0],
            "triplet": triplet(labels, outputs["features"]),
        }
        of_snr = snr(labels, outputs)
        total = of_reid["cross_entropy"] + of_reid["triplet"] + of_snr["total"]
        return {**of_reid, **of_snr, "total": total}

    return objective


def snr_objective(config: TrainingConfig, step: Any = 0) -> Objective:
    """L+ and L- of every module by its stage, as in `reid_objective`, and the sum of lambda_b * L_SNR^b."""
    terms_of = read_terms(config, step)
    stages = module_stages(config.normalization, config.stages)

    def objective(labels: Any, outputs: Mapping[str, Any]) -> dict[str, Any]:
        terms: dict[str, Any] = {}
        total: Any = 0.0
        for stage, embeddings in zip(stages, outputs.get("snr", ()), strict=config.normalization == "snr"):
            # A model loaded from a file returns plain sequences in place of named tuples.
            plus, minus = terms_of(labels, SNREmbeddings(*embeddings))
            terms[f"snr{stage}_plus"], terms[f"snr{stage}_minus"] = plus, minus
            if weight := config.snr_weights[stage - 1]:
                total += weight * {"both": plus + minus, "plus": plus, "minus": minus}[config.snr_terms]
        return {**terms, "total": total}

    return objective
