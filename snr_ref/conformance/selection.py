"""Which cases are meant: patterns that include and exclude, and the file of failures that are known and expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from snr_ref.conformance.arguments import DTYPES
from snr_ref.conformance.case import Case
from snr_ref.conformance.report import Report, Result


def matches(case: Case, pattern: str) -> bool:
    """Whether a pattern, as of a shell, is that of a case's name, of its group's or of its function's."""
    return any(fnmatchcase(name, pattern) for name in (case.name, case.group.name, case.function))


def select(cases: Iterable[Case], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> list[Case]:
    """The cases that some pattern includes and none excludes.

    Args:
        cases: To choose from.
        include: Patterns such as `forward/*`, `snr_vjp` or `*nan*`; none is all cases.
        exclude: Patterns too.

    Returns:
        The cases, in their order.

    Raises:
        ValueError: If a pattern matches no case, since it is misspelt then; if no case is left.
    """
    cases, include, exclude = list(cases), list(include), list(exclude)
    for pattern in (*include, *exclude):
        if not any(matches(case, pattern) for case in cases):
            raise ValueError(f"No case, group or function matches the pattern {pattern!r}; `list` shows what there is")
    left = [
        case
        for case in cases
        if (not include or any(matches(case, pattern) for pattern in include))
        and not any(matches(case, pattern) for pattern in exclude)
    ]
    if not left and (include or exclude):
        raise ValueError(f"No case is left: included are {include or 'all'}, excluded {exclude}")
    return left


@dataclass(frozen=True)
class _Line:
    pattern: str
    dtype: str | None
    reason: str

    def means(self, case: Case, dtype: str) -> bool:
        return self.dtype in (None, dtype) and matches(case, self.pattern)


@dataclass(frozen=True)
class ExpectedFailures:
    """The failures that an implementer knows of, so that only news fails a run.

    Attributes:
        lines: What the file says.
    """

    lines: tuple[_Line, ...]

    @classmethod
    def read(cls, path: Path, cases: Iterable[Case]) -> ExpectedFailures:
        """Read a file with a line `pattern [dtype] [# reason]` per expected failure.

        Args:
            path: Of the file, in UTF-8, with its byte order mark or without; empty lines and lines that start with #
                mean nothing.
            cases: All cases that there are.

        Returns:
            What it says.

        Raises:
            ValueError: If there is no such regular file, or a line isn't of that form or matches no case; it names the
                file and the line.
            OSError: If it can't be read.
        """
        cases = list(cases)
        lines = []
        if path.exists() and not path.is_file():  # a named pipe would be waited for
            raise ValueError(f"{path} must be a file of expected failures, and is no regular file")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            raise ValueError(f"There is no file {path} of expected failures") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} must be text in UTF-8: {error}") from error
        for number, written in enumerate(text.splitlines(), start=1):
            meant, _, reason = written.partition("#")
            match meant.split():
                case []:
                    continue
                case [pattern]:
                    line = _Line(pattern, None, reason.strip())
                case [pattern, dtype] if dtype in DTYPES:
                    line = _Line(pattern, dtype, reason.strip())
                case _:
                    raise ValueError(
                        f"{path}, line {number} must be `pattern [dtype] [# reason]`, with a dtype of "
                        f"{', '.join(DTYPES)}. Received: {written!r}"
                    )
            if not any(line.means(case, dtype) for case in cases for dtype in case.dtypes):
                raise ValueError(f"{path}, line {number} matches no case. Received: {written!r}")
            lines.append(line)
        return cls(tuple(lines))

    def reason(self, case: Case, dtype: str) -> str | None:
        """Why the case is expected to fail in that dtype; None if it isn't."""
        return next((line.reason or "no reason given" for line in self.lines if line.means(case, dtype)), None)

    def applied_to(self, report: Report) -> Report:
        """The report with the failures that were expected, and the passes that weren't, called so."""
        return replace(report, results=tuple(map(self._applied, report.results)))

    def _applied(self, result: Result) -> Result:
        reason = self.reason(result.case, result.dtype)
        if reason is None or result.outcome not in ("passed", "failed"):
            return result
        if result.outcome == "passed":
            return replace(result, outcome="unexpected pass", why=f"was expected to fail: {reason}")
        return replace(result, outcome="expected failure", why=f"{result.why} (expected: {reason})")
