"""Which conformance cases pin which clause of the specification.

    ```{conformance-cases} 1.1 1.2
    ```

states these clauses, each with its cases; `conformance-catalogue` lists every case, for the first to link to. A clause
that no case pins, or that has no place in the pages or two, fails the build.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

from docutils import nodes
from included_source import folded
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.clauses import CLAUSES

KINDS = {"numbers": "", "pattern": ", for a pattern", "refusal": ", which must refuse"}


class _Directive(SphinxDirective):
    """What both have in common: each clause and case is a target that pages can link to, as `#clause-1.1`."""

    def target(self, label: str) -> str:
        """The id of a new target on this page."""
        identifier = nodes.make_id(label)
        self.env.domains.standard_domain.anonlabels[label] = self.env.docname, identifier
        return identifier

    def link(self, label: str, text: nodes.Node) -> nodes.Node:
        """A link to a target that may be on another page."""
        options = {"refdomain": "std", "reftype": "ref", "refexplicit": True, "refwarn": True}
        return addnodes.pending_xref("", text, reftarget=label, refdoc=self.env.docname, **options)


class ClausesDirective(_Directive):
    """Numbers of clauses."""

    required_arguments = 1
    optional_arguments = len(CLAUSES)

    def run(self) -> list[nodes.Node]:
        """A box for each clause."""
        unknown = [clause for clause in self.arguments if clause not in CLAUSES]
        if unknown:
            raise self.error(f"The specification has no clause {', '.join(unknown)}")
        _stated(self.env).setdefault(self.env.docname, []).extend(self.arguments)
        return [self._box(clause) for clause in self.arguments]

    def _box(self, clause: str) -> nodes.Node:
        cases = pinning(clause)
        statement = nodes.paragraph("", "", nodes.strong(text=f"Clause {clause}."), nodes.Text(f" {CLAUSES[clause]}."))
        items = (nodes.list_item("", self._sentence(case)) for case in cases)
        count = "1 conformance case pins it" if len(cases) == 1 else f"{len(cases)} conformance cases pin it"
        folded_cases = folded([nodes.Text(count)], [nodes.bullet_list("", *items)], opened=False)
        return nodes.container("", statement, *folded_cases, classes=["clause"], ids=[self.target(f"clause-{clause}")])

    def _sentence(self, case: Case) -> nodes.Node:
        link = self.link(f"case-{case.name}", nodes.literal(text=case.name))
        return nodes.paragraph("", "", link, nodes.Text(f": {case.reason}"))


class CatalogueDirective(_Directive):
    """No arguments."""

    def run(self) -> list[nodes.Node]:
        """A section for each group."""
        groups = {case.group.name: case.group for case in catalogue()}
        return [self._section(name, group.about, required=group.required) for name, group in groups.items()]

    def _section(self, name: str, about: str, *, required: bool) -> nodes.Node:
        cases = [case for case in catalogue() if case.group.name == name]
        demand = (
            "Every implementation has to pass these." if required else "A partial implementation may leave them out."
        )
        introduction = nodes.paragraph(text=f"{about[:1].upper()}{about[1:]}. {demand}")
        items = nodes.bullet_list("", *(self._item(case) for case in cases))
        return nodes.section("", nodes.title(text=name), introduction, items, ids=[self.target(f"group-{name}")])

    def _item(self, case: Case) -> nodes.Node:
        clauses: list[nodes.Node] = []
        for clause in case.clauses:
            clauses += [nodes.Text(", " if clauses else ""), self.link(f"clause-{clause}", nodes.inline(text=clause))]
        paragraph = nodes.paragraph(
            "",
            "",
            nodes.literal(text=case.name),
            nodes.Text(f": {case.reason} Calls "),
            nodes.literal(text=case.function),
            nodes.Text(f"{KINDS[case.kind]}; in {', '.join(case.dtypes)}; pins "),
            *clauses,
            nodes.Text("."),
        )
        return nodes.list_item("", paragraph, ids=[self.target(f"case-{case.name}")])


@cache
def pinning(clause: str) -> tuple[Case, ...]:
    """The cases that pin a clause."""
    return tuple(case for case in catalogue() if clause in case.clauses)


def problems(stated: list[str]) -> list[str]:
    """What is wrong with the clauses that the pages state.

    Args:
        stated: Numbers of clauses, as often as they are stated.

    Returns:
        A sentence for each problem.
    """
    times = Counter(stated)
    unpinned = [f"Clause {clause} is pinned by no conformance case." for clause in CLAUSES if not pinning(clause)]
    absent = [f"Clause {clause} is stated on no page." for clause in CLAUSES if not times[clause]]
    repeated = [f"Clause {clause} is stated {count} times." for clause, count in times.items() if count > 1]
    return unpinned + absent + repeated


def check(app: Sphinx, failure: Exception | None) -> None:
    """Fail a build in which a clause is not stated once, or not pinned; the pages are there to look at all the same."""
    found = problems([clause for clauses in _stated(app.env).values() for clause in clauses])
    if failure is None and found:
        raise ExtensionError("\n".join(found))


def _stated(env: BuildEnvironment) -> dict[str, list[str]]:
    if not hasattr(env, "stated_clauses"):
        env.stated_clauses = {}
    return env.stated_clauses


def _forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _stated(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    _stated(env).update({docname: clauses for docname, clauses in _stated(other).items() if docname in docnames})


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives and the check."""
    app.add_directive("conformance-cases", ClausesDirective)
    app.add_directive("conformance-catalogue", CatalogueDirective)
    app.connect("env-purge-doc", _forget)
    app.connect("env-merge-info", _merge)
    app.connect("build-finished", check)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
