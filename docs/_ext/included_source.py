"""The directive `source`: a function as it stands in the repository, without its docstring, which the API pages have.

    ```{source} snr_ref/instance_norm.py instance_norm
    ```

With `:closed:` it starts folded up.
"""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

ROOT = Path(__file__).parents[2]


class SourceDirective(SphinxDirective):
    """A file of the repository and the name of what to show, `function` or `Class.method`."""

    required_arguments = 2
    option_spec: ClassVar[OptionSpec] = {"closed": directives.flag}

    def run(self) -> list[nodes.Node]:
        """The code beneath a line that says whose it is."""
        file, name = self.arguments
        path = ROOT / file
        self.env.note_dependency(str(path))
        try:
            code = source_of(path.read_text(encoding="utf-8"), name)
        except (LookupError, OSError) as error:
            raise self.error(f"{file} has no {name}: {error}") from error
        block = nodes.literal_block(code, code, language="python")
        self.set_source_info(block)
        return folded(self._summary(file, name), [block], opened="closed" not in self.options)

    def _summary(self, file: str, name: str) -> list[nodes.Node]:
        code = nodes.literal(text=name)
        if name.rpartition(".")[2].startswith("_"):
            return [code, nodes.Text(f" in {file}")]
        package = "snr_ref" if file.startswith("snr_ref/") else ".".join(file.split("/")[:2])
        target = f"{package}.{name}"
        link = addnodes.pending_xref("", code, refdomain="py", reftype="obj", reftarget=target)
        link["refdoc"], link["refwarn"] = self.env.docname, False
        return [link, nodes.Text(f" in {file}")]


def folded(summary: list[nodes.Node], content: list[nodes.Node], *, opened: bool) -> list[nodes.Node]:
    """What a reader can fold up and down, with its line of summary."""
    state = " open" if opened else ""
    line = nodes.inline("", "", *summary)
    return [
        nodes.raw("", f"<details{state}><summary>", format="html"),
        nodes.paragraph("", "", line, classes=["summary"]),
        nodes.raw("", "</summary>", format="html"),
        *content,
        nodes.raw("", "</details>", format="html"),
    ]


def source_of(text: str, name: str) -> str:
    """The source of a function or method, decorators included, without its docstring.

    Args:
        text: Of the module.
        name: `function`, `Class` or `Class.method`.

    Raises:
        LookupError: If the module has no such definition.
    """
    body: list[ast.stmt] = ast.parse(text).body
    for part in name.split("."):
        found = [node for node in body if getattr(node, "name", None) == part]
        if not found:
            raise LookupError(f"nothing there is named {part}")
        (definition,) = found
        body = definition.body  # type: ignore[attr-defined]
    lines = text.splitlines()
    first = min([definition.lineno, *(d.lineno for d in definition.decorator_list)])  # type: ignore[attr-defined]
    keep = list(range(first, definition.end_lineno + 1))  # type: ignore[operator]
    if ast.get_docstring(definition) is not None:  # type: ignore[arg-type]
        docstring = body[0]
        keep = [line for line in keep if not docstring.lineno <= line <= docstring.end_lineno]  # type: ignore[operator]
    return textwrap.dedent("\n".join(lines[line - 1] for line in keep))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("source", SourceDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
