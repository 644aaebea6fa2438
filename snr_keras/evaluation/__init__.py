"""Retrieval evaluation: embeddings of a dataset, their distances, and CMC, mAP and mINP from them."""

from snr_keras.evaluation.embeddings import EmbeddedDataset, embed_dataset, extract_embeddings
from snr_keras.evaluation.report import TargetResult, check_target, score
from snr_keras.evaluation.retrieval import average_precisions, evaluate_embeddings, evaluate_retrieval
from snr_keras.evaluation.trials import embed_trials, score_trials

__all__ = [
    "EmbeddedDataset",
    "TargetResult",
    "average_precisions",
    "check_target",
    "embed_dataset",
    "embed_trials",
    "evaluate_embeddings",
    "evaluate_retrieval",
    "extract_embeddings",
    "score",
    "score_trials",
]
