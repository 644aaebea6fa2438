"""`snr search`: the pictures nearest to others."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from snr_keras.cli.console import progress_bar, say
from snr_keras.cli.extract import IMAGES_HELP
from snr_keras.files.atomic import write_json, write_text
from snr_keras.reid.data.pictures import reasons
from snr_keras.reid.data.report import count, printable
from snr_keras.reid.search import SearchResult, search
from snr_keras.reid.search.extraction import check_writable
from snr_keras.reid.visualization import save_search_gallery

SHOWN = 10  # queries on the screen

WRITERS: dict[str, Callable[[Path, SearchResult], object]] = {
    ".json": lambda path, result: write_json(path, result.to_json()),
    ".csv": lambda path, result: write_text(path, result.to_csv()),
    ".png": lambda path, result: save_search_gallery(result, path),
}


def search_command(
    features: Annotated[Path, typer.Argument(metavar="FEATURES.h5", help="What to search: a file of snr extract.")],
    queries: Annotated[
        list[str], typer.Argument(metavar="QUERY", help=f"Another file of snr extract, or pictures. {IMAGES_HELP}")
    ],
    model: Annotated[
        str | None, typer.Option(metavar="RUN", help="Where the model of FEATURES.h5 is, if it has moved.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Pictures to find for each query.")] = 10,
    distance: Annotated[str, typer.Option(help="cosine or euclidean.")] = "cosine",
    exclude_itself: Annotated[
        bool, typer.Option("--exclude-itself", help="Leave a query's own file out of what it finds.")
    ] = False,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Search a large gallery by an index of FAISS, faster and not quite exactly; it is written to FILE if "
            "that is not there.",
        ),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Also write to a .json, .csv or .png (ranked galleries); may be repeated."),
    ] = None,
) -> None:
    """Find the pictures nearest to each query.

    Pictures are embedded as those in FEATURES.h5 were, by the model that it names; another model is refused. Without
    --index the search is exact and needs little memory, however large the file. Somebody is always nearest: a distance
    does not say that it is the same person.
    """
    outs = out or []
    for path in outs:
        if path.suffix.lower() not in WRITERS:
            raise ValueError(f"--out is a file that ends in {', '.join(WRITERS)}. Received: {str(path)!r}")
        check_writable(path)
    with progress_bar("searching") as progress:
        result = search(
            features,
            queries,
            model=model,
            top=top,
            distance=distance,
            exclude_itself=exclude_itself,
            index=index,
            progress=progress,
        )
    for path in outs:
        WRITERS[path.suffix.lower()](path, result)
    for line in reasons(result.left_out):
        say(line)
    say_matches(result)
    if len(result.queries) > SHOWN:
        more = count(len(result.queries) - SHOWN, "more query", "more queries")
        say(f"and {more}" + ("" if outs else ": --out FILE.csv has them all"))
    for path in outs:
        say(path)


def say_matches(result: SearchResult) -> None:
    """A block a query, of the first queries, a line a match; names are not broken, to be copied."""
    for query, matches in list(zip(result.queries, result.matches, strict=True))[:SHOWN]:
        say(printable(query))
        for rank, match in enumerate(matches, 1):
            say(f"{rank:>6}  {match.distance:.4f}  {printable(match.name)}")
    by = "" if result.index is None else f", by the index {printable(result.index)}"
    say(f"({result.distance} distance, the nearest of {count(result.gallery, 'picture')}{by})")
