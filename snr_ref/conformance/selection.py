"""Selection of cases: patterns that include and exclude, and the file of expected failures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from snr_ref.conformance.arguments import DTYPES
from snr_ref.conformance.case import Case
from snr_ref.conformance.report import Report, Result


def matches(case: Case, pattern: str) -> bool:
    """Whether a shell-style pattern matches the case's name, its group or its function."""
    return any(fnmatchcase(name, pattern) for name in (case.name, case.group.name, case.function))


def select(cases: Iterable[Case], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> list[Case]:
    """The cases that some pattern includes and none excludes.

    Args:
        cases: Cases to choose from.
        include: Patterns such as `forward/*`, `snr_vjp` or `*nan*`; none means all cases.
        exclude: Patterns of cases to leave out.

    Returns:
        The cases, in their order.

    Raises:
        ValueError: If a pattern matches no case, most likely a typo, or no case is left.
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
        raise ValueError(f"No case is left: included {include or 'all'}, excluded {exclude}")
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
    """The failures that an implementer knows of, so that only new ones fail a run.

    Attributes:
        lines: Lines of the file.
    """

    lines: tuple[_Line, ...]

    @classmethod
    def read(cls, path: Path, cases: Iterable[Case]) -> ExpectedFailures:
        """Read a file with a line `pattern [dtype] [# reason]` per expected failure.

        Args:
            path: File in UTF-8, with or without a byte order mark; empty lines and lines that start with # are ignored.
            cases: All cases.

        Returns:
            The expected failures.

        Raises:
            ValueError: If there is no such regular file, or a line has another form or matches no case; the message
                names the file and the line.
            OSError: If the file can't be read.
        """
        cases = list(cases)
        lines = []
        if path.exists() and not path.is_file():  # a named pipe would block
            raise ValueError(f"{path} must be a regular file of expected failures")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            raise ValueError(f"There is no file of expected failures {path}") from error
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
        """The reason why the case is expected to fail in that dtype; None if it is not."""
        return next((line.reason or "no reason given" for line in self.lines if line.means(case, dtype)), None)

    def applied_to(self, report: Report) -> Report:
        """The report with expected failures and unexpected passes marked as such."""
        return replace(report, results=tuple(map(self._applied, report.results)))

    def _applied(self, result: Result) -> Result:
        reason = self.reason(result.case, result.dtype)
        if reason is None or result.outcome not in ("passed", "failed"):
            return result
        if result.outcome == "passed":
            return replace(result, outcome="unexpected pass", why=f"was expected to fail: {reason}")
        return replace(result, outcome="expected failure", why=f"{result.why} (expected: {reason})")
