"""Images that occur twice: as one file with several names, or as files with equal contents."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from snr_keras.files.same import file_numbers
from snr_keras.files.text import first_few
from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.data.report import count


def copies_in_gallery(query: Split, gallery: Split, digests: Mapping[str, bytes]) -> list[str]:
    """The notes on queries that are also in the gallery, a sentence each.

    Args:
        query: Images of people to find.
        gallery: Images to find them in.
        digests: Digests of the files' contents, by path.
    """
    same_file, equal = _found_among(query, [gallery], digests)
    queries, notes = count(len(query), "query", "queries"), []
    if same_file.any():
        notes.append(
            f"{same_file.sum()} of {queries} are gallery images too, the same file, and left out of their own rankings "
            f"and pairs: {_named(query, same_file)}"
        )
    if equal.any():
        notes.append(
            f"{equal.sum()} of {queries} have a copy in the gallery, another file of equal contents, which is ranked "
            f"as any other image: {_named(query, equal)}"
        )
    return notes


def copies_in_test(train: Split, tested: Sequence[Split], digests: Mapping[str, bytes]) -> list[str]:
    """The note on images that are in both training and test, a sentence.

    Args:
        train: Images to train on.
        tested: Queries and galleries.
        digests: Digests of the files' contents, by path.
    """
    same_file, equal = _found_among(train, tested, digests)
    if not (same_file | equal).any():
        return []
    return [
        f"{(same_file | equal).sum()} of {count(len(train), 'training image')} are test images too "
        f"({same_file.sum()} the same file, {(equal & ~same_file).sum()} another file of equal contents), so the test "
        f"includes images seen in training: {_named(train, same_file | equal)}"
    ]


def copies_between(trained: ReIDDataset, tested: ReIDDataset) -> list[str]:
    """`copies_in_test` for two data sets."""
    digests = {**trained.digests, **tested.digests}
    return copies_in_test(trained.train, [tested.query, tested.gallery], digests)


def _found_among(images: Split, others: Sequence[Split], digests: Mapping[str, bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Which images are the same file as one of the others, and which have the same contents as another file of them."""
    files, *files_of_others = file_numbers(images.paths, *(split.paths for split in others))
    files_of: dict[bytes | None, set[int]] = defaultdict(set)
    for split, numbers in zip(others, files_of_others, strict=True):
        for path, number in zip(split.paths, numbers.tolist(), strict=True):
            files_of[digests.get(path)].add(number)
    known = np.concatenate(files_of_others) if others else np.empty(0, np.int64)
    equal = [
        path in digests and bool(files_of[digests[path]] - {number})
        for path, number in zip(images.paths, files.tolist(), strict=True)
    ]
    return np.isin(files, known), np.array(equal, bool)


def _named(images: Split, chosen: np.ndarray) -> str:
    return first_few([repr(os.path.basename(images.paths[i])) for i in np.flatnonzero(chosen)])
