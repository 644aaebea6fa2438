"""A math renderer: LaTeX becomes MathML when the site is built, so that a page needs no script to show it."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
_converter = LatexToMathML(fancy_error=False)


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(_mathml(node, display=False))
    raise nodes.SkipNode


def visit_block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula of its own, which scrolls sideways where the screen is narrower than it."""
    identifier = f' id="{node["ids"][0]}"' if node["ids"] else ""
    # It can scroll, so a keyboard must be able to reach it.
    translator.body.append(f'<div class="math-block" tabindex="0"{identifier}>{_mathml(node, display=True)}</div>\n')
    raise nodes.SkipNode


def _mathml(node: nodes.Node, *, display: bool) -> str:
    latex = node.astext()
    try:
        return _converter.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        logger.warning("not the LaTeX that can be shown: %s\n%s", latex, error, location=node, type="mathml")
        return ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
