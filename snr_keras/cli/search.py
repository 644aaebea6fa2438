"""`snr search`: the nearest pictures to each query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snr_keras.cli.console import say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.options import IMAGES_HELP, runs
from snr_keras.files.atomic import write_json, write_text
from snr_keras.files.regular import check_file
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.data.report import count, printable
from snr_keras.reid.settings.paths import FEATURES_FILE

if TYPE_CHECKING:
    from snr_keras.reid.search import SearchResult

SHOWN = 10  # queries on the screen

ENDINGS = (".json", ".csv", ".png")  # of what it writes


app = typer.Typer()


@app.command("search")
def search_command(
    features: Annotated[Path, typer.Argument(metavar="FEATURES.h5", help="File of snr extract to search.")],
    queries: Annotated[
        list[str], typer.Argument(metavar="QUERY", help=f"Another file of snr extract, or pictures. {IMAGES_HELP}")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="Run folder of the model of FEATURES.h5, if it has moved.", autocompletion=runs
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Number of pictures to find for each query.")] = 10,
    distance: Annotated[str, typer.Option(help="cosine or euclidean.")] = "cosine",
    exclude_itself: Annotated[bool, typer.Option("--exclude-itself", help="Leave out the query's own file.")] = False,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="FAISS index for searching a large gallery, faster and not quite exactly; FILE is written if it "
            "does not exist.",
        ),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Also write the matches to a .json, .csv or .png file (ranked galleries); may be repeated.",
        ),
    ] = None,
) -> None:
    """Find the pictures nearest to each query.

    Pictures are embedded as those in FEATURES.h5 were, by the model that it names; another model is refused. Without
    --index the search is exact and needs little memory, however large the file. There is always a nearest picture: a
    small distance does not prove that it shows the same person.
    """
    outs = out or []
    for path in outs:
        if path.suffix.lower() not in ENDINGS:
            raise ValueError(f"--out must be a file that ends in {', '.join(ENDINGS)}. Received: {str(path)!r}")
    check_file(features, FEATURES_FILE)
    load_keras()
    from snr_keras.reid.data.pictures import reasons
    from snr_keras.reid.search import search
    from snr_keras.reid.search.extraction import check_writable

    for path in outs:
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
        _write(path, result)
    for line in reasons(result.left_out):
        say(line)
    say_matches(result)
    if len(result.queries) > SHOWN:
        more = count(len(result.queries) - SHOWN, "more query", "more queries")
        say(f"and {more}" + ("" if outs else ": --out FILE.csv writes all"))
    for path in outs:
        say(path)


def _write(path: Path, result: SearchResult) -> None:
    """Write the matches in the format of the file's extension."""
    match path.suffix.lower():
        case ".json":
            write_json(path, result.to_json())
        case ".csv":
            write_text(path, result.to_csv())
        case _:
            from snr_keras.reid.visualization import save_search_gallery

            save_search_gallery(result, path)


def say_matches(result: SearchResult) -> None:
    """Print the first queries, one block per query, one line per match; names are not wrapped, for copying."""
    for query, matches in list(zip(result.queries, result.matches, strict=True))[:SHOWN]:
        say(printable(query))
        for rank, match in enumerate(matches, 1):
            say(f"{rank:>6}  {match.distance:.4f}  {printable(match.name)}")
    by = "" if result.index is None else f", by the index {printable(result.index)}"
    say(f"({result.distance} distance, the nearest of {count(result.gallery, 'picture')}{by})")
