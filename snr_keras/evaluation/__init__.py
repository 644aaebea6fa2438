"""Retrieval evaluation: embeddings of a dataset, their distances, re-ranked or not, and CMC, mAP and mINP from them."""

from snr_keras.evaluation.embeddings import EmbeddedDataset, embed_dataset, extract_embeddings
from snr_keras.evaluation.re_ranking import re_ranking
from snr_keras.evaluation.report import TargetResult, check_target, score, verify
from snr_keras.evaluation.retrieval import QueryFigures, evaluate_embeddings, evaluate_queries, evaluate_retrieval
from snr_keras.evaluation.trials import embed_trials, query_table, score_trials
from snr_keras.evaluation.verification import evaluate_embedding_verification, evaluate_verification

__all__ = [
    "EmbeddedDataset",
    "QueryFigures",
    "TargetResult",
    "check_target",
    "embed_dataset",
    "embed_trials",
    "evaluate_embedding_verification",
    "evaluate_embeddings",
    "evaluate_queries",
    "evaluate_retrieval",
    "evaluate_verification",
    "extract_embeddings",
    "query_table",
    "re_ranking",
    "score",
    "score_trials",
    "verify",
]
