"""The page of a report: it stands alone, shows what the report says, and trusts no name."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

import snr_ref
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.report.as_html import page
from snr_ref.conformance.report.plots import plot
from snr_ref.conformance.runner import check
from tests.snr_ref.conformance.small import CASES, adapter, wide_epsilon

_VOID = {"meta", "br", "hr", "img", "input", "link"}


class Parsed(HTMLParser):
    """The texts and attributes of a page whose elements all close."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def report():
    def cross_entropy(*arguments, **keywords):
        raise RuntimeError("<script>alert('no')</script> & more")

    functions = {"snr": wide_epsilon, "cross_entropy": cross_entropy, "cosine_distance": snr_ref.cosine_distance}
    named = Implementation(adapter(**functions, dtypes=("float64", "float32")), "<img src=x onerror=alert(1)>")
    return check(named, cases=CASES)


def test_the_page_needs_nothing_from_elsewhere(report):
    parsed = Parsed(page(report))
    assert not parsed.tags & {"script", "link", "img", "iframe", "object"}
    assert all(link.startswith("#") for link in parsed.links)
    assert "url(http" not in page(report)
    assert "@import" not in page(report)


def test_names_and_exceptions_are_text_and_no_markup(report):
    text = page(report)
    assert "<script" not in text
    assert "<img" not in text
    shown = " ".join(Parsed(text).texts)
    assert "<script>alert('no')</script> & more" in shown
    assert "<img src=x onerror=alert(1)>" in shown


def test_the_page_says_what_the_report_says(report):
    shown = " ".join(" ".join(Parsed(page(report)).texts).split())
    assert "the first quantity that differs is F_tilde, in 3 of 3 failing cases" in shown
    assert "epsilon = 1e-5 by default (eq. 1)" in shown
    for result in report.having("failed"):
        assert result.case.name in shown
        assert " ".join(result.why.split()) in shown
        assert result.case.reason in shown


def test_a_report_of_nothing_is_a_page_too():
    assert "provides nothing to check" in page(check(object(), cases=CASES))
    Parsed(page(check(object(), cases=CASES)))


def test_a_plot_has_a_dot_per_answer_and_the_limit(report):
    svg = plot("snr", report.results)
    ET.fromstring(svg.replace("xlink:href", "href"))
    answers = sum(len(r.comparisons) for r in report.results if r.case.function == "snr")
    assert svg.count("fill-opacity: 0.55") == answers > 0
    assert "currentColor" in svg


def test_no_two_elements_of_a_page_have_the_same_name(report):
    ids = re.findall(r' id="([^"]*)"', page(report))
    assert len(ids) == len(set(ids)) > 0


def test_a_function_without_numbers_has_no_plot(report):
    assert plot("cross_entropy", report.results) == ""


def test_without_matplotlib_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "try: import snr_ref.conformance.report.as_html\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip().endswith("pip install matplotlib")
