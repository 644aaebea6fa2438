"""Retrieval evaluation: distances of embeddings, re-ranked or not, and CMC, mAP and mINP; the health of gates."""

from snr_keras import _keras as _keras
from snr_keras.evaluation.gates import GateHealth, gate_health
from snr_keras.evaluation.re_ranking import re_ranking
from snr_keras.evaluation.retrieval import QueryFigures, evaluate_embeddings, evaluate_queries, evaluate_retrieval
from snr_keras.evaluation.verification import evaluate_embedding_verification, evaluate_verification

__all__ = [
    "GateHealth",
    "QueryFigures",
    "evaluate_embedding_verification",
    "evaluate_embeddings",
    "evaluate_queries",
    "evaluate_retrieval",
    "evaluate_verification",
    "gate_health",
    "re_ranking",
]
