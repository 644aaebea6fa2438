"""Search with a trained model in your own pictures: embed them once, then search among them."""

from snr_keras.reid.search.extraction import extract
from snr_keras.reid.search.features import Features, open_features
from snr_keras.reid.search.indexing import nearest_by_index, open_index
from snr_keras.reid.search.model import ModelIdentity
from snr_keras.reid.search.neighbours import nearest
from snr_keras.reid.search.searching import Match, SearchResult, search

__all__ = [
    "Features",
    "Match",
    "ModelIdentity",
    "SearchResult",
    "extract",
    "nearest",
    "nearest_by_index",
    "open_features",
    "open_index",
    "search",
]
