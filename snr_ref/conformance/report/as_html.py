"""A report as one self-contained HTML page: no network, no script, light or dark, narrow or wide."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from snr_ref.conformance.arguments import DTYPES
from snr_ref.conformance.clauses import CLAUSES, SPECIFICATION_VERSION
from snr_ref.conformance.report import Report
from snr_ref.conformance.report.as_json import packages
from snr_ref.conformance.report.as_text import figure, where
from snr_ref.conformance.report.plots import COLOURS, plot
from snr_ref.conformance.report.quantity import Quantity, Worst
from snr_ref.conformance.report.result import PROVIDED, Result

_VERDICTS = {0: "passes", 1: "fails", 2: "provides nothing to check"}

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de; --box: #f6f8fa;
        --good: #1a7f37; --bad: #c62828; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4af; --paper: #0d1117; --line: #30363d; --box: #161b22;
          --good: #4ac26b; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; font: 16px/1.5 system-ui, sans-serif;
       color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p, dl, ul { margin: .5rem 0; } .soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { position: sticky; top: 0; background: var(--paper); } .number { text-align: right;
     font-variant-numeric: tabular-nums; }
.plots { columns: 24rem; column-gap: 1rem; margin-top: .75rem; }
figure { margin: 0 0 1rem; padding: .75rem; break-inside: avoid; border: 1px solid var(--line); border-radius: .5rem; }
figcaption { font-weight: 600; } figure svg { width: 100%; height: auto; }
.box { padding: .75rem 1rem; margin: .75rem 0; background: var(--box); border-left: 4px solid var(--bad);
       border-radius: .25rem; }
.key { white-space: nowrap; margin-right: .7em; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .3em; }
code { font-size: .9em; } details { margin: .5rem 0; } summary { cursor: pointer; }
"""


def page(report: Report) -> str:
    """The report as HTML.

    Args:
        report: Report of a run.

    Returns:
        The whole document, with its style and its plots.
    """
    status = report.exit_status
    versions = ", ".join(f"{name} {version}" for name, version in packages().items())
    title = f"{report.implementation} against SNR's specification {SPECIFICATION_VERSION}"
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            f'<p><strong class="{"bad" if status == 1 else "good" if status == 0 else ""}">'
            f'{escape(report.implementation)} {_VERDICTS[status]}.</strong> <span class="soft">{versions}</span></p>',
            *_summary(report),
            *_section("The first difference in the chain", _differences(report)),
            *_section("Errors", _plots(report)),
            *_section("Figures", _figures(report.quantities)),
            *_section("Failing cases", map(_case, report.having("failed"))),
            *_section("Failed as expected", map(_case, report.having("expected failure"))),
            *_section("Passed, though expected to fail", map(_case, report.having("unexpected pass"))),
            *_section("What is provided", _groups(report)),
            "</body>\n</html>\n",
        ]
    )


def _section(title: str, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    return [f"<h2>{title}</h2>", *lines] if lines else []


def _summary(report: Report) -> list[str]:
    functions = {
        "Passed": report.passed_functions,
        "Failed as expected": report.functions("expected failure"),
        "Failed": report.functions("failed"),
    }
    counts = ", ".join(f"{outcome}: {count}" for outcome, count in report.counts.items())
    return [
        *(f"<p>{title}: {_codes(names)}</p>" for title, names in functions.items() if names),
        f'<p class="soft">Cases, once per dtype: {counts}.</p>',
    ]


def _differences(report: Report) -> list[str]:
    return [
        f'<div class="box"><p><strong>{escape(where(difference))}.</strong> Look at</p>'
        f"<ul>{_clauses(difference.clauses)}</ul>"
        + "".join(f"<p>In {n} of them these are the numbers of: {escape(s)}</p>" for s, n in difference.suspicions)
        + "</div>"
        for difference in report.first_differences
    ]


def _figures(quantities: list[Quantity]) -> list[str]:
    if not quantities:
        return []
    headings = ("quantity", "dtype", "cases", "", "worst error", "in ulps", "of the bound", "worst case")
    return [
        '<p class="soft">The bound is what rounding explains in that dtype for the conditioning of each case; '
        "an ulp is a unit in the last place.</p>",
        '<div class="wide"><table><thead><tr>',
        *(f"<th>{heading}</th>" for heading in headings),
        "</tr></thead><tbody>",
        *map(_row, quantities),
        "</tbody></table></div>",
    ]


def _row(quantity: Quantity) -> str:
    def number(worst: Worst | None) -> str:
        return f'<td class="number">{figure(worst.value) if worst else ""}</td>'

    verdict = f'<span class="bad">{quantity.failed} failed</span>' if quantity.failed else ""
    if quantity.expected_failures:
        verdict += f" {quantity.expected_failures} failed as expected"
    case = escape(quantity.fraction.case) if quantity.fraction else ""
    return (
        f'<tr><td><code>{escape(quantity.name)}</code></td><td>{quantity.dtype}</td><td class="number">'
        f"{quantity.cases}</td><td>{verdict or '<span class=good>passed</span>'}</td>{number(quantity.error)}"
        f"{number(quantity.ulps)}{number(quantity.fraction)}<td>{case}</td></tr>"
    )


def _plots(report: Report) -> list[str]:
    plots = {function: plot(function, report.results) for function in report.functions(*PROVIDED)}
    drawn = [f"<figure><figcaption>{f}</figcaption>{svg}</figure>" for f, svg in plots.items() if svg]
    if not drawn:
        return []
    dtypes = [dtype for dtype in DTYPES if any(r.dtype == dtype and r.comparisons for r in report.results)]
    dot = '<span class="key"><span class="dot" style="background:{}"></span>{}</span> '
    key = "".join(dot.format(COLOURS[dtype], dtype) for dtype in dtypes)
    return [
        f"<p>A dot per case. To the right of 1, rounding doesn't explain the error.</p>\n<p>{key}</p>",
        f'<div class="plots">{"".join(drawn)}</div>',
    ]


def _case(result: Result) -> str:
    suspicions = "".join(f"<p>These are the numbers of: {escape(s)}</p>" for s in result.suspicions)
    told = f"<p>{escape(result.case.reason)}</p>{suspicions}<ul>{_clauses(result.case.clauses)}</ul>"
    return (
        f"<details><summary><code>{escape(result.case.name)}</code> in {result.dtype}: {escape(result.why)}</summary>"
        f'<div class="box">{told}</div></details>'
    )


def _groups(report: Report) -> list[str]:
    rows = [
        f"<tr><td><code>{escape(group.name)}</code></td><td>{'required' if group.required else 'optional'}</td>"
        f"<td>{word}</td><td>{escape(group.about)}</td></tr>"
        for group, word in report.groups
    ]
    missing = [name if k == of else f"{name} ({k} of {of} times)" for name, (k, of) in report.not_provided.items()]
    lacking = [f"<p>Not provided: {_codes(missing)}</p>"] if missing else []
    return [f'<div class="wide"><table><tbody>{"".join(rows)}</tbody></table></div>', *lacking]


def _clauses(clauses: Iterable[str]) -> str:
    return "".join(f"<li><strong>{clause}</strong> {escape(CLAUSES[clause])}</li>" for clause in clauses)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)
