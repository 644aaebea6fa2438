"""The mutants that no case kills, each with the reason why it need not be killed."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("survivors.toml")

#: What a survivor can be, each in a sentence that a reader gets.
KINDS = {
    "equivalent": "The same program: no argument that the kit may ask with tells it from the original.",
    "rounding": "Within rounding: what it computes differs by less than the tolerance that rounding is given.",
    "unspecified": "Unspecified: it differs where the specification demands nothing.",
    "out of reach": "Out of reach: it shows in nothing that the kit asks, of the Keras port by way of its adapter. "
    "Where a test of the package's own is named, it was run on the mutant, and kills it.",
}

#: What names a mutant, see `Mutant.key`.
FIELDS = ("file", "function", "original", "mutated")

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Explanation:
    """Why a mutant may survive: its kind, one of `KINDS`, and a sentence."""

    kind: str
    why: str


def explanations() -> dict[Key, Explanation]:
    """Every explanation by the key of its mutant.

    Raises:
        ValueError: If one is of no known kind, says nothing, or is there twice.
    """
    found: dict[Key, Explanation] = {}
    for entry in tomllib.loads(FILE.read_text(encoding="utf-8"))["survivor"]:
        if entry["kind"] not in KINDS or not entry["why"]:
            raise ValueError(f"{FILE.name}: `kind` must be one of {', '.join(KINDS)}, with a `why`. Received: {entry}")
        for mutated in entry["mutated"]:
            key = (entry["file"], entry["function"], entry["original"], mutated)
            if key in found:
                raise ValueError(f"{FILE.name}: explained twice: {key}")
            found[key] = Explanation(entry["kind"], entry["why"])
    return found


def gaps(survivors: list[Key], explained: dict[Key, Explanation], files: tuple[str, ...]) -> list[str]:
    """What is wrong with the explanations: survivors without one, and those of mutants that are dead or gone."""
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
