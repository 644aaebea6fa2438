"""The outcome of a command that was given a bad file, as one word."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.fuzz.worker import Ended

BAD = ("silent", "traceback", "hang", "crash", "memory", "nameless", "escape", "reached out", "left behind")
"""What no file may bring about.

silent: a checked file had changed, and the command answered otherwise without a word.
memory: more than a gibibyte was taken.
nameless: the command refused without saying which file.
escape: a control character reached the terminal.
reached out: something outside the file was read or run.
left behind: a writer that failed left a part of a file, or could not be called again.
"""

GOOD = ("refused", "told", "the same", "taken")
"""refused: exit status other than 0, and a message with the file's name. told: a warning, and then an answer.
the same: the answer of the file that is whole. taken: another answer, of a file that people write by hand.
"""


@dataclass
class Table:
    """Outcomes by what was tried, and enough of each bad one to try it again."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    examples: list[str] = field(default_factory=list)

    def add(self, row: str, outcome: str, how: str, ended: Ended) -> None:
        """Count an outcome; a bad one is kept with how to repeat it and what was printed."""
        self.counts[row][outcome] += 1
        if outcome in BAD:
            self.examples.append(f"{row}: {outcome}: {how}\n{ended.output[-2000:]}")

    def bad(self) -> int:
        """The number of bad outcomes."""
        return sum(counter[outcome] for counter in self.counts.values() for outcome in BAD)

    def lines(self) -> list[str]:
        """The table, a row for each thing tried, a column for each outcome that there was."""
        shown = [o for o in (*GOOD, *BAD) if o in GOOD[:1] + BAD[:3] or any(c[o] for c in self.counts.values())]
        rows = [["", "tried", *shown]]
        for name, counter in (*self.counts.items(), ("all", sum(self.counts.values(), Counter()))):
            rows.append([name, str(sum(counter.values())), *(str(counter[outcome]) for outcome in shown)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def outcome_of(ended: Ended, *, names: tuple[str, ...], same: bool, sealed: bool) -> str:
    """The word for the outcome of a command.

    Args:
        ended: How it ended.
        names: Names by which a message may call the bad file.
        same: Whether the command answered as on the whole file.
        sealed: Whether a changed file must be detected.
    """
    if ended.failure:
        return ended.failure
    if ended.gigabytes > 1:
        return "memory"
    if any(not c.isprintable() and c not in "\n\r\t" for c in ended.output):
        return "escape"
    named = any(name in ended.output for name in names)
    if ended.status != 0:
        return "refused" if named else "nameless"
    if same:
        return "the same"
    if "arning" in ended.output and named:
        return "told"
    return "silent" if sealed else "taken"
