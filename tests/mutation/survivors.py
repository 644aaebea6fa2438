"""The mutants that no case kills, each with the reason why it need not be killed, in a word."""

import csv
from pathlib import Path

FILE = Path(__file__).with_name("survivors.tsv")

#: Why a mutant may survive, and what a reader is told of each word.
REASONS = {
    "equivalent": "The same program: no argument that the kit may ask with tells it from the original.",
    "message": "What it no longer refuses is refused a line or two on. Only the message differs, and a refusal asks "
    "for no more than an exception.",
    "precision": "What it computes differs by less than the tolerance that rounding is given.",
    "unreachable": "It shows in nothing that the kit asks: in an option, a layout, a dtype or a batch that no case "
    "has, or that the Keras port's adapter does not hand over. The packages' own tests kill most of these.",
    "other": "A matter of time or memory, or a recommendation that the kit never follows.",
}

#: Those whose mutants no answer tells from the original: the score without equivalents leaves them out.
EQUIVALENT = {"equivalent", "message"}

#: What names a mutant, see `Mutant.key`.
FIELDS = ("file", "function", "original", "mutated")

Key = tuple[str, str, str, str]


def explanations() -> dict[Key, str]:
    """The reason of every survivor, by the key of its mutant.

    Raises:
        ValueError: If one has no known reason, or is there twice.
    """
    found: dict[Key, str] = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            key: Key = tuple(row[field] for field in FIELDS)  # type: ignore[assignment]
            if row["reason"] not in REASONS or key in found:
                raise ValueError(f"{FILE.name}: expected one of {', '.join(REASONS)}, once a mutant. Received: {row}")
            found[key] = row["reason"]
    return found


def gaps(survivors: list[Key], explained: dict[Key, str], files: tuple[str, ...]) -> list[str]:
    """Faults of the explanations: survivors without one, and explanations of mutants that are killed or gone."""
    without = [f"survives unexplained: {describe(key)}" for key in survivors if key not in explained]
    stale = [
        f"explained, but dead or gone: {describe(key)}"
        for key in explained
        if key[0] in files and key not in set(survivors)
    ]
    return without + stale


def describe(key: Key) -> str:
    """A mutant in a line."""
    file, function, original, mutated = key
    return f"{file} {function or '(module)'}: `{original}` -> {f'`{mutated}`' if mutated else 'nothing'}"
