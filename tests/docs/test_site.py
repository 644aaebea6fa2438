"""The site says all that it must, and nothing in it leads nowhere."""

import re
from collections import Counter, deque
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from snr_ref.conformance.clauses import CLAUSES, SPECIFICATION_VERSION
from tests.docs.conftest import ROOT

bs4 = pytest.importorskip("bs4", reason='reading the site needs the extra docs: pip install "snr-reid[docs]"')

pytestmark = pytest.mark.slow

LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
}


@cache
def parsed(page: Path):
    return bs4.BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def test_every_clause_is_stated_once_with_the_cases_that_pin_it(pages) -> None:
    boxes = Counter()
    for page in pages:
        for box in parsed(page).select("div.clause"):
            boxes[box["id"]] += 1
            assert box.select("details li"), f"{box['id']} has no case"
    assert boxes == Counter({f"clause-{clause.replace('.', '-')}": 1 for clause in CLAUSES})


def test_a_page_loads_nothing_from_elsewhere(site, pages) -> None:
    loaded = []
    for page in pages:
        soup = parsed(page)
        loaded += [(page, e[a]) for tag, a in LOADED.items() for e in soup.find_all(tag) if e.get(a)]
        loaded += [(page, e["href"]) for e in soup.find_all("link") if e.get("href")]
    for sheet in site.rglob("*.css"):
        urls = re.findall(r"url\(\s*['\"]?([^'\")]+)", sheet.read_text(encoding="utf-8", errors="replace"))
        imports = re.findall(r"@import\s+['\"]([^'\"]+)", sheet.read_text(encoding="utf-8", errors="replace"))
        loaded += [(sheet, url) for url in urls + imports if not url.startswith("data:")]
    assert len(loaded) > 100
    assert [(str(p.relative_to(site)), url) for p, url in loaded if urlsplit(url).netloc] == []
    missing = [(str(p.relative_to(site)), url) for p, url in loaded if not _target(p, url).exists()]
    assert missing == []


def test_links_and_anchors_lead_somewhere(site, pages) -> None:
    broken, followed = [], 0
    for page in pages:
        for link in parsed(page).find_all("a", href=True):
            address = urlsplit(link["href"])
            if address.scheme or address.netloc:
                continue
            followed += 1
            target = _target(page, link["href"])
            anchor = unquote(address.fragment)
            there = target.exists() and (not anchor or target.suffix != ".html" or anchor in _ids(target))
            if not there:
                broken.append((str(page.relative_to(site)), link["href"]))
    assert followed > 1000
    assert broken == []


def test_links_to_elsewhere_are_encrypted(pages) -> None:
    elsewhere = {a["href"] for page in pages for a in parsed(page).find_all("a", href=True) if "://" in a["href"]}
    assert elsewhere
    assert [address for address in sorted(elsewhere) if not address.startswith("https://")] == []


def test_formulas_are_mathml(site) -> None:
    for name in ("module", "embeddings", "losses", "closed_form", "backward", "numerics", "retrieval"):
        soup = parsed(site / "specification" / f"{name}.html")
        assert soup.select("div.math-block math[display=block]")
        assert not re.search(r"\\(frac|tilde|mathrm|sum)", soup.select_one("article").get_text())


def test_every_section_has_code_an_example_and_its_place_in_keras(site) -> None:
    for name in ("module", "embeddings", "losses", "closed_form", "backward", "numerics", "retrieval"):
        soup = parsed(site / "specification" / f"{name}.html")
        summaries = [summary.get_text() for summary in soup.select("details > summary")]
        assert any("in snr_ref/" in summary for summary in summaries)
        assert any("in snr_keras/" in summary for summary in summaries)
        assert ">>>" in soup.get_text()


def test_every_page_can_be_reached_from_the_first(site) -> None:
    start = site / "index.html"
    reached, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        for link in parsed(page).find_all("a", href=True):
            target = _target(page, link["href"])
            if not urlsplit(link["href"]).scheme and target.suffix == ".html" and target not in reached:
                reached.add(target)
                waiting.append(target)
    written = {
        (site / source.relative_to(ROOT / "docs")).with_suffix(".html") for source in (ROOT / "docs").rglob("*.md")
    }
    assert written
    assert written - reached == set()


def test_the_left_column_is_short_and_grouped(site) -> None:
    column = parsed(site / "index.html").select_one(".sidebar-tree")
    assert len(column.select("li.toctree-l1")) <= 25
    assert len(column.select("p.caption")) == 5


def test_the_slider_mixes_what_the_reference_computes(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    pytest.importorskip("matplotlib")
    from drawings import photographs

    F, F_tilde = photographs(("day", "fog"))
    assert F.shape == F_tilde.shape == (2, 128, 64, 3)
    assert min(F.min(), F_tilde.min()) >= 0  # nothing is clipped, or opacities would mix something else
    assert max(F.max(), F_tilde.max()) <= 1


@pytest.mark.parametrize(
    "module", ["snr_ref", *(f"snr_keras.{part}" for part in ("layers", "losses", "models", "evaluation"))]
)
def test_every_public_name_is_documented(site, module) -> None:
    ids = {name.rpartition(".")[2] for page in ("snr_ref", "snr_keras") for name in _ids(site / "api" / f"{page}.html")}
    names = [name for name in import_module(module).__all__ if not name.isupper() and not name.startswith("_")]
    assert names
    assert [name for name in names if name not in ids] == []


def test_a_name_in_a_page_leads_to_the_reference(site) -> None:
    def links(page: str) -> set[str]:
        return {a["href"] for a in parsed(site / page).select("article a[href]")}

    assert "api/snr_keras.html#snr_keras.layers.SNR" in links("layer.html")
    assert "../api/snr_keras.html#snr_keras.models.insert_snr" in links("guides/five_minutes.html")
    assert "../api/snr_ref.html#snr_ref.sample_triplets" in links("specification/embeddings.html")


def test_the_citation_names_the_versions() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.*)"$', project, flags=re.MULTILINE)
    assert f"\nversion: {version}\n" in citation
    assert f"specification {SPECIFICATION_VERSION}" in citation
    assert f"### {SPECIFICATION_VERSION}\n" in (ROOT / "docs/specification/versions.md").read_text(encoding="utf-8")


def test_a_clause_without_a_case_or_a_place_is_a_problem(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    pytest.importorskip("sphinx")
    import conformance_cases

    stated = list(CLAUSES)
    assert conformance_cases.problems(stated) == []
    assert conformance_cases.problems(stated[1:]) == [f"Clause {stated[0]} is stated on no page."]
    assert conformance_cases.problems([*stated, stated[0]]) == [f"Clause {stated[0]} is stated 2 times."]
    unpinned = dict(CLAUSES) | {"99.1": "something new"}
    monkeypatch.setattr(conformance_cases, "CLAUSES", unpinned)
    assert conformance_cases.problems(list(unpinned)) == ["Clause 99.1 is pinned by no conformance case."]


def test_a_changed_number_fails_the_build(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    blocks = pytest.importorskip("blocks", reason="examples run with sybil")
    text = (ROOT / "docs/specification/module.md").read_text(encoding="utf-8")
    stale = tmp_path / "stale.md"
    stale.write_text(text.replace("array([[0.7311, 0.1192]])", "array([[0.7311, 0.1193]])"), encoding="utf-8")
    examples = list(blocks.python_of("*.md").parse(stale).examples())
    with pytest.raises(Exception, match=r"0\.1193"):
        deque((example.evaluate() for example in examples), maxlen=0)


def _target(page: Path, address: str) -> Path:
    path = unquote(urlsplit(address).path)
    return (page.parent / path).resolve() if path else page


@cache
def _ids(page: Path) -> set[str]:
    return {element["id"] for element in parsed(page).find_all(id=True)}
