"""The docs' page on the mutation score, out of the results alone."""

from collections import Counter
from typing import Any

_HEAD = """# The mutation score

<!-- Written by `python -m tests.mutation --write`; a test holds it to its data, docs/data/mutation_score.json. -->

Does the conformance kit notice a mistake? Besides the {mistakes} mistakes that people make, which are shipped and all
caught, the question is put by machine: every operator, constant, comparison, branch, axis, reduction, default and guard
of the code is changed, one at a time, and each such *mutant* is held against the {cases} cases. A mutant that no case
tells from the original survives.

Left alone are strings, what stands in a `raise`, annotations and decorators. The functions that the kit has no question
about are listed at the end.

| implementation | mutants | killed | survived | score | score without equivalents |
|---|---:|---:|---:|---:|---:|
"""

_KINDS = {
    "equivalent": "The same program: no argument that the kit may ask with tells it from the original.",
    "rounding": "Within rounding: what it computes differs by less than the tolerance that rounding is given.",
    "unspecified": "Unspecified: it differs where the specification demands nothing.",
}


def page(results: dict[str, Any]) -> str:
    """The page.

    Args:
        results: As in docs/data/mutation_score.json.

    Returns:
        Markdown.
    """
    lines = [_HEAD.format(cases=results["cases"], mistakes=results["mistakes"]).rstrip("\n")]
    lines += [_row(f"**{name}**", [target], target["survivors"]) for name, target in results["targets"].items()]
    for name, target in results["targets"].items():
        lines += ["", f"## `{name}`, file by file", "", _how(target)]
        lines += ["", "| file | mutants | killed | survived | score |", "|---|---:|---:|---:|---:|"]
        lines += [
            f"| `{file}` | {n['mutants']} | {n['killed']} | {n['mutants'] - n['killed']} | {_percent(n)} |"
            for file, n in target["files"].items()
        ]
    lines += ["", "## The survivors, and why they may"]
    for kind, about in _KINDS.items():
        of_kind = [s for target in results["targets"].values() for s in target["survivors"] if s["kind"] == kind]
        if of_kind:
            lines += ["", f"### {kind.capitalize()} ({len(of_kind)})", "", about, ""]
            lines += [line for why in dict.fromkeys(s["why"] for s in of_kind) for line in _because(why, of_kind)]
    lines += ["", "## Not asked about", "", "| function | why |", "|---|---|"]
    lines += [f"| `{o['file']}` `{o['function']}` | {o['why']} |" for o in results["outside"]]
    return "\n".join(lines) + "\n"


def _row(name: str, targets: list[dict[str, Any]], survivors: list[dict[str, Any]]) -> str:
    files = [n for target in targets for n in target["files"].values()]
    total = {key: sum(n[key] for n in files) for key in ("mutants", "killed")}
    equivalent = Counter(s["kind"] for s in survivors)["equivalent"]
    distinct = {"mutants": total["mutants"] - equivalent, "killed": total["killed"]}
    survived = total["mutants"] - total["killed"]
    return (
        f"| {name} | {total['mutants']} | {total['killed']} | {survived} | {_percent(total)} | {_percent(distinct)} |"
    )


def _how(target: dict[str, Any]) -> str:
    told = f"{target['run']} {target['asked']} questions were asked."
    if target["wrong"]:
        told += " Cases that it fails unchanged can kill no mutant, and were left out: "
        told += ", ".join(f"`{name}`" for name in target["wrong"]) + "."
    return told


def _because(why: str, survivors: list[dict[str, Any]]) -> list[str]:
    """The survivors of one explanation."""
    those = [s for s in survivors if s["why"] == why]
    return [
        f"- {why}",
        *(
            f"  - `{s['file']}` `{s['function'] or 'module'}`: `{s['original']}` → "
            + (f"`{s['mutated']}`" if s["mutated"] else "*nothing*")
            for s in those
        ),
    ]


def _percent(n: dict[str, int]) -> str:
    return f"{100 * n['killed'] / n['mutants']:.1f} %"
