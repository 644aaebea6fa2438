"""The tables that commands print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from snr_keras.cli.console import say, shown
from snr_keras.reid.data.report import printable

if TYPE_CHECKING:
    from snr_keras.reid.targets import TargetResult
    from snr_ref import VerificationResult

CAPTION = ("scores in per cent", "queries: with a valid match / all")


def results_table(results: Iterable[TargetResult], title: str, models: Sequence[str] = ()) -> Table:
    """The table of ReID papers, in per cent, one row per target; it fits 80 columns.

    With `models`, the results are of several models on one target; the models' names replace the target's.
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
    """The means of the scores over the results, in per cent."""
    rows = [(r.mAP, r.rank(1), r.rank(5), r.rank(10), r.mINP) for r in results]
    return [f"{100 * sum(column) / len(rows):.1f}" for column in zip(*rows, strict=True)]


def _circumstances(results: Sequence[TargetResult]) -> list[str]:
    """The notes on the scores, each once, with the targets that it applies to unless it applies to all."""
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
    """True-positive rates at false-positive rates and the equal error rate, in per cent, one row per target."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title="Do two images show one person?",
        title_justify="left",
        caption="TPR: same-person pairs below the threshold of a false-positive rate. EER: the equal error rate, in %; "
        "threshold: the distance to use where both errors cost the same.",
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
    """Report the targets that had queries without a valid match, since no mean counts them."""
    for result in results:
        left_out = result.num_queries - result.num_valid_queries
        if left_out:
            say(
                f"{printable(result.target)}: {left_out} of {result.num_queries} queries have no valid match in the "
                "gallery and are left out of every score."
            )
