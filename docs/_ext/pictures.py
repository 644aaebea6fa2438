"""The directive `picture`: what a function of `drawings` draws while the site is built, for light and for dark pages.

```{picture} maps
:alt: What one sees.

A caption.
```
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import drawings
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

FOLDER = "_pictures"


class PictureDirective(SphinxDirective):
    """The name of a drawing, and below it the caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[OptionSpec] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """A figure in two versions, of which a page shows one."""
        name = self.arguments[0]
        if name not in drawings.DRAWINGS:
            raise self.error(f"There is no drawing {name}. There are: {', '.join(drawings.DRAWINGS)}")
        self.env.note_dependency(drawings.__file__)
        figure = nodes.figure()
        for shade in drawings.SHADES:
            uri = f"/{FOLDER}/{name}-{shade}.svg"
            figure += nodes.image(uri=uri, alt=self.options["alt"], classes=[f"only-{shade}"])
        (paragraph,) = self.parse_content_to_nodes()
        figure += nodes.caption("", "", *paragraph.children)
        return [figure]


def draw(app: Sphinx) -> None:
    """Draw every picture, into a folder beside the pages that git ignores."""
    drawings.draw_all(Path(app.srcdir) / FOLDER)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and draw before the pages are read."""
    app.add_directive("picture", PictureDirective)
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
