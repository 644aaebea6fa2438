"""Running the mutants of a target against the kit."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.mutation.isolation import ROOT, Isolated
from tests.mutation.kit import Question, killer, questions, reaching
from tests.mutation.operators import Mutant, mutants
from tests.mutation.targets import OUTSIDE, Target


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        mutant: The mutant.
        killer: The case that killed it, "import" if it cannot even be imported; None if it survived.
        reached: The number of cases that run the changed line.
    """

    mutant: Mutant
    killer: str | None
    reached: int


def all_mutants(target: Target) -> list[Mutant]:
    """Every mutant of a target, file by file."""
    return [
        mutant
        for file in target.files
        for mutant in mutants(
            file,
            (ROOT / file).read_text(encoding="utf-8"),
            frozenset(function for of, function in OUTSIDE if of == file),
        )
    ]


def verdicts(target: Target, chosen: Iterable[Mutant]) -> Iterator[Verdict]:
    """Ask each mutant the questions that reach it, until one kills it."""
    isolated = Isolated(target.modules)
    asked = questions(target.adapter(isolated.load(target.entry)), target.files)
    for mutant in chosen:
        yield _verdict(target, isolated, mutant, asked)


def _verdict(target: Target, isolated: Isolated, mutant: Mutant, asked: list[Question]) -> Verdict:
    there = reaching(asked, mutant.file, mutant.lines) if mutant.function else asked
    if not there:
        return Verdict(mutant, None, 0)
    try:
        code = compile(ast.fix_missing_locations(mutant.tree), str(ROOT / mutant.file), "exec")
        adapter = target.adapter(isolated.load(target.entry, mutant.file, code))
    except Exception:
        return Verdict(mutant, "import", len(there))
    return Verdict(mutant, killer(adapter, there), len(there))
