"""One target domain's figures, and several of them as JSON."""

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
    """How well a model retrieves on one target domain. Fractions are in [0, 1].

    Attributes:
        target: The domain's name.
        mAP: Mean average precision.
        mINP: Mean inverse negative penalty.
        cmc: The fraction of queries with a match among the first k, for k = 1, 2, ...
        num_queries: Queries in the split.
        num_valid_queries: Queries with a valid match; the others are left out of every mean.
        num_gallery: Gallery images.
        protocol: "market1501", "no_camera" or "single_gallery_shot".
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        version: Of the data set, where there are several.
        splits: The figures of each of the divisions of the data set, of which these are the means and, of numbers of
            images, the sums; empty if it is divided in one way.
        num_queries_in_gallery: Queries that are gallery images too, each left out of its own ranking.
        average_precisions: Of each query, in the order of the data set; None for one without a valid match. Those of a
            data set that is divided in several ways are in its `splits`.
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
        """Rank-k: the fraction of queries with a match among the first k."""
        return self.cmc[min(k, len(self.cmc)) - 1]

    def to_json(self) -> dict[str, Any]:
        """The result as JSON's types; `from_json` brings it back, with a name that can be printed."""
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
            ValueError: If it is none.
        """
        return parse_json(json.dumps(result), cls, "a result")


def protocol_of(dataset: ReIDDataset) -> str:
    """The dataset's own, else "market1501" where queries and gallery both have cameras, else "no_camera"."""
    if dataset.protocol:
        return dataset.protocol
    with_cameras = dataset.query.cameras is not None and dataset.gallery.cameras is not None
    return "market1501" if with_cameras else "no_camera"


def labels_of(dataset: ReIDDataset, protocol: str | None = None) -> dict[str, Any]:
    """The labels of queries and gallery, as `evaluate_queries` and others take them; where they are one file, they say.

    Args:
        dataset: The dataset.
        protocol: "market1501", "no_camera" or "single_gallery_shot"; by default that of the dataset.
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
    """Find out before any training whether a dataset can be tested on: `score` with these arguments will not fail.

    Raises:
        ValueError: As `score`.
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
    """The figures of one embedded dataset.

    Args:
        embedded: Embeddings and labels.
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501", "no_camera" or "single_gallery_shot"; by default that of the dataset.
        max_rank: The length of the CMC.
        progress: As for `evaluate_embeddings`.

    Raises:
        ValueError: No query has a valid match; the message names the dataset, the cause and the remedy.
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
    """How well a threshold on the distance tells whether a query and a gallery image show one person.

    Args:
        embedded: Embeddings and labels.
        distance: As for `score`, and so is `protocol`.
        protocol: See `distance`.
        progress: As for `evaluate_embedding_verification`.

    Raises:
        ValueError: As `evaluate_embedding_verification`; the message names the dataset.
    """
    labels = labels_of(embedded.dataset, protocol)
    try:
        return evaluate_embedding_verification(
            embedded.query, embedded.gallery, **labels, distance=distance, progress=progress
        )
    except ValueError as error:
        raise ValueError(f"{embedded.dataset.name}: {error}") from error


def mean_over(results: Iterable[TargetResult], figure: str) -> float:
    """The mean of one figure ("mAP", "mINP" or "rank1") over results."""
    values = [result.rank(1) if figure == "rank1" else getattr(result, figure) for result in results]
    return sum(values) / len(values)
