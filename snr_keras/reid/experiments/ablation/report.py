"""The results of an ablation as one JSON value, and the tables made from it, without any model.

`results.json` has:

| key | what |
|---|---|
| `recipe`, `settings`, `versions` | the experiment: recipe, data and package versions |
| `variants` | the description of each |
| `home`, `targets` | the labels of the domains; `home` is the source's own test, or null |
| `held_out` | by variant a list by seed of the mAP on held-out people after the last epoch, or null without them |
| `gates` | by variant a list by seed of the health of each gate, by its layer, after training |
| `figures` | by variant a list by seed of mAP, mINP, rank1, rank5, rank10 by domain, fractions in [0, 1] |
| `average_precisions` | likewise, by domain a string per split: a number per query image, `nan` where there is none |
| `bootstrap` | how intervals over queries were drawn |
| `differences` | by variant SNR's mAP minus its own, mean over the targets |
| `steps` | likewise of the pairs of `STEPS` that were trained, by "variant - other" |

`summary.json` is the same without `average_precisions`, which take most of the space.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from snr_keras.evaluation.bootstrap import (
    CONFIDENCE,
    RESAMPLES,
    difference,
    mean_average_precision,
    resampled_mean_average_precision,
)
from snr_keras.evaluation.gates import GateHealth
from snr_keras.evaluation.seeds import POWER, detectable_difference, p_value, t_interval
from snr_keras.files.atomic import write_text
from snr_keras.reid.data.report import printable
from snr_keras.reid.experiments.ablation.plot import save_ablation_plot
from snr_keras.reid.settings.variants import SNR, STEPS
from snr_keras.reid.targets import TargetResult

Results = dict[str, Any]
RunResults = dict[str, tuple[TargetResult, NDArray[np.float64]]]
"""The results of one run, by domain: scores, and the average precisions by split and query image."""

MEAN = "mean of targets"
FIGURES = {"mAP": "mAP", "rank1": "Rank-1"}
_SEED = 0  # seed of the resamples
_OF_A_DIFFERENCE = (" low", " high", " sd", " seeds low", " seeds high", " detectable")


def results_of(
    runs: Mapping[str, Sequence[RunResults]],
    *,
    held_out: Mapping[str, Sequence[float]] | None,
    gates: Mapping[str, Sequence[Mapping[str, GateHealth]]],
    settings: Mapping[str, Any],
    recipe: str,
    variants: Mapping[str, str],
    home: str | None,
    targets: Sequence[str],
    versions: Mapping[str, str],
) -> Results:
    """The results of runs and of their gates, a list by seed for each variant, with the differences that there are."""
    figures = {name: [{d: _figures(one) for d, (one, _) in run.items()} for run in done] for name, done in runs.items()}
    queries = {
        name: [{d: [_numbers(row) for row in table] for d, (_, table) in run.items()} for run in done]
        for name, done in runs.items()
    }
    return {
        "recipe": recipe,
        "settings": dict(settings),
        "versions": dict(versions),
        "variants": dict(variants),
        "home": home,
        "targets": list(targets),
        "held_out": held_out and {name: list(done) for name, done in held_out.items()},
        "gates": {name: [{g: h.to_json() for g, h in run.items()} for run in done] for name, done in gates.items()},
        "figures": figures,
        "bootstrap": {"resamples": RESAMPLES, "confidence": CONFIDENCE, "seed": _SEED},
        "differences": differences_to_snr(figures, queries, targets),
        "steps": differences_of_steps(figures, queries, targets),
        "average_precisions": queries,
    }


def differences_to_snr(
    figures: Mapping[str, Any], average_precisions: Mapping[str, Any], targets: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """SNR's mAP minus that of each other variant, by variant, as `differences_of`. Empty without SNR."""
    pairs = [(SNR, name) for name in figures if SNR in figures and name != SNR]
    found = differences_of(pairs, figures, average_precisions, targets)
    return {other: difference for (_, other), difference in found.items()}


def differences_of_steps(
    figures: Mapping[str, Any], average_precisions: Mapping[str, Any], targets: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The mAP that each of `STEPS` adds, by "variant - other", of those that are there."""
    pairs = [(name, other) for name, other in STEPS if name in figures and other in figures]
    found = differences_of(pairs, figures, average_precisions, targets)
    return {f"{name} - {other}": difference for (name, other), difference in found.items()}


def differences_of(
    pairs: Sequence[tuple[str, str]],
    figures: Mapping[str, Any],
    average_precisions: Mapping[str, Any],
    targets: Sequence[str],
) -> dict[tuple[str, str], dict[str, Any]]:
    """The mAP of one variant minus that of another, mean over targets and seeds, with both intervals.

    Args:
        pairs: Pairs of variants.
        figures: Scores, as in `results.json`.
        average_precisions: Average precisions, as in `results.json`.
        targets: Names of the targets to average over; without any there are no differences.

    Returns:
        By pair `mean`; `low` and `high`, the bootstrap interval over queries; `by_seed`, the difference of each seed;
        `seeds_low` and `seeds_high`, Student's interval over seeds, `p` of the test that belongs to it, and
        `detectable`, the smallest true difference that these seeds would have shown, all four None of one seed.
    """
    if not pairs or not targets:
        return {}
    names = list(average_precisions)
    tables = [
        np.stack([np.mean([_table(run[target]) for run in average_precisions[name]], axis=0) for name in names])
        for target in targets
    ]
    observed = dict(zip(names, mean_average_precision(tables), strict=True))
    resampled = dict(zip(names, resampled_mean_average_precision(tables, seed=_SEED).T, strict=True))
    levels = {name: [mean(run[t]["mAP"] for t in targets) for run in done] for name, done in figures.items()}
    found = {}
    for ours, theirs in pairs:
        queries = difference(resampled[ours], resampled[theirs], value=float(observed[ours] - observed[theirs]))
        by_seed = [a - b for a, b in zip(levels[ours], levels[theirs], strict=True)]
        seeds = t_interval(by_seed) if len(by_seed) > 1 else None
        found[ours, theirs] = {
            "mean": queries.value,
            "low": queries.low,
            "high": queries.high,
            "by_seed": by_seed,
            "seeds_low": seeds and seeds.low,
            "seeds_high": seeds and seeds.high,
            "p": p_value(by_seed) if seeds else None,
            "detectable": detectable_difference(by_seed) if seeds else None,
        }
    return found


def summary(results: Results) -> Results:
    """The results without the average precisions of every query."""
    return {key: value for key, value in results.items() if key != "average_precisions"}


def write_reports(results: Results, out: Path) -> None:
    """Write results.json, summary.json, results.txt, results.csv, results.tex and results.png, each atomically."""
    write_text(out / "results.json", json.dumps(results, indent=1) + "\n")
    write_text(out / "summary.json", json.dumps(summary(results), indent=1) + "\n")
    tables = [as_table(results), *([steps_table(results)] if results["steps"] else [])]
    write_text(out / "results.txt", "\n".join(map(as_text, tables)))
    write_text(out / "results.csv", as_csv(results))
    write_text(out / "results.tex", as_latex(results))
    save_ablation_plot(results, out / "results.png")


def columns(results: Results) -> list[str]:
    """The columns of a table: home, the targets, and their mean if there are several."""
    targets = results["targets"]
    return [*([results["home"]] if results["home"] else []), *targets, *([MEAN] if len(targets) > 1 else [])]


def values(results: Results, variant: str, column: str, figure: str) -> list[float]:
    """A score by seed, in per cent."""
    domains = results["targets"] if column == MEAN else [column]
    return [100 * mean(run[domain][figure] for domain in domains) for run in results["figures"][variant]]


def caption(results: Results) -> str:
    """The meaning of the scores and of the intervals, including what intervals do not show."""
    seeds = _number_of_seeds(results)
    spread = f", mean ± standard deviation over {seeds} trainings" if seeds > 1 else ", of one training"
    source = _told(results["settings"]["source"])
    tested = [_told(target) for target in results["settings"]["targets"]] + ["its own test people"] * bool(
        results["home"]
    )
    sentences = [
        f"mAP / Rank-1 in per cent{spread}, after the last of {results['settings']['training']['epochs']} epochs.",
        f"Trained on {source}; tested on {', '.join(tested)}.",
    ]
    if results["held_out"]:
        sentences.append("Held out: mAP, after the last epoch, on people of the source who are not trained on.")
    if results["differences"]:
        sentences.append(f"{SNR} - variant: {_how_differences_are_told(results)}")
    return " ".join(sentences)


def _how_differences_are_told(results: Results) -> str:
    drawn, confidence = results["bootstrap"], f"{100 * results['bootstrap']['confidence']:.0f} %"
    sentences = [
        f"mAP in points, {_of_what(results)}, of the average over trainings, with a {confidence} interval by paired "
        f"bootstrap over queries ({drawn['resamples']} resamples of the queries of each target, the same for both "
        "methods). The interval shows how much depends on the choice of queries, not how trainings differ:"
    ]
    if _number_of_seeds(results) > 1:
        sentences += [
            "for that, ± is the standard deviation of the difference over trainings, and in brackets is a "
            f"{confidence} interval by Student's t over them, both models of a pair having one seed."
        ]
    else:
        sentences += ["for that there must be several."]
    return " ".join(sentences)


def steps_table(results: Results) -> Table:
    """What each part of the method and each reading of its loss adds, of those that were trained: a row a step."""
    shown = f" that {_number_of_seeds(results)} seeds would have shown with probability {POWER:.0%}"
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),  # which lets it fit 80 columns, with steps in two lines
        title="What each step adds",
        title_justify="left",
        caption=escape(
            printable(
                f"{_how_differences_are_told(results)} p: of the paired t test. "
                f"Detectable: the smallest true difference{shown}."
            )
        ),
        caption_justify="left",
    )
    for heading in ("step", "difference", "over queries", "over seeds", "p", "detectable"):
        is_step = heading == "step"
        table.add_column(heading, justify="left" if is_step else "right", no_wrap=not is_step)
    for step, found in results["steps"].items():
        by_seed, seeds = [100 * d for d in found["by_seed"]], found["seeds_low"] is not None
        table.add_row(
            escape(step),
            _signed(100 * found["mean"], by_seed),
            _interval(found["low"], found["high"]),
            _interval(found["seeds_low"], found["seeds_high"]) if seeds else "",
            f"{found['p']:.2g}" if seeds else "",
            f"{100 * found['detectable']:.1f}" if seeds else "",
        )
    return table


def as_table(results: Results, *, brief: bool = False) -> Table:
    """The table for a terminal, one row per variant; if `brief` without the single targets, to fit 80 columns."""
    shown = [column for column in columns(results) if not brief or column in (results["home"], MEAN) or _alone(results)]
    table = Table(
        box=box.SIMPLE_HEAD, caption=escape(printable(caption(results))), caption_justify="left", show_lines=True
    )
    table.add_column("variant", no_wrap=True)
    if results["held_out"]:
        table.add_column("held out", justify="right", no_wrap=True)
    for column in shown:
        table.add_column(escape(printable(_heading(results, column))), justify="right", no_wrap=True)
    if results["differences"]:
        table.add_column(f"{SNR} - variant", justify="right", no_wrap=True)
    for name in results["figures"]:
        cells = ["\n".join(_spread(values(results, name, column, figure)) for figure in FIGURES) for column in shown]
        if results["held_out"]:
            cells.insert(0, _spread([100 * mAP for mAP in results["held_out"][name]]))
        if results["differences"]:
            cells.append(_difference(results["differences"].get(name)))
        table.add_row(escape(name), *cells)
    return table


def as_text(table: Table) -> str:
    """A table as text, as wide as necessary."""
    text = io.StringIO()
    Console(width=max(100, width_of(table)), file=text).print(table)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def width_of(table: Table) -> int:
    """The width at which a table is completely visible."""
    return Console(width=10_000).measure(table).maximum


def as_csv(results: Results) -> str:
    """One line per variant, in per cent: mean and standard deviation of every score, and the difference to SNR."""
    shown = columns(results)
    heading = ["variant", "trainings"]
    heading += [f"{c} {name}{what}" for c in shown for name in FIGURES.values() for what in ("", " sd")]
    heading += [f"{SNR} - variant{what}" for what in ("", *_OF_A_DIFFERENCE)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    for name, done in results["figures"].items():
        row: list[str | int] = [name, len(done)]
        for column in shown:
            for figure in FIGURES:
                row += _mean_and_sd(values(results, name, column, figure))
        if found := results["differences"].get(name):
            average, sd = _mean_and_sd([100 * d for d in found["by_seed"]])
            of_seeds = [found[key] for key in ("seeds_low", "seeds_high", "detectable")]
            row += [average, f"{100 * found['low']:.2f}", f"{100 * found['high']:.2f}", sd]
            row += ["" if value is None else f"{100 * value:.2f}" for value in of_seeds]
        else:
            row += [""] * (1 + len(_OF_A_DIFFERENCE))
        writer.writerow(row)
    return text.getvalue()


def as_latex(results: Results) -> str:
    r"""A `table*` for LaTeX with the package booktabs; special characters in names are escaped."""
    shown = columns(results)
    rows = []
    for name in results["figures"]:
        cells = [_latex(name)]
        cells += [_in_tex(values(results, name, column, figure)) for column in shown for figure in FIGURES]
        if results["differences"]:
            cells.append(_difference_in_tex(results["differences"].get(name)))
        rows.append(" & ".join(cells) + r" \\")
    heads = [rf"\multicolumn{{2}}{{c}}{{{_latex(_heading(results, column))}}}" for column in shown]
    rules = [rf"\cmidrule(lr){{{2 * k + 2}-{2 * k + 3}}}" for k in range(len(shown))]
    last = [rf"{SNR} $-$ variant"] if results["differences"] else []
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{_latex(caption(results))}}}",
        rf"\begin{{tabular}}{{l{'r' * (2 * len(shown) + len(last))}}}",
        r"\toprule",
        " & ".join(["", *heads, *([""] * len(last))]) + r" \\",
        " ".join(rules),
        " & ".join(["variant", *[_latex(name) for _ in shown for name in FIGURES.values()], *last]) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _figures(result: TargetResult) -> dict[str, float]:
    ranks = {f"rank{k}": result.rank(k) for k in (1, 5, 10)}
    return {"mAP": result.mAP, "mINP": result.mINP, **ranks}


def _numbers(row: Iterable[float]) -> str:
    return " ".join(f"{value:.5g}" for value in row)


def _table(divisions: Iterable[str]) -> NDArray[np.float64]:
    """The average precisions, (S, Q), from the strings of `_numbers`."""
    return np.array([np.array(row.split(), np.float64) for row in divisions])


def _number_of_seeds(results: Results) -> int:
    return max(len(done) for done in results["figures"].values())


def _alone(results: Results) -> bool:
    return len(results["targets"]) == 1


def _told(described: Mapping[str, Any]) -> str:
    version = f" ({described['version']})" if described.get("version") else ""
    splits = f", mean over {described['divisions']} splits" if described.get("divisions", 1) > 1 else ""
    return f"{described['name']}{version}{splits}"


def _of_what(results: Results) -> str:
    return f"on {results['targets'][0]}" if _alone(results) else MEAN


def _heading(results: Results, column: str) -> str:
    return f"{column} (source)" if column == results["home"] else column


def _spread(found: Sequence[float]) -> str:
    return f"{mean(found):.1f}" + (f" ± {stdev(found):.1f}" if len(found) > 1 else "")


def _difference(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    lines = [_signed(100 * found["mean"], [100 * d for d in found["by_seed"]]), _interval(found["low"], found["high"])]
    if found["seeds_low"] is not None:
        lines.append(f"[{_interval(found['seeds_low'], found['seeds_high'])}]")
    return "\n".join(lines)


def _signed(average: float, by_seed: Sequence[float]) -> str:
    return f"{average:+.1f}" + (f" ± {stdev(by_seed):.1f}" if len(by_seed) > 1 else "")


def _interval(low: float, high: float) -> str:
    return f"{100 * low:+.1f} to {100 * high:+.1f}"


def _mean_and_sd(found: Sequence[float]) -> tuple[str, str]:
    return f"{mean(found):.2f}", f"{stdev(found):.2f}" if len(found) > 1 else ""


def _in_tex(found: Sequence[float]) -> str:
    return f"${_spread(found).replace('±', chr(92) + 'pm')}$"


def _difference_in_tex(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    lines = _difference(found).replace("±", r"\pm").replace(" to ", "$ to $").split("\n")
    return " ".join(f"${line}$" for line in lines)


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def _latex(text: str) -> str:
    return re.sub("|".join(map(re.escape, _TEX)), lambda match: _TEX[match[0]], printable(text))
