"""The docs' page on the mutation score, from the results and the explanations alone.

python -m tests.mutation.page    write it anew, which takes no mutant
"""

from typing import Any

from snr_ref.conformance.mistakes import MISTAKES
from tests.mutation.isolation import ROOT
from tests.mutation.results import kept, survivors_of
from tests.mutation.survivors import EQUIVALENT, REASONS, Key, explanations
from tests.mutation.targets import OUTSIDE, TARGETS

PAGE = ROOT / "docs" / "mutation_score.md"

_HEAD = """# The mutation score

<!-- Written by `python -m tests.mutation.page` from docs/data/mutation_score.json and tests/mutation/survivors.tsv -->

Does the conformance kit notice a mistake? Besides the {mistakes} mistakes that people make, which are shipped and all
caught, the question is put by machine: every operator, constant, comparison, branch, axis, reduction, default and guard
of the code is changed, one at a time, and each such *mutant* is held against the {cases} cases. A mutant that no case
tells from the original survives. Of {mutants} mutants {survived} do, and each of them stands below with the reason.
`python -m tests.mutation` makes them all, and says which survives without a reason.

Left alone are strings, what stands in a `raise`, annotations and decorators. The functions that the kit has no question
about are listed at the end.

| implementation | mutants | killed | survived | score | score without equivalents |
|---|---:|---:|---:|---:|---:|
"""


def page(results: dict[str, Any], explained: dict[Key, str]) -> str:
    """The page.

    Args:
        results: As in docs/data/mutation_score.json.
        explained: The explanations of the survivors.

    Returns:
        Markdown.
    """
    targets = [target for target in TARGETS if target.name in results]
    alive = [key for target in targets for key in survivors_of(results[target.name])]
    lines = [
        _HEAD.format(
            cases=max(results[target.name]["cases"] for target in targets),
            mistakes=len(MISTAKES),
            mutants=sum(n["mutants"] for target in targets for n in results[target.name]["files"].values()),
            survived=len(alive),
        ).rstrip("\n")
    ]
    lines += [_row(target.name, results[target.name], explained) for target in targets]
    for target in targets:
        result = results[target.name]
        lines += ["", f"## `{target.name}`, file by file", "", f"{target.about} {_how(result)}"]
        lines += ["", "| file | mutants | killed | survived | score |", "|---|---:|---:|---:|---:|"]
        for file, n in result["files"].items():
            name, survived = file.removeprefix(f"{target.name}/"), n["mutants"] - n["killed"]
            lines.append(f"| `{name}` | {n['mutants']} | {n['killed']} | {survived} | {_percent(n)} |")
    lines += ["", "## The survivors, and why they may survive"]
    for reason, about in REASONS.items():
        those = [key for key in alive if explained.get(key) == reason]
        lines += ["", f"### {reason.capitalize()} ({len(those)})", "", about, ""]
        lines += [_line(key) for key in those]
    lines += ["", "## Not asked about", "", "| function | why |", "|---|---|"]
    lines += [f"| `{file}` `{function}` | {why} |" for (file, function), why in OUTSIDE.items()]
    return "\n".join(lines) + "\n"


def write_page() -> None:
    """Write it out of what is kept."""
    PAGE.write_text(page(kept(), explanations()), encoding="utf-8")


def _row(name: str, result: dict[str, Any], explained: dict[Key, str]) -> str:
    total = {key: sum(n[key] for n in result["files"].values()) for key in ("mutants", "killed")}
    same = sum(explained.get(key) in EQUIVALENT for key in survivors_of(result))
    distinct = total | {"mutants": total["mutants"] - same}
    survived = total["mutants"] - total["killed"]
    return (
        f"| **{name}** | {total['mutants']} | {total['killed']} | {survived} | {_percent(total)} | "
        f"{_percent(distinct)} |"
    )


def _how(result: dict[str, Any]) -> str:
    told = f"{result['asked']} questions were asked."
    if result["wrong"]:
        told += " Cases that it fails unchanged can kill no mutant, and were left out: "
        told += ", ".join(f"`{name}`" for name in result["wrong"]) + "."
    return told


def _line(key: Key) -> str:
    file, function, original, mutated = key
    return f"- `{file}` `{function or 'module'}`: `{original}` → " + (f"`{mutated}`" if mutated else "*nothing*")


def _percent(n: dict[str, int]) -> str:
    return f"{100 * n['killed'] / n['mutants']:.1f} %"


if __name__ == "__main__":
    write_page()
