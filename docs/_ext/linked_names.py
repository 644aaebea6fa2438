"""Makes each public name in the text of a page a link to its place in the API reference."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

#: A name as it stands in text, with or without a call. Words of one case are left alone: `snr` is also a command.
NAME = re.compile(r"(?=.*[A-Z_.])([A-Za-z_][\w.]*)(\(.*\))?")


def link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Wrap the names in a page; where both packages have one, the specification means the reference's."""
    if page.startswith("api/"):
        return
    package = "snr_ref" if page.startswith("specification") else "snr_keras"
    for literal in list(doctree.findall(nodes.literal)):
        name = NAME.fullmatch(literal.astext())
        if name is None or isinstance(literal.parent, (nodes.reference, nodes.title)):
            continue
        found = [
            (full, target, anchor)
            for full, _, kind, target, anchor, priority in app.env.get_domain("py").get_objects()
            if kind != "module" and priority > 0 and f".{full}".endswith(f".{name[1]}")  # aliases have less than 0
        ]
        preferred = [entry for entry in found if entry[0].startswith(package)] or found
        if len(preferred) == 1:
            full, target, anchor = preferred[0]
            literal.replace_self(make_refnode(app.builder, page, target, anchor, literal.deepcopy(), full))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register."""
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
