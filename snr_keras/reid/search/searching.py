"""Search among features, with pictures or other features as queries."""

import csv
import io
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import h5py

from snr_keras.files.same import file_key
from snr_keras.reid.data.pictures import Paths
from snr_keras.reid.data.report import Excluded
from snr_keras.reid.search.extraction import embed_pictures
from snr_keras.reid.search.features import Features, open_features
from snr_keras.reid.search.indexing import nearest_by_index, open_index
from snr_keras.reid.search.model import open_model
from snr_keras.reid.search.neighbours import nearest


@dataclass(frozen=True)
class Match:
    """A picture of the gallery that is near a query.

    Attributes:
        name: Name of the picture when it was embedded.
        path: Path of the picture.
        distance: Distance from the query.
    """

    name: str
    path: str
    distance: float


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes:
        queries: Names of the queries.
        paths: Paths of the queries.
        matches: Nearest pictures of each query, nearest first.
        gallery: Number of pictures searched.
        distance: "cosine" or "euclidean".
        model: Run that made the embeddings of the gallery.
        sha256: SHA-256 of that model's weights.
        left_out: Queries that could not be read, each with the reason.
        index: File of the index used, or None if the search was exact.
    """

    queries: tuple[str, ...]
    paths: tuple[str, ...]
    matches: tuple[tuple[Match, ...], ...]
    gallery: int
    distance: str
    model: str
    sha256: str
    left_out: tuple[Excluded, ...]
    index: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as JSON's types; bytes in names that are not UTF-8 are escaped."""
        return {
            "gallery": self.gallery,
            "distance": self.distance,
            "index": None if self.index is None else _text(self.index),
            "model": {"run": _text(self.model), "sha256": self.sha256},
            "queries": [
                {
                    "query": _text(query),
                    "matches": [
                        {
                            "rank": rank,
                            "name": _text(match.name),
                            "path": _text(match.path),
                            "distance": match.distance,
                        }
                        for rank, match in enumerate(matches, 1)
                    ],
                }
                for query, matches in zip(self.queries, self.matches, strict=True)
            ],
            "left_out": [{"query": _text(excluded.name), "reason": excluded.reason} for excluded in self.left_out],
        }

    def to_csv(self) -> str:
        """One line per match, query,rank,name,distance, after a line with these headings."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("query", "rank", "name", "distance"))
        for query, matches in zip(self.queries, self.matches, strict=True):
            for rank, match in enumerate(matches, 1):
                writer.writerow((_text(query), rank, _text(match.name), repr(match.distance)))
        return text.getvalue()


def search(
    features: Features | str | os.PathLike[str],
    queries: Features | Paths,
    *,
    model: str | os.PathLike[str] | None = None,
    top: int = 10,
    distance: str = "cosine",
    exclude_itself: bool = False,
    index: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SearchResult:
    """Find the nearest pictures to each query.

    Args:
        features: Features to search, or a file of them.
        queries: Features, a file of them, or pictures as for `extract`, which are embedded as `features` were.
        model: Run of the features' model, if it has moved.
        top: Number of pictures per query; a smaller gallery gives fewer.
        distance: "cosine" or "euclidean".
        exclude_itself: Whether to leave out the query's own file from its matches, whatever links and names lead to it.
        index: File of a FAISS index, which makes the search of a large gallery faster and not quite exact; it is
            written if it does not exist. None means an exact search.
        progress: Function called with the number of query pictures embedded and the total, then with chunks searched.

    Raises:
        ModuleNotFoundError: If `index` is given and FAISS is not installed.
        FileNotFoundError: If a file, or the run of the model, does not exist.
        ValueError: If queries were embedded by another model, or `model` is another; if the index belongs to other
            features or another distance; or as for `nearest`.
    """
    gallery = features if isinstance(features, Features) else open_features(features)
    asked = _queries(gallery, queries, model, progress)
    files = [file_key(gallery.path(g)) for g in range(len(gallery))] if exclude_itself else []
    most_names_of_a_file = max(Counter(files).values(), default=0)
    find = nearest
    if index is not None:
        find = partial(nearest_by_index, open_index(index, gallery.embeddings, distance=distance, progress=progress))
    indices, distances = find(
        asked.embeddings,
        gallery.embeddings,
        top=top + most_names_of_a_file,
        distance=distance,
        progress=progress,
    )
    matches = []
    for query, (row, far) in enumerate(zip(indices, distances, strict=True)):
        itself = file_key(asked.path(query))
        found = [
            Match(gallery.names[g], gallery.path(g), float(d))
            for g, d in zip(row.tolist(), far, strict=True)
            if not exclude_itself or files[g] != itself
        ]
        matches.append(tuple(found[:top]))
    return SearchResult(
        queries=tuple(asked.names),
        paths=tuple(asked.path(query) for query in range(len(asked))),
        matches=tuple(matches),
        gallery=len(gallery),
        distance=distance,
        model=gallery.model.run,
        sha256=gallery.model.sha256,
        left_out=asked.left_out,
        index=None if index is None else os.path.abspath(index),
    )


def _queries(
    gallery: Features,
    queries: Features | Paths,
    model: str | os.PathLike[str] | None,
    progress: Callable[[int, int], None] | None,
) -> Features:
    """The queries as features of the gallery's model."""
    if (file := _features_file(queries)) is not None:
        queries = open_features(file)
    if isinstance(queries, Features):
        gallery.model.check_same(queries.model, "the queries")
        if model is not None:
            gallery.model.check_same(open_model(model, flip=gallery.model.flip)[1], "`model`")
        return queries
    try:
        embedder, identity = open_model(gallery.model.run if model is None else model, flip=gallery.model.flip)
    except FileNotFoundError as error:
        if model is not None:
            raise
        raise FileNotFoundError(
            f"The model of the features is no longer at {gallery.model.run!r}: name its run by `model`. {error}"
        ) from error
    gallery.model.check_same(identity, "`model`" if model is not None else "what is there now")
    return embed_pictures(embedder, identity, queries, progress=progress)


def _features_file(queries: Features | Paths) -> str | None:
    """The path of the queries' file of features; None if they are pictures."""
    if isinstance(queries, Features):
        return None
    paths = [os.fspath(q) for q in ([queries] if isinstance(queries, str | os.PathLike) else queries)]
    files = [path for path in paths if os.path.isfile(path) and h5py.is_hdf5(path)]
    if files and len(paths) > 1:
        raise ValueError(f"Queries must be pictures or one file of features. Received: {paths}")
    return files[0] if files else None


def _text(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()
