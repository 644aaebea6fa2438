"""The tool, a sample of its mutants, and the page that it writes. All mutants: `python -m tests.mutation`."""

import ast

import pytest

import snr_ref
from tests.mutation.isolation import ROOT, Isolated
from tests.mutation.operators import digest, mutants
from tests.mutation.page import PAGE, page
from tests.mutation.results import kept
from tests.mutation.run import Judge, all_mutants
from tests.mutation.survivors import describe, explanations, gaps
from tests.mutation.targets import TARGETS

REFERENCE = TARGETS[0]


def changes(source: str) -> set[tuple[str, str]]:
    return {(mutant.original, mutant.mutated) for mutant in mutants("file.py", source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x): return x + 2", {"return x - 2", "return x + 3", "return x + 1"}),
        ("def f(x): return x < 0.5", {"return x <= 0.5", "return x > 0.5", "return x < 1.0"}),
        ("def f(x): return x.T", {"return x"}),
        ("def f(x): return np.clip(x, a, b)", {"return x"}),
        ("def f(x): return np.where(x, a, b)", {"return a", "return b"}),
        ("def f(x, y): return x, y", {"return (y, x)"}),
        ("def f(x):\n    x = check(x)\n    return x", {""}),
        ("def f(x):\n    if x:\n        raise ValueError(1 + 1)\n    return x", {""}),
        ("def f(x, *, s=0.25): 'Of 1 + 1.'", {"def f(x, *, s=0.5)"}),
        ("def f(x): return 'of 1' + x", {"return 'of 1' - x"}),
    ],
)
def test_every_small_change_is_made_and_no_string_is_touched(source, expected):
    assert {mutated for _, mutated in changes(source)} == expected


def test_each_mutant_is_another_program_and_has_a_name_of_its_own():
    for target in TARGETS:
        made = all_mutants(target)
        assert len({mutant.key for mutant in made}) == len(made) > 80
        for mutant in made[::25]:
            source = ast.unparse(ast.parse((ROOT / mutant.file).read_text(encoding="utf-8")))
            assert ast.unparse(mutant.tree) != source


def test_a_mutant_leaves_what_was_imported_alone():
    mutant = next(m for m in all_mutants(REFERENCE) if m.function == "scale")
    changed = Isolated(REFERENCE.modules).load("snr_ref", mutant.file, compile(mutant.tree, mutant.file, "exec"))
    assert changed is not snr_ref
    assert changed.closed_form.scale(0.5, 0.25) != snr_ref.closed_form.scale(0.5, 0.25)


def test_a_sample_of_the_mutants_is_killed_or_explained():
    judge = Judge(REFERENCE)
    assert judge.wrong == []
    explained = explanations()
    made = all_mutants(REFERENCE)
    judged = list(judge.verdicts(made[:: len(made) // 30]))
    assert [describe(v.mutant.key) for v in judged if v.killer is None and v.mutant.key not in explained] == []
    assert any(v.killer is not None for v in judged)


def test_every_explanation_is_of_a_mutant_that_is_made():
    made = {mutant.key for target in TARGETS for mutant in all_mutants(target)}
    assert [describe(key) for key in explanations() if key not in made] == []


def test_a_survivor_without_explanation_and_a_stale_one_are_gaps():
    key, explanation = next(iter(explanations().items()))
    assert gaps([key], {key: explanation}, (key[0],)) == []
    assert "unexplained" in gaps([key], {}, (key[0],))[0]
    assert "dead or gone" in gaps([], {key: explanation}, (key[0],))[0]
    assert gaps([], {key: explanation}, ()) == []


def test_the_page_is_what_the_data_say():
    assert PAGE.read_text(encoding="utf-8") == page(kept(), explanations())


def test_words_are_no_code_to_the_digest_and_code_is():
    source = 'def f(x):\n    """Of x."""\n    return x + 1  # one more\n'
    assert digest(source) == digest('"""A module."""\n\ndef f(x):\n    """Of y."""\n    return x + 1\n')
    assert digest(source) != digest(source.replace("x + 1", "x + 2"))
