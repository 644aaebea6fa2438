"""Testing a model on targets: the embeddings of a data set, and the retrieval scores."""

from snr_keras.reid.targets.embeddings import EmbeddedDataset, embed_dataset, extract_embeddings
from snr_keras.reid.targets.scores import TargetResult, check_target, score, verify
from snr_keras.reid.targets.trials import embed_trials, query_table, score_trials

__all__ = [
    "EmbeddedDataset",
    "TargetResult",
    "check_target",
    "embed_dataset",
    "embed_trials",
    "extract_embeddings",
    "query_table",
    "score",
    "score_trials",
    "verify",
]
