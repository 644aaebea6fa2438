"""A report as plain text, with lines that are never wrapped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from snr_ref.conformance.clauses import CLAUSES, SPECIFICATION_VERSION
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.report import Report
from snr_ref.conformance.report.as_json import packages
from snr_ref.conformance.report.difference import Difference, first_differences
from snr_ref.conformance.report.quantity import Worst
from snr_ref.conformance.report.result import Result

#: Maximal number of cases per outcome in the text; JSON and HTML have all.
_TOLD = 20


def text(report: Report) -> str:
    """The report: figures, what is provided, where the first difference is, failing cases, and finally the verdict.

    Args:
        report: Report of a run.

    Returns:
        The text. Lines that start with FAILED, PASSED and "not provided" name the functions.
    """
    versions = ", ".join(f"{name} {version}" for name, version in packages().items())
    return "\n".join(
        [
            f"{report.implementation} against the specification {SPECIFICATION_VERSION} ({versions})",
            *_section("", _quantities(report)),
            *_section("groups", _groups(report)),
            *_section("the first difference in the chain", _differences(report)),
            *_section("failing cases", _results(report.having("failed"))),
            *_section("failed as expected", _results(report.having("expected failure"))),
            *_section(
                "unexpected passes: remove them from the list of expected failures",
                _results(report.having("unexpected pass")),
            ),
            "",
            *_verdict(report),
        ]
    )


def failure(result: Result) -> str:
    """A failed case: what differs, where to look, and which known mistake gives these numbers."""
    differing = [f"  {c.output}: {c.why}" for c in result.comparisons if not c.passed]
    overwritten = [f"  it overwrote its argument {name}" for name in result.overwritten]
    told = [*differing, *overwritten] or [f"  {result.why}"]
    lines = [f"{result.case.name} in {result.dtype}", result.case.reason, *told]
    for difference in first_differences([result]):
        lines.append(f"The first quantity that differs is {difference.output}; look at")
        lines += [f"  {clause}: {CLAUSES[clause]}" for clause in difference.clauses]
    return "\n".join([*lines, *(f"These are the numbers of: {suspicion}" for suspicion in result.suspicions)])


def figure(value: float) -> str:
    """A figure with three digits."""
    return f"{value:.3g}" if math.isfinite(value) else "infinite"


def where(difference: Difference) -> str:
    """A first difference in a sentence."""
    times = f"{len(difference.cases)} of {difference.failing} failing cases"
    if len(FUNCTIONS[difference.function].outputs) == 1:
        return f"{difference.function}: {difference.output} differs in {times}"
    return f"{difference.function}: the first quantity that differs is {difference.output}, in {times}"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", *([title] if title else []), *lines] if lines else []


def _quantities(report: Report) -> list[str]:
    def of(worst: Worst | None) -> str:
        return "" if worst is None else figure(worst.value)

    headings = ("quantity", "dtype", "cases", "failed", "worst error", "in ulps", "of bound", "worst case")
    rows = [
        (
            q.name,
            q.dtype,
            str(q.cases),
            f"{q.failed or ''}{f' ({q.expected_failures} expected)' if q.expected_failures else ''}",
            of(q.error),
            of(q.ulps),
            of(q.fraction),
            q.fraction.case if q.fraction else "",
        )
        for q in report.quantities
    ]
    return _table([headings, *rows], right=frozenset({2, 3, 4, 5, 6})) if rows else []


def _table(rows: Sequence[tuple[str, ...]], right: frozenset[int] = frozenset()) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _groups(report: Report) -> list[str]:
    rows = [
        (f"  {group.name}", "required" if group.required else "optional", word, group.about)
        for group, word in report.groups
    ]
    return _table(rows) if rows else []


def _differences(report: Report) -> list[str]:
    lines = []
    for difference in report.first_differences:
        lines.append(f"  {where(difference)}; look at")
        lines += [f"    {clause}: {CLAUSES[clause]}" for clause in difference.clauses]
        lines += [f"    in {cases} of them these are the numbers of: {s}" for s, cases in difference.suspicions]
    return lines


def _results(results: list[Result]) -> list[str]:
    lines = []
    for result in results[:_TOLD]:
        lines.append(f"  {result.case.name} in {result.dtype}: {result.why}")
        lines.append(f"    {result.case.reason}")
    if len(results) > _TOLD:
        lines.append(f"  and {len(results) - _TOLD} more, which the JSON and HTML reports list")
    return lines


def _verdict(report: Report) -> list[str]:
    lines = [", ".join(f"{outcome}: {count}" for outcome, count in report.counts.items())]
    if report.not_provided:
        lines.append(f"not provided: {', '.join(_partly(report.not_provided.items()))}")
    verdicts = {
        "PASSED": report.passed_functions,
        "FAILED AS EXPECTED": report.functions("expected failure"),
        "FAILED": report.functions("failed"),
    }
    lines += [f"{verdict}: {', '.join(functions)}" for verdict, functions in verdicts.items() if functions]
    if report.exit_status == 2:
        lines.append("NOTHING TO CHECK: it provides none of the selected functions")
    return lines


def _partly(items: Iterable[tuple[str, tuple[int, int]]]) -> list[str]:
    return [name if lacking == of else f"{name} ({lacking} of {of} times)" for name, (lacking, of) in items]
