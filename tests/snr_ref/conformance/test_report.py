"""The content of a report: numbers, the first difference, what is missing, and the exit status."""

import json

import numpy as np
import pytest

import snr_ref
from snr_ref.conformance.case import Case
from snr_ref.conformance.clauses import CLAUSES
from snr_ref.conformance.comparison import compare, spacing
from snr_ref.conformance.report import Report, Result
from snr_ref.conformance.report.difference import first_differences
from snr_ref.conformance.runner import check
from tests.snr_ref.conformance.small import CASES, adapter, one_pass, wide_epsilon


@pytest.fixture(scope="module")
def wrong() -> Report:
    return check(
        adapter(snr=wide_epsilon, cross_entropy=snr_ref.cross_entropy, dtypes=("float64", "float32")), cases=CASES
    )


def test_the_figures_are_the_worst_over_the_cases(wrong):
    quantity = next(q for q in wrong.quantities if (q.name, q.dtype) == ("snr.F_tilde", "float64"))
    numbers = {}
    for case in CASES[:4]:
        answer = wide_epsilon(**case.arguments)._asdict()
        numbers[case.name] = next(c for c in compare(case, "float64", answer) if c.output == "F_tilde")
    assert quantity.cases == 4
    assert quantity.failed == sum(not c.passed for c in numbers.values()) == 3
    for figure in ("error", "ulps", "fraction"):
        worst = max(numbers, key=lambda name: getattr(numbers[name], figure))
        assert getattr(quantity, figure).value == getattr(numbers[worst], figure)
        assert getattr(quantity, figure).case == worst


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_unit_in_the_last_place_is_numpy_s_down_to_zero(dtype):
    numbers = np.array([0, 6e-8, 6e-5, 0.1, 1, 2.5, 4096, -3], dtype)
    assert (spacing(numbers.astype(np.float64), dtype) == np.abs(np.spacing(numbers)).astype(np.float64)).all()


def test_quantities_come_in_the_order_of_the_chain(wrong):
    names = list(dict.fromkeys(q.name for q in wrong.quantities))
    assert names[:3] == ["snr.F_tilde", "snr.R", "snr.a"]
    assert names[-1] == "cross_entropy.loss"


def test_the_first_difference_is_where_the_mistake_is(wrong):
    (difference,) = wrong.first_differences
    assert (difference.function, difference.output) == ("snr", "F_tilde")
    assert set(difference.cases) == {"small/ordinary", "small/large_mean", "small/a_nan"}
    assert difference.failing == 3
    assert "1.2" in difference.clauses
    assert not {"1.4", "1.6"} & set(difference.clauses)


def test_a_clause_that_only_the_failing_cases_pin_is_where_to_look():
    (difference,) = check(adapter(snr=one_pass), cases=CASES).first_differences
    assert difference.cases == ("small/large_mean",)
    assert difference.output == "F_tilde"
    assert "6.1" in difference.clauses


def test_suspicions_that_explain_a_few_of_the_failing_answers_are_not_told():
    def result(case: Case, suspicions: tuple[str, ...] = ()) -> Result:
        comparisons = tuple(compare(case, "float64", wide_epsilon(**case.arguments)._asdict()))
        return Result(case, "float64", "failed", comparisons, "on purpose", suspicions)

    ordinary, _, large_mean, a_nan = CASES[:4]
    results = [result(ordinary, ("all", "most", "one")), result(large_mean, ("all", "most")), result(a_nan, ("all",))]
    (difference,) = first_differences(results)
    assert difference.suspicions == (("all", 3), ("most", 2))


def test_what_fails_in_half_precision_alone_points_to_its_clause():
    def snr(F, params, *, epsilon=1e-5):
        out = snr_ref.snr(F, params, epsilon=epsilon)
        return out._replace(a=out.a.astype(F.dtype))

    (difference,) = check(adapter(snr=snr, dtypes=("float64", "float16")), cases=CASES).first_differences
    assert difference.output == "a"
    assert "6.5" in difference.clauses


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (["passed", "not provided"], 0),
        (["passed", "expected failure"], 0),
        (["unexpected pass"], 0),
        (["passed", "failed"], 1),
        (["expected failure", "failed"], 1),
        (["not provided", "not asked"], 2),
        ([], 2),
    ],
)
def test_the_exit_status(outcomes, status):
    report = Report("any", tuple(Result(CASES[4], "float64", outcome) for outcome in outcomes))
    assert report.exit_status == status


def test_the_text_names_the_functions_in_lines_that_are_never_wrapped(wrong, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    lines = wrong.text().splitlines()
    assert "FAILED: snr" in lines
    assert "PASSED: cross_entropy" in lines
    (not_provided,) = (line for line in lines if line.startswith("not provided: "))
    assert "cosine_distance" in not_provided
    assert "snr.mu" in not_provided
    assert any("the first quantity that differs is F_tilde, in 3 of 3 failing cases" in line for line in lines)
    assert any(line.startswith("    1.2: F~ = gamma") for line in lines)


def test_the_text_of_one_that_provides_nothing_says_so():
    assert "NOTHING TO CHECK" in check(object(), cases=CASES).text()


def test_the_text_tells_how_many_failing_cases_it_leaves_out():
    report = Report("any", tuple(Result(CASES[0], "float64", "failed", why="on purpose") for _ in range(25)))
    assert report.text().count("on purpose") == 20
    assert "and 5 more, which the JSON and HTML reports list" in report.text()


def test_the_json_is_strict_and_says_what_the_text_says(wrong):
    report = json.loads(json.dumps(wrong.to_json(), allow_nan=False))
    assert report["schema"] == 1
    assert report["exit_status"] == 1
    assert report["failed_functions"] == ["snr"]
    assert report["passed_functions"] == ["cross_entropy"]
    assert sum(report["counts"].values()) == len(wrong.results)
    assert {r["outcome"] for r in report["results"]} == {"failed", "not provided", "not asked"}
    assert report["first_differences"][0]["output"] == "F_tilde"
    quantity = next(q for q in report["quantities"] if q["name"] == "snr.F_tilde" and q["dtype"] == "float32")
    assert quantity["worst_fraction_of_tolerance"]["value"] > 1
    assert quantity["worst_error"]["case"].startswith("small/")
    assert not quantity["passed"]


def test_an_infinite_figure_is_null_in_json():
    report = check(adapter(snr=lambda F, params, *, epsilon=1e-5: {"a": np.zeros(3)}), cases=CASES).to_json()
    (quantity,) = (q for q in report["quantities"] if q["name"] == "snr.a")
    assert quantity["worst_error"]["value"] is None
    assert all(clause in CLAUSES for d in report["first_differences"] for clause in d["clauses"])
