"""Lets docstrings be plain English: what reStructuredText would read as markup in `|mu|` or `a * R` stands as written.

Indented formulas and tables become literal blocks, `[text](address)` a link.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from sphinx.application import Sphinx

SECTION = re.compile(r"^[A-Z][a-z]+( [a-z]+)?:$")
CODE = re.compile(r"(``.*?``|`[^`]*`)")


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place, before napoleon reads its sections."""
    lines[:] = plain(lines)


def plain(lines: list[str]) -> list[str]:
    """The lines with markup escaped, and formulas and tables as literal blocks.

    Args:
        lines: Of a docstring in Google's style, without its common indentation.

    Returns:
        What napoleon is to read.
    """
    result: list[str] = []
    in_section = in_block = False
    for line in lines:
        table, indented = line.startswith("|"), line.startswith("    ")
        if line.strip() and not indented and not table:
            in_section, in_block = bool(SECTION.match(line)), False
        if (table or (indented and not in_section)) and not in_block:
            result += ["::", ""]
            in_block = True
        if line.startswith(">>>") and result and result[-1].strip() and not result[-1].startswith(">>>"):
            result.append("")
        if in_block:
            result.append(f"    {line}" if line.strip() else "")
        else:
            result.append(line if line.lstrip().startswith(">>>") else _escaped(line))
    return result


def _escaped(line: str) -> str:
    parts = CODE.split(line)
    parts[::2] = [re.sub(r"([|*]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
    linked = re.sub(r"\[([^]]+)\]\((https?:[^)]+)\)", r"`\1 <\2>`__", "".join(parts))
    return re.sub(r"(:\s|^\s*)([a-z])\.(?=\s)", r"\1\2\\.", linked)  # "r. The" would begin a list


def sign(app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returns: str) -> tuple | None:
    """The arguments of a Keras class, which its metaclass hides."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]  # without self
    bare = [parameter.replace(annotation=parameter.empty) for parameter in parameters]
    return str(inspect.Signature(bare)), returns


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Leave the fields of named tuples out, which the docstring of the class describes."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register before napoleon, whose priority is the default 500."""
    app.connect("autodoc-process-docstring", process, priority=400)
    app.connect("autodoc-process-signature", sign)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
