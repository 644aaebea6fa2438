"""Running the mutants of a target against the kit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.mutation.isolation import ROOT, Isolated
from tests.mutation.kit import Question, killer, questions, reaching
from tests.mutation.operators import Mutant, mutants
from tests.mutation.targets import OUTSIDE, Target


@dataclass(frozen=True)
class Verdict:
    """The result of a mutant.

    Attributes:
        mutant: The mutant.
        killer: The case that killed it; "import" if its import fails; None if it survived.
        reached: Number of cases that run the changed line.
    """

    mutant: Mutant
    killer: str | None
    reached: int


def all_mutants(target: Target) -> list[Mutant]:
    """The mutants of a target, file by file."""
    return [
        mutant
        for file in target.files
        for mutant in mutants(
            file,
            (ROOT / file).read_text(encoding="utf-8"),
            frozenset(function for of, function in OUTSIDE if of == file),
        )
    ]


class Judge:
    """Asks each mutant of a target the questions that reach it, until one kills it.

    Attributes:
        asked: The questions.
        wrong: The cases that the unchanged implementation fails, which are not asked.
    """

    def __init__(self, target: Target):
        self._target = target
        self._isolated = Isolated(target.modules)
        self.asked, self.wrong = questions(target.adapter(self._isolated.load(target.entry)), target.files)

    def verdicts(self, chosen: Iterable[Mutant]) -> Iterator[Verdict]:
        """The results of these mutants."""
        return (_verdict(self._target, self._isolated, mutant, self.asked) for mutant in chosen)


def _verdict(target: Target, isolated: Isolated, mutant: Mutant, asked: list[Question]) -> Verdict:
    there = reaching(asked, mutant.file, mutant.lines) if mutant.function else asked
    if not there:
        return Verdict(mutant, None, 0)
    try:
        code = compile(mutant.tree, str(ROOT / mutant.file), "exec")
        adapter = target.adapter(isolated.load(target.entry, mutant.file, code))
    except Exception:
        return Verdict(mutant, "import", len(there))
    return Verdict(mutant, killer(adapter, there), len(there))
