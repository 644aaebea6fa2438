"""The directive `conformance-functions`: what each function of the kit is given and must return, with shapes.

Also makes the golden vectors with the site, for those who have no Python.
"""

from __future__ import annotations

from inspect import Parameter
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from snr_ref.conformance.arguments import flat
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions import FUNCTIONS, RECORDS
from snr_ref.conformance.vectors import export

_MATRICES = {"z": "(N, C)", "x": "(N, C)", "y": "(M, C)", "logits": "(N, K)", "features": "(N, C)"}
_MODULE = {"gamma": "(C)", "beta": "(C)", "w1": "(C, H)", "w2": "(H, C)", "b1": "(H)", "b2": "(C)"}
_CLASSIFIER = {"w": "(C, K)", "b": "(K)"}
_MAPS = ("F", "F_tilde", "R", "R_plus", "R_minus", "F_plus", "F_minus")
_PER_IMAGE = ("mu", "sigma", "a", "f_tilde", "f_plus", "f_minus")
_DIFFERENTIABLE = (
    _MODULE | _MATRICES | _CLASSIFIER | dict.fromkeys(_MAPS, "(N, *S, C)") | dict.fromkeys(_PER_IMAGE, "(N, C)")
)

#: The shape of every argument and output that is an array; the others are scalars.
SHAPES = (
    _DIFFERENTIABLE
    | {f"grad_{name}": shape for name, shape in _DIFFERENTIABLE.items()}
    | {f"params/{name}": shape for name, shape in _MODULE.items()}
    | {"labels": "(N)", "triplets": "(T, 3)", "distances": "(N, M)", "grad_d": "(N, M)", "cmc": "(max_rank)"}
    | {"query_ids": "(N)", "query_cameras": "(N)", "gallery_ids": "(M)", "gallery_cameras": "(M)"}
    | {"dual_causality_losses": "(B)", "weights": "(B)"}
    | dict.fromkeys(("false_positive_rates", "true_positive_rates", "thresholds"), "(F)")
    | {"bin_edges": "(129)", "same_counts": "(128)", "different_counts": "(128)"}
    | {"query_features": "(N, C)", "gallery_features": "(M, C)"}
    | {"directions": "(N, C)", "grad_u": "(N, C)", "agents": "(K, C)", "multilabels": "(N, K)", "agreement": "(N, M)"}
    | dict.fromkeys(("log_multilabels", "grad_log_multilabels"), "(N, K)")
    | {"memory/multilabels": "(M, K)", "memory/visited": "(M)", "indices": "(N)", "visited": "(M)", "views": "(N)"}
    | dict.fromkeys(("statistics/mean", "statistics/std", "mean", "std"), "(K)")
    | {"source_features": "(N, C)", "source_labels": "(N)", "target_features": "(M, C)"}
    | {"grad_source_features": "(N, C)", "grad_target_features": "(M, C)"}
)


class FunctionsDirective(SphinxDirective):
    """No arguments."""

    def run(self) -> list[nodes.Node]:
        """A table, and what the letters in it mean."""
        rows = [["function", "arguments", "outputs, in order"]]
        rows += [[f"`{f.name}`", _arguments(f), ", ".join(map(_named, f.outputs))] for f in FUNCTIONS.values()]
        table = "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * 3, *rows[1:]])
        letters = (
            "N images or queries, M others or gallery images, *S one or more spatial axes, C channels, H hidden\n"
            "units, K identities, T triplets, B modules, F rates. What has no shape is a scalar."
        )
        return self.parse_text_to_nodes(f"{letters}\n\n{table}")


def _arguments(function: Function) -> str:
    return ", ".join(map(_argument, function.signature.parameters.values()))


def _argument(parameter: Parameter) -> str:
    if parameter.name in RECORDS:
        return ", ".join(_named(f"{parameter.name}/{name}") for name in RECORDS[parameter.name]._fields)
    default = getattr(parameter.default, "__name__", str(parameter.default)).removesuffix("_distance")
    if parameter.default is Parameter.empty or default == "None":  # autodoc has put words in the place of defaults
        return _named(parameter.name)
    return f"{_named(parameter.name)} = {default}"


def _named(name: str) -> str:
    return f"`{name}` {SHAPES[name]}" if name in SHAPES else f"`{name}`"


def check(app: Sphinx, failure: Exception | None) -> None:
    """Fail a build whose table has another number of axes than a case, then make the golden vectors."""
    for case in catalogue():
        if failure is None and case.kind != "refusal":
            numbers = {name: n.value.ndim for answer in case.expected for name, n in answer.items()}
            ranks = {name: getattr(value, "ndim", 0) for name, value in flat(case.arguments).items()} | numbers
            wrong = [name for name, rank in ranks.items() if not _has_axes(name, rank)]
            if wrong:
                raise ExtensionError(f"{case.name} has other axes than the table of functions: {', '.join(wrong)}")
    if failure is None and app.builder.format == "html":
        folder = Path(app.outdir, "vectors")
        folder.mkdir(exist_ok=True)
        export(folder / "vectors.h5")


def _has_axes(name: str, rank: int) -> bool:
    shape = SHAPES.get(name, "")
    axes = len(shape.split(",")) if shape else 0
    return rank >= axes if "*S" in shape else rank == axes or name in ("dual_causality_losses", "weights")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register."""
    app.add_directive("conformance-functions", FunctionsDirective)
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
