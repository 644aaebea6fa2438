"""What came of the mutants, as it is kept beside the docs."""

import json
import sys
from collections import Counter
from typing import Any

from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.mistakes import MISTAKES
from tests.mutation.isolation import ROOT
from tests.mutation.run import Judge, all_mutants
from tests.mutation.survivors import Explanation, Key
from tests.mutation.targets import OUTSIDE, Target

DATA = ROOT / "docs" / "data" / "mutation_score.json"
PAGE = ROOT / "docs" / "mutation_score.md"


def outcome(target: Target, explained: dict[Key, Explanation]) -> tuple[dict[str, Any], list[Key]]:
    """Run every mutant of a target.

    Args:
        target: What to mutate.
        explained: The explanations of survivors.

    Returns:
        Its part of the results, and the keys of the survivors.
    """
    target.prepare()
    made, judge = all_mutants(target), Judge(target)
    mutants, killed, survivors = Counter[str](), Counter[str](), list[Key]()
    for done, verdict in enumerate(judge.verdicts(made), start=1):
        mutants[verdict.mutant.file] += 1
        killed[verdict.mutant.file] += verdict.killer is not None
        if verdict.killer is None:
            survivors.append(verdict.mutant.key)
        if done % 50 == 0 or done == len(made):
            print(f"{target.name}: {done} of {len(made)} mutants, {len(survivors)} alive", file=sys.stderr, flush=True)
    return {
        "run": target.about,
        "asked": len(judge.asked),
        "wrong": sorted(set(judge.wrong)),
        "files": {file: {"mutants": mutants[file], "killed": killed[file]} for file in target.files},
        "survivors": [
            dict(zip(("file", "function", "original", "mutated"), key, strict=True)) | vars(explained[key])
            for key in survivors
            if key in explained
        ],
    }, survivors


def merged(results: dict[str, Any]) -> dict[str, Any]:
    """All results: these targets' new ones, and the kept ones of the others."""
    kept = json.loads(DATA.read_text(encoding="utf-8"))["targets"] if DATA.exists() else {}
    return {
        "cases": len(catalogue()),
        "mistakes": len(MISTAKES),
        "targets": {name: (kept | results)[name] for name in sorted(kept | results, reverse=True)},
        "outside": [{"file": file, "function": function, "why": why} for (file, function), why in OUTSIDE.items()],
    }


def is_current(results: dict[str, Any]) -> bool:
    """Whether these results are the kept ones."""
    return DATA.exists() and merged(results) == json.loads(DATA.read_text(encoding="utf-8"))
