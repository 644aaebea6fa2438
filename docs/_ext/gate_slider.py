"""The directive `gate-slider`: F~+ and F~- of one person in three domains, at the gate that the reader chooses.

Both maps are mixtures of F and F~. A browser mixes two pictures that lie upon each other in the same way: F~+ is F
over F~ at the opacity a, F~- is F~ over F. The pictures are drawn when the site is built.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import matplotlib.image
from docutils import nodes
from drawings import photographs
from pictures import FOLDER
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

DOMAINS = ("day", "dusk", "fog")
SLIDER = """
<label>gate <i>a</i>
<input type="range" min="0" max="1" step="0.05" value="0.8" oninput="
    this.closest('figure').style.setProperty('--gate', this.value);
    this.parentElement.querySelector('output').value = Number(this.value).toFixed(2)">
<output>0.80</output></label>
"""
#: The row's heading, then what lies below and what lies above at the opacity a.
ROWS = {"F~+": ("F_tilde", "F"), "F~-": ("F", "F_tilde")}
MARKUP = {"F~+": "<i>F̃</i><sup>+</sup>", "F~-": "<i>F̃</i><sup>−</sup>"}


class GateSlider(SphinxDirective):
    """Below it stands the caption."""

    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """The slider, a heading for each domain, and a row for each map."""
        grid = nodes.container(classes=["gate-grid"])
        grid += _html("<span></span>" + "".join(f"<span>{domain}</span>" for domain in DOMAINS))
        for name, layers in ROWS.items():
            grid += _html(f"<span>{MARKUP[name]}</span>")
            for domain in DOMAINS:
                below, above = (_uri(layer, domain) for layer in layers)
                pair = nodes.container(classes=["gate-map"])
                pair += nodes.image(uri=below, alt=f"{name} of one person, {domain}", classes=["no-scaled-link"])
                pair += nodes.image(uri=above, alt="", classes=["no-scaled-link"])
                grid += pair
        (paragraph,) = self.parse_content_to_nodes()
        caption = nodes.caption("", "", *paragraph.children)
        return [nodes.figure("", _html(SLIDER), grid, caption, classes=["gate"])]


def draw(app: Sphinx) -> None:
    """Write F and F~ in every domain, into the folder of the drawings."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    for layer, maps in zip(("F", "F_tilde"), photographs(DOMAINS), strict=True):
        for domain, values in zip(DOMAINS, maps, strict=True):
            matplotlib.image.imsave(f"{app.srcdir}{_uri(layer, domain)}", values)


def _uri(layer: str, domain: str) -> str:
    return f"/{FOLDER}/slider-{layer}-{domain}.png"


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and draw before the pages are read."""
    app.add_directive("gate-slider", GateSlider)
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
