"""The cases of every function."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from snr_ref.conformance.case import Case
from snr_ref.conformance.clauses import in_order
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Choices, Function, Recipe
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.groups import GROUPS


@cache
def catalogue() -> tuple[Case, ...]:
    """Every case: by group, then by the clause of its function, then in the order of the function's module."""
    return tuple(cases_of(FUNCTIONS.values()))


def cases_of(functions: Iterable[Function]) -> list[Case]:
    """The cases of some functions, in the order of the catalogue; each case's random numbers follow from its name."""
    by_clause = sorted(functions, key=lambda function: in_order(function.clause))
    recipes = [(recipe, function.name) for function in by_clause for recipe in function.recipes]
    groups = list(dict.fromkeys([*GROUPS, *(recipe.group for recipe, _ in recipes)]))
    recipes.sort(key=lambda pair: groups.index(pair[0].group))
    return [_made(recipe, function) for recipe, function in recipes]


def _made(recipe: Recipe, function: str) -> Case:
    built = recipe.build(Draw(recipe.name))
    first, *choices = built.arguments if isinstance(built, Choices) else (built,)
    return Case(
        name=recipe.name,
        group=recipe.group,
        reason=recipe.reason,
        clauses=recipe.clauses,
        function=function,
        arguments=first,
        kind=recipe.kind,
        outputs=recipe.outputs,
        choices=tuple(choices),
    )
