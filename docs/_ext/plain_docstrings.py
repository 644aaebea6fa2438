"""Lets docstrings be plain English: what reStructuredText would read as markup in `|mu|` or `a * R` stands as written.

Indented formulas become literal blocks, and `[text](address)` a link.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

SECTIONS = re.compile(r"^(Args|Arguments|Attributes|Call arguments|Conventions|Example|Input shape|Output shape|Raises|"
                      r"Reference|Returns|Source|Weights|Yields):$")  # fmt: skip
CODE = re.compile(r"(``.*?``|`[^`]*`)")


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place, before napoleon reads its sections."""
    lines[:] = plain(lines)


def plain(lines: list[str]) -> list[str]:
    """The lines with markup escaped, and indented formulas as literal blocks."""
    result: list[str] = []
    literal = section = False
    for line in lines:
        if SECTIONS.match(line):
            section, literal = True, False
        indented = line.startswith("    ")
        if line.strip() and not indented:
            literal = False
            section = section and bool(SECTIONS.match(line))
        if indented and not section and not literal and result and not result[-1].strip():
            result += ["::", ""]
            literal = True
        result.append(line if literal or line.lstrip().startswith(">>>") else _escaped(line))
    return result


def _escaped(line: str) -> str:
    parts = CODE.split(line)
    parts[::2] = [re.sub(r"([|*]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
    return re.sub(r"\[([^]]+)\]\((https?:[^)]+)\)", r"`\1 <\2>`__", "".join(parts))


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Leave the fields of named tuples out, which the docstring of the class describes."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register before napoleon, whose priority is the default 500."""
    app.connect("autodoc-process-docstring", process, priority=400)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
