"""The retrieval scores of a target domain, and of several as JSON."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, FiniteFloat, with_config

from snr_keras.evaluation.distances import DISTANCES
from snr_keras.evaluation.progress import Progress
from snr_keras.evaluation.protocols import RetrievalLabels
from snr_keras.evaluation.re_ranking import check_scipy
from snr_keras.evaluation.retrieval import evaluate_queries
from snr_keras.evaluation.verification import evaluate_embedding_verification
from snr_keras.files.forms import parse_json
from snr_keras.files.same import file_numbers
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.report import printable
from snr_keras.reid.targets.embeddings import EmbeddedDataset
from snr_ref import VerificationResult


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class TargetResult:
    """The retrieval scores on one target domain. Fractions are in [0, 1].

    Attributes:
        target: Name of the domain.
        mAP: Mean average precision.
        mINP: Mean inverse negative penalty.
        cmc: Fraction of queries with a match in the top k, for k = 1, 2, ...
        num_queries: Number of queries in the split.
        num_valid_queries: Number of queries with a valid match; the others are left out of every mean.
        num_gallery: Number of gallery images.
        protocol: "market1501", "no_camera" or "single_gallery_shot".
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        version: Version of the data set, if there are several.
        splits: Scores of each split of the data set; these scores are their means and these numbers of images their
            sums. Empty if there is only one split.
        num_queries_in_gallery: Number of queries that are gallery images too, each left out of its own ranking.
        average_precisions: Average precision of each query, in the order of the data set; None without a valid match.
            If the data set has several splits, they are in `splits`.
    """

    target: str
    mAP: FiniteFloat  # noqa: N815
    mINP: FiniteFloat  # noqa: N815
    cmc: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]
    num_queries: int
    num_valid_queries: int
    num_gallery: int
    protocol: str
    distance: str
    version: str = ""
    num_queries_in_gallery: int = 0
    splits: tuple["TargetResult", ...] = ()
    average_precisions: tuple[FiniteFloat | None, ...] = ()

    def rank(self, k: int) -> float:
        """Rank-k: the fraction of queries with a match in the top k."""
        return self.cmc[min(k, len(self.cmc)) - 1]

    def to_json(self) -> dict[str, Any]:
        """The result as JSON's types, with a printable name; the inverse of `from_json`."""
        splits = [split.to_json() for split in self.splits]
        average_precisions = list(self.average_precisions)
        return vars(self) | {
            "target": printable(self.target),
            "cmc": list(self.cmc),
            "splits": splits,
            "average_precisions": average_precisions,
        }

    @classmethod
    def from_json(cls, result: Mapping[str, Any]) -> "TargetResult":
        """The result that `to_json` wrote.

        Raises:
            ValueError: If it is not a result.
        """
        return parse_json(json.dumps(result), cls, "a result")


def protocol_of(dataset: ReIDDataset) -> str:
    """The data set's own protocol, else "market1501" if queries and gallery both have cameras, else "no_camera"."""
    if dataset.protocol:
        return dataset.protocol
    with_cameras = dataset.query.cameras is not None and dataset.gallery.cameras is not None
    return "market1501" if with_cameras else "no_camera"


def labels_of(dataset: ReIDDataset, protocol: str | None = None) -> dict[str, Any]:
    """The labels of queries and gallery, as for `evaluate_queries`, with file numbers if they share files.

    Args:
        dataset: Data set.
        protocol: "market1501", "no_camera" or "single_gallery_shot"; by default that of the data set.
    """
    query, gallery = dataset.query, dataset.gallery
    query_files, gallery_files = file_numbers(query.paths, gallery.paths)
    return {
        "query_ids": query.identities,
        "gallery_ids": gallery.identities,
        "query_cameras": query.cameras,
        "gallery_cameras": gallery.cameras,
        "query_files": query_files,
        "gallery_files": gallery_files,
        "protocol": protocol or protocol_of(dataset),
    }


def check_target(dataset: ReIDDataset, *, distance: str = "cosine", protocol: str | None = None) -> None:
    """Check, before any training, that a data set can be tested on: `score` with these arguments will not fail.

    Raises:
        ValueError: As for `score`.
        ModuleNotFoundError: If re-ranking needs scipy, and it is not installed.
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {DISTANCES}. Received: distance={distance!r}")
    if distance == "re_ranked":
        check_scipy()
    try:
        labels = RetrievalLabels.checked(**labels_of(dataset, protocol))
        if not any(len(labels.matches_and_junk(q)[0]) for q in range(len(dataset.query))):
            raise ValueError(labels.why_no_query_is_valid())
    except ValueError as error:
        raise ValueError(f"{dataset.name}: {error}") from error


def score(
    embedded: EmbeddedDataset,
    *,
    distance: str = "cosine",
    protocol: str | None = None,
    max_rank: int = 50,
    progress: Progress | None = None,
) -> TargetResult:
    """The scores of one embedded data set.

    Args:
        embedded: Embeddings and labels.
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501", "no_camera" or "single_gallery_shot"; by default that of the data set.
        max_rank: Length of the CMC curve.
        progress: Function called as by `evaluate_embeddings`.

    Raises:
        ValueError: If no query has a valid match; the message names the data set, the cause and the remedy.
    """
    labels = labels_of(embedded.dataset, protocol)
    try:
        queries = evaluate_queries(
            embedded.query, embedded.gallery, **labels, distance=distance, max_rank=max_rank, progress=progress
        )
    except ValueError as error:
        raise ValueError(f"{embedded.dataset.name}: {error}") from error
    result = queries.result()
    return TargetResult(
        target=embedded.dataset.name,
        mAP=result.mAP,
        mINP=result.mINP,
        cmc=tuple(float(c) for c in result.cmc),
        num_queries=len(embedded.query),
        num_valid_queries=result.num_valid_queries,
        num_gallery=len(embedded.gallery),
        protocol=labels["protocol"],
        distance=distance,
        version=embedded.dataset.version,
        num_queries_in_gallery=int(np.isin(labels["query_files"], labels["gallery_files"]).sum()),
        average_precisions=tuple(None if np.isnan(ap) else float(ap) for ap in queries.average_precisions),
    )


def verify(
    embedded: EmbeddedDataset,
    *,
    distance: str = "cosine",
    protocol: str | None = None,
    progress: Progress | None = None,
) -> VerificationResult:
    """How well a threshold on the distance decides whether a query and a gallery image show one person.

    Args:
        embedded: Embeddings and labels.
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501", "no_camera" or "single_gallery_shot"; by default that of the data set.
        progress: Function called as by `evaluate_embedding_verification`.

    Raises:
        ValueError: As for `evaluate_embedding_verification`; the message names the data set.
    """
    labels = labels_of(embedded.dataset, protocol)
    try:
        return evaluate_embedding_verification(
            embedded.query, embedded.gallery, **labels, distance=distance, progress=progress
        )
    except ValueError as error:
        raise ValueError(f"{embedded.dataset.name}: {error}") from error


def mean_over(results: Iterable[TargetResult], figure: str) -> float:
    """The mean of one score ("mAP", "mINP" or "rank1") over results."""
    values = [result.rank(1) if figure == "rank1" else getattr(result, figure) for result in results]
    return sum(values) / len(values)
