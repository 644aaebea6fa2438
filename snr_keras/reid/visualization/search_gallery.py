"""The result of a search as pictures: each query and its nearest, with their distances."""

import os
from pathlib import Path

from numpy.typing import NDArray

from snr_keras.reid.data.images import UnreadableImageError, read_image
from snr_keras.reid.search import SearchResult
from snr_keras.reid.visualization.figures import caption
from snr_keras.reid.visualization.photographs import Photographs

_LONGEST = 24  # characters of a name beside a photograph


def save_search_gallery(
    result: SearchResult, path: str | os.PathLike[str], *, num_queries: int = 20, top: int = 10
) -> Path:
    """Draw the first queries, one per row, each with its nearest pictures and their distances.

    A picture that no longer exists, or is no longer readable, is an empty frame with a note.

    Args:
        result: Result of the search.
        path: PNG file to write.
        num_queries: Number of rows.
        top: Maximal number of pictures per row.
    """
    rows = min(num_queries, len(result.queries))
    columns = 1 + min(top, max(len(matches) for matches in result.matches))
    title = f"queries and the nearest of {result.gallery} pictures,\n{result.distance} distance"
    picture = Photographs(rows, columns, title=title)
    for row, query in enumerate(result.queries[:rows]):
        picture.tell(row, caption(os.path.basename(query), _LONGEST))
        picture.put(row, 0, _read(result.paths[row]), "query")
        for column, match in enumerate(result.matches[row][: columns - 1], start=1):
            picture.put(row, column, _read(match.path), f"{column}: {match.distance:.3f}", frame=1)
    return picture.save(path)


def _read(path: str) -> NDArray | None:
    """A picture; None if it is gone or not readable."""
    try:
        return read_image(path).numpy()
    except UnreadableImageError:
        return None
