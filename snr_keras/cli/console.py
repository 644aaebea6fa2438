"""What every command prints with: the console, a progress bar, tables of results, and files that are never half."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from snr_keras.data.report import printable
from snr_keras.evaluation import TargetResult

console = Console()
errors = Console(stderr=True)


def say(text: object) -> None:
    """Print text as it is: names of files are no markup, and lines are as long as they are, to be copied."""
    _say(console, text)


def say_error(text: object, *, label: str = "") -> None:
    """Print text as it is to standard error, after a label in red."""
    if label:
        errors.print(label, style="bold red", end=" ")
    _say(errors, text)


def _say(where: Console, text: object) -> None:
    encodable = str(text).encode(errors="backslashreplace").decode()  # names of files need not be UTF-8
    where.print(encodable, markup=False, highlight=False, soft_wrap=True)


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
        task = bar.add_task(escape(description), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def results_table(results: Iterable[TargetResult], title: str) -> Table:
    """The table that ReID papers print, in per cent, a row a target; it fits 80 columns."""
    results = list(results)
    targets_of: dict[str, list[str]] = {}
    for result in results:
        targets_of.setdefault(f"{result.distance} distance, protocol {result.protocol}", []).append(result.target)
    rules = [f"{', '.join(targets)}: {rule}" for rule, targets in targets_of.items()]
    rules = rules if len(rules) > 1 else list(targets_of)
    table = Table(
        box=box.SIMPLE_HEAD,
        title=escape(title),
        title_justify="left",
        caption=escape(printable(f"figures in per cent; queries: with a valid match / all; {'; '.join(rules)}")),
        caption_justify="left",
    )
    table.add_column("target", overflow="fold")
    for heading in ("mAP", "Rank-1", "Rank-5", "Rank-10", "mINP", "queries", "gallery"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        figures = (result.mAP, result.rank(1), result.rank(5), result.rank(10), result.mINP)
        valid = f"{result.num_valid_queries}/{result.num_queries}"
        table.add_row(
            escape(printable(result.target)), *(f"{100 * x:.1f}" for x in figures), valid, str(result.num_gallery)
        )
    return table


def say_left_out_queries(results: Iterable[TargetResult]) -> None:
    """Say which targets had queries without a valid match, since no mean counts them."""
    for result in results:
        left_out = result.num_queries - result.num_valid_queries
        if left_out:
            say(
                f"{printable(result.target)}: {left_out} of {result.num_queries} queries have no valid match in the "
                "gallery and are left out of every figure."
            )


def write_json(path: Path, content: Any) -> None:
    """Write JSON, replacing what was there only when it is whole."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, replacing what was there only when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
