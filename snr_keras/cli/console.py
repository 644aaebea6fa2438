"""What every command prints with: the console, a progress bar, tables of results, and files that are never half."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from snr_keras.evaluation import TargetResult

console = Console()


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for long work; yields the function that moves it, called with the number done and in all."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def results_table(results: Iterable[TargetResult], title: str) -> Table:
    """The table that ReID papers print, in per cent, a row a target."""
    table = Table(title=title, title_justify="left")
    table.add_column("target")
    for heading in ("mAP", "Rank-1", "Rank-5", "Rank-10", "mINP", "queries", "gallery", "protocol"):
        table.add_column(heading, justify="right")
    for result in results:
        figures = (result.mAP, result.rank(1), result.rank(5), result.rank(10), result.mINP)
        valid = f"{result.num_valid_queries}/{result.num_queries}"
        table.add_row(
            result.target, *(f"{100 * x:.1f}" for x in figures), valid, str(result.num_gallery), result.protocol
        )
    return table


def say_left_out_queries(results: Iterable[TargetResult]) -> None:
    """Say which targets had queries without a valid match, since no mean counts them."""
    for result in results:
        left_out = result.num_queries - result.num_valid_queries
        if left_out:
            console.print(
                f"[yellow]{result.target}:[/] {left_out} of {result.num_queries} queries have no valid match in the "
                "gallery and are left out of every figure."
            )


def write_json(path: Path, content: Any) -> None:
    """Write JSON, replacing what was there only when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(partial, path)
