"""The command line of the kit: `python -m snr_ref.conformance`, the same as `snr parity`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from snr_ref.conformance.bar import bar
from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.clauses import CLAUSES, SPECIFICATION_VERSION
from snr_ref.conformance.implementation import load
from snr_ref.conformance.report import Report
from snr_ref.conformance.runner import check
from snr_ref.conformance.selection import ExpectedFailures, select
from snr_ref.conformance.streams import escape_the_unencodable
from snr_ref.conformance.whole_file import write_whole

#: Exit status of a run that went wrong, as opposed to an implementation that fails.
ERROR = 3

_ABOUT = f"""Check an implementation of Style Normalization and Restitution against the
specification {SPECIFICATION_VERSION}: which functions are right, which are not, by how much, and
where to look.
"""

_EXAMPLE = """An adapter, my_adapter.py, has any of the functions of snr_ref, with the same names and arguments:

    import numpy as np
    import my_package

    dtypes = ("float64", "float32")     # the dtypes it accepts; only float64 without this line
    refusals = True                     # whether it must refuse bad input; not without this line

    def snr(F, params, *, epsilon=1e-5):
        out = my_package.snr(F, params.gamma, params.beta, params.w1, params.w2, eps=epsilon)
        return {"F_plus": np.asarray(out.plus), "a": np.asarray(out.gate)}    # any of the outputs, by name

    PROG check my_adapter
"""

_STATUS = """exit status:
  0  everything that the adapter provides passes, or fails as expected
  1  something fails
  2  the adapter provides nothing to check
  3  the run itself went wrong: a wrong option, a missing file or module
"""


class _Parser(argparse.ArgumentParser):
    """A parser that exits with status 3 on wrong options, since 2 says that nothing is provided."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ERROR, f"error: {message}\n")


def main(argv: Sequence[str] | None = None, *, prog: str = "python -m snr_ref.conformance") -> int:
    """Run a command.

    Args:
        argv: Arguments of the command; None means those of the process.
        prog: Name of the command, as the user called it.

    Returns:
        The exit status: 0 if everything that is provided passes, 1 if something fails, 2 if nothing is provided, 3 if
        the run itself went wrong, 130 if it was interrupted.
    """
    escape_the_unencodable()
    arguments = _parser(prog).parse_args(argv)
    try:
        command: Callable[[argparse.Namespace], int] = arguments.command
        return command(arguments)
    except BrokenPipeError:  # the reader of the output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        if os.environ.get("SNR_TRACEBACK"):
            traceback.print_exc()
        print(f"error: {error}\n(SNR_TRACEBACK=1 shows where it was raised)", file=sys.stderr)
        return ERROR
    except Exception:
        traceback.print_exc()
        return ERROR


def _parser(prog: str) -> _Parser:
    raw = argparse.RawDescriptionHelpFormatter
    example = _EXAMPLE.replace("PROG", prog)
    parser = _Parser(prog=prog, description=_ABOUT, epilog=f"{example}\n{_STATUS}", formatter_class=raw)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, command: Callable[[argparse.Namespace], int], about: str, epilog: str = "") -> _Parser:
        added: _Parser = commands.add_parser(name, help=about, description=about, epilog=epilog, formatter_class=raw)
        added.set_defaults(command=command)
        return added

    checked = add("check", _check, "check an implementation and print a report", f"{example}\n{_STATUS}")
    checked.add_argument("target", metavar="MODULE[:OBJECT]", help="the adapter; the current folder is searched too")
    compared = add("compare", _compare, "check the answers that a program in any language wrote to a file", _STATUS)
    compared.add_argument("golden", metavar="FILE.h5", type=Path, help="the file that `export` wrote")
    compared.add_argument("outputs", metavar="OUTPUTS.h5", type=Path, help="the file that the program wrote")
    for reporting in (checked, compared):
        _add_report_options(reporting)
    exported = add("export", _export, "write every case with its answers and tolerances to HDF5")
    exported.add_argument(
        "file", metavar="FILE.h5", type=Path, help="HDF5 file; some cases also go to a JSON file and a C header"
    )
    listed = add("list", _list, "list the cases: the function, the dtypes and the clauses of each")
    listed.add_argument("--clause", help="only cases that pin this clause of the specification, such as 1.4")
    return parser


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    patterns = "those whose name, group or function matches, such as 'forward/*', snr_vjp or '*nan*'; may be repeated"
    parser.add_argument("--include", metavar="PATTERN", action="append", default=[], help=f"run only {patterns}")
    parser.add_argument("--exclude", metavar="PATTERN", action="append", default=[], help=f"leave out {patterns}")
    parser.add_argument(
        "--expected-failures",
        metavar="FILE",
        type=Path,
        help="file with a line `pattern [dtype] [# reason]` per known failure; a pass is reported and fails nothing",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the report as JSON")
    parser.add_argument(
        "--html", metavar="FILE", type=Path, help="also write the report as a web page with plots; needs matplotlib"
    )


def _check(arguments: argparse.Namespace) -> int:
    implementation = load(arguments.target)
    patterns = {"include": arguments.include, "exclude": arguments.exclude}

    def checked() -> Report:
        with bar("checking") as progress:
            return check(implementation, **patterns, progress=progress)

    return _reported(arguments, catalogue(), checked)


def _compare(arguments: argparse.Namespace) -> int:
    from snr_ref.conformance.vectors import compare_files, read

    def compared() -> Report:
        with bar("comparing") as progress:
            report = compare_files(arguments.golden, arguments.outputs, progress=progress)
        cases = {result.case.name: result.case for result in report.results}
        kept = {case.name for case in select(cases.values(), arguments.include, arguments.exclude)}
        return replace(report, results=tuple(r for r in report.results if r.case.name in kept))

    return _reported(arguments, read(arguments.golden), compared)


def _reported(arguments: argparse.Namespace, cases: Iterable[Case], run: Callable[[], Report]) -> int:
    """Run, print the report and write its files; wrong options are found before the run."""
    for path in filter(None, (arguments.json, arguments.html)):
        if not path.parent.is_dir():
            raise ValueError(f"There is no folder {path.parent} to write {path.name} to")
    if arguments.html:
        from snr_ref.conformance.report.as_html import page
    expected = arguments.expected_failures and ExpectedFailures.read(arguments.expected_failures, cases)
    report = run()
    if expected:
        report = expected.applied_to(report)
    if arguments.json:
        write_whole(arguments.json, f"{json.dumps(report.to_json(), indent=2, allow_nan=False)}\n".encode())
    if arguments.html:
        write_whole(arguments.html, page(report).encode())
    _say(report.text())
    return report.exit_status


def _export(arguments: argparse.Namespace) -> int:
    from snr_ref.conformance.vectors import export

    with bar("exporting") as progress:
        written = export(arguments.file, progress=progress)
    for path in written:
        _say(f"wrote {path}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    if arguments.clause is not None and arguments.clause not in CLAUSES:
        raise ValueError(f"There is no clause {arguments.clause!r}. The clauses are {', '.join(CLAUSES)}")
    cases = [case for case in catalogue() if arguments.clause in (None, *case.clauses)]
    group = ""
    for case in cases:
        if case.group.name != group:
            group = case.group.name
            _say(f"{group} ({'required' if case.group.required else 'optional'}): {case.group.about}\n")
        kind = "" if case.kind == "numbers" else f", a {case.kind}"
        _say(f"  {case.name}{kind}: {case.function} in {', '.join(case.dtypes)}; clauses {', '.join(case.clauses)}")
        _say(f"    {case.reason}\n")
    pinned = f" that pin clause {arguments.clause}: {CLAUSES[arguments.clause]}" if arguments.clause else ""
    _say(f"{len(cases)} cases{pinned}")
    return 0


def _say(text: str) -> None:
    """Print at once, so that a closed pipe is noticed here."""
    print(text, flush=True)
