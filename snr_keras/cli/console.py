"""What every command prints with: the console, a progress bar and tables of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Table

from snr_keras.reid.data.report import printable

if TYPE_CHECKING:
    from snr_keras.reid.targets import TargetResult
    from snr_ref import VerificationResult


class PrintableConsole(Console):
    """A console on which nothing that is printed gives orders to the terminal: whatever is no text is escaped.

    File names, settings and names of layers come from others, and so do errors and warnings that quote them.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What is printed, piece by piece; ends of lines stay, and so do Rich's own orders."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=_escaped(segment.text))


def _escaped(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


console = PrintableConsole()
errors = PrintableConsole(stderr=True)

CAPTION = ("figures in per cent", "queries: with a valid match / all")


def say(text: object) -> None:
    """Print text as it is: names of files are no markup, and lines are as long as they are, to be copied."""
    _say(console, text)


def say_error(text: object, *, label: str = "") -> None:
    """Print text as it is to standard error, after a label in red."""
    if label:
        errors.print(label, style="bold red", end=" ")
    _say(errors, text)


def _say(where: Console, text: object) -> None:
    where.print(_escaped(str(text)), markup=False, highlight=False, soft_wrap=True)


def shown(text: str) -> str:
    """Text for a table or a bar: no markup, and what cannot be printed, or not by this console, escaped.

    Escaped here, and not as late as by the stream, it has the width that it is laid out for.
    """
    encoding = console.encoding
    return escape(printable(text).encode(encoding, "backslashreplace").decode(encoding))


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for long work; yields the function that moves it, called with the number done and in all."""
    with changing_bar() as move:
        move(description, 0, None)
        yield lambda done, total: move(description, done, total)


@contextmanager
def changing_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar for one work after another; yields the function that moves it, called with what is done and how much."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    doing = ""
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(doing, total=None)

        def move(description: str, done: int, total: int | None) -> None:
            nonlocal doing
            if description != doing:
                doing = description
                bar.reset(task, description=shown(description))
            bar.update(task, completed=done, total=total)

        yield move


def results_table(results: Iterable[TargetResult], title: str, models: Sequence[str] = ()) -> Table:
    """The table that ReID papers print, in per cent, a row a target; it fits 80 columns.

    With `models`, the results are of as many models on one target: their names stand in the place of its name.
    """
    results = list(results)
    table = Table(
        box=box.SIMPLE_HEAD,
        title=shown(title),
        title_justify="left",
        caption=shown("; ".join([*CAPTION, *_circumstances(results)])),
        caption_justify="left",
    )
    table.add_column("model" if models else "target", overflow="fold")
    for heading in ("mAP", "Rank-1", "Rank-5", "Rank-10", "mINP", "queries", "gallery"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, result in zip(models or [result.target for result in results], results, strict=True):
        valid = f"{result.num_valid_queries}/{result.num_queries}"
        table.add_row(
            shown(name),
            *_figures([result]),
            valid,
            str(result.num_gallery),
        )
    if len(results) > 1 and not models:
        table.add_section()
        table.add_row("mean", *_figures(results), "", "")
    return table


def _figures(results: Sequence[TargetResult]) -> list[str]:
    """The means of the figures over results, in per cent."""
    rows = [(r.mAP, r.rank(1), r.rank(5), r.rank(10), r.mINP) for r in results]
    return [f"{100 * sum(column) / len(rows):.1f}" for column in zip(*rows, strict=True)]


def _circumstances(results: Sequence[TargetResult]) -> list[str]:
    """What must stand with the figures, each thing once, after the targets that it is true of unless it is of all."""
    targets_of: dict[str, list[str]] = {}
    for result in results:
        told = [f"{result.distance} distance, protocol {result.protocol}", result.version]
        told.append(f"mean over {len(result.splits)} splits, counts summed" if result.splits else "")
        for thing in filter(None, told):
            targets_of.setdefault(thing, []).append(result.target)
    return [
        thing if len(targets) == len(results) else f"{', '.join(targets)}: {thing}"
        for thing, targets in targets_of.items()
    ]


def verification_table(verified: Mapping[str, VerificationResult]) -> Table:
    """True-positive rates at false-positive rates and the equal error rate, in per cent, a row a target."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title="Do two images show one person?",
        title_justify="left",
        caption="TPR: same-person pairs below the threshold of a false-positive rate. EER: the equal error rate, in %; "
        "threshold: the distance to decide by where both errors cost the same.",
        caption_justify="left",
    )
    table.add_column("\ntarget", overflow="fold", min_width=6)
    rates = next(iter(verified.values())).false_positive_rates
    for heading in (*(f"TPR at\nFPR {rate:g}" for rate in rates), "\nEER", "\nthreshold"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, result in verified.items():
        shares = [f"{100 * rate:.1f}" for rate in (*result.true_positive_rates, result.equal_error_rate)]
        table.add_row(shown(name), *shares, f"{result.equal_error_threshold:.4g}")
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
