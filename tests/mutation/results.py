"""The results of the mutants, as the docs keep them."""

import json
import sys
from collections import Counter
from typing import Any

from snr_ref.conformance.catalogue import catalogue
from tests.mutation.isolation import ROOT
from tests.mutation.operators import digest
from tests.mutation.run import Judge, all_mutants
from tests.mutation.survivors import FIELDS, Key
from tests.mutation.targets import Target

DATA = ROOT / "docs" / "data" / "mutation_score.json"


def outcome(target: Target) -> dict[str, Any]:
    """Run every mutant of a target.

    Args:
        target: What to mutate.

    Returns:
        Its part of the results.
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
        "cases": len(catalogue()),
        "asked": len(judge.asked),
        "wrong": sorted(set(judge.wrong)),
        "files": {
            file: {"mutants": mutants[file], "killed": killed[file], "digest": digest((ROOT / file).read_text("utf-8"))}
            for file in target.files
        },
        "survivors": [dict(zip(FIELDS, key, strict=True)) for key in survivors],
    }


def survivors_of(result: dict[str, Any]) -> list[Key]:
    """The keys of a target's survivors, out of its part of the results."""
    return [tuple(survivor[field] for field in FIELDS) for survivor in result["survivors"]]  # type: ignore[misc]


def kept() -> dict[str, Any]:
    """The results that are kept, by target."""
    return json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}


def keep(name: str, result: dict[str, Any]) -> None:
    """Keep a target's part of the results, and those of the others as they are."""
    both = kept() | {name: result}
    ordered = {name: both[name] for name in sorted(both, reverse=True)}
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
