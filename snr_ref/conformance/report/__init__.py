"""The report of a run: figures per quantity and dtype, what is missing, and where the first difference is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.groups import Group
from snr_ref.conformance.report.difference import Difference, first_differences
from snr_ref.conformance.report.quantity import Quantity, quantities
from snr_ref.conformance.report.result import OUTCOMES, PROVIDED, Result

#: The quantities of `snr` that the reference does not return: reporting them helps, leaving them out is no gap.
_BEYOND = frozenset({"mu", "sigma"})


@dataclass(frozen=True, eq=False)
class Report:
    """All results of one implementation.

    Attributes:
        implementation: Name of the implementation.
        results: Result of each case and dtype that was run.
    """

    implementation: str
    results: tuple[Result, ...]

    @property
    def exit_status(self) -> int:
        """0 if every quantity that is provided passes (or fails as expected), 1 if one fails, 2 if none is provided."""
        if self.functions("failed"):
            return 1
        return 0 if self.functions(*PROVIDED) else 2

    @property
    def counts(self) -> dict[str, int]:
        """The number of results of each outcome."""
        counted = Counter(r.outcome for r in self.results)
        return {outcome: counted[outcome] for outcome in OUTCOMES}

    def having(self, outcome: str) -> list[Result]:
        """The results with that outcome."""
        return [r for r in self.results if r.outcome == outcome]

    def functions(self, *outcomes: str) -> list[str]:
        """The functions with a result of one of these outcomes, in the order of `FUNCTIONS`."""
        there = {r.case.function for r in self.results if r.outcome in outcomes}
        return [function for function in FUNCTIONS if function in there]

    @property
    def passed_functions(self) -> list[str]:
        """The functions that are provided and never failed, not even as expected."""
        failed = self.functions("failed", "expected failure")
        return [function for function in self.functions(*PROVIDED) if function not in failed]

    @cached_property
    def not_provided(self) -> dict[str, tuple[int, int]]:
        """How often each missing function, or missing output of another one, was missing, and of how many times."""
        names: list[str] = []
        lacking, asked = Counter[str](), Counter[str]()
        for result in self.results:
            function = result.case.function
            if result.outcome == "not asked":
                continue
            asked[function] += 1
            if result.outcome == "not provided":
                lacking[function] += 1
            for output in (*result.missing, *(c.output for c in result.comparisons)):
                name = f"{function}.{output}"
                asked[name] += 1
                lacking[name] += output in result.missing
        for function, about in FUNCTIONS.items():
            names += [name for name in (function, *(f"{function}.{o}" for o in about.outputs)) if lacking[name]]
        return {name: (lacking[name], asked[name]) for name in names}

    @cached_property
    def quantities(self) -> list[Quantity]:
        """The figures, in the order of the functions, their outputs and the dtypes."""
        return quantities(self.results)

    @cached_property
    def first_differences(self) -> list[Difference]:
        """Where the answers of each failing function start to differ, the most frequent place first."""
        return first_differences(self.results)

    @cached_property
    def groups(self) -> list[tuple[Group, str]]:
        """Every group and whether it is complete, partly or not provided; refusals that were not run do not count."""
        asked: dict[str, list[Result]] = {}
        for result in self.results:
            if result.outcome != "not asked":
                asked.setdefault(result.case.group.name, []).append(result)
        return [(results[0].case.group, _completeness(results)) for results in asked.values()]

    def text(self) -> str:
        """The report as plain text; see `snr_ref.conformance.report.as_text`."""
        from snr_ref.conformance.report.as_text import text

        return text(self)

    def to_json(self) -> dict[str, Any]:
        """The report as a value for `json.dumps`; see `snr_ref.conformance.report.as_json`."""
        from snr_ref.conformance.report.as_json import to_json

        return to_json(self)


def _completeness(results: list[Result]) -> str:
    there = [r.outcome != "not provided" for r in results]
    if not any(there):
        return "not provided"
    return "complete" if all(there) and all(_BEYOND.issuperset(r.missing) for r in results) else "partly"
