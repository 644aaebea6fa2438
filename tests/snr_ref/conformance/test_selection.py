"""Patterns and files of expected failures, in which a typo must not hide."""

import pytest

import snr_ref
from snr_ref.conformance.runner import check
from snr_ref.conformance.selection import ExpectedFailures, matches, select
from tests.snr_ref.conformance.small import CASES, adapter, wide_epsilon


def names(cases):
    return [case.name.split("/")[1] for case in cases]


@pytest.fixture
def expected(tmp_path):
    def read(text: str) -> ExpectedFailures:
        path = tmp_path / "expected.txt"
        path.write_text(text, encoding="utf-8")
        return ExpectedFailures.read(path, CASES)

    return read


@pytest.mark.parametrize("pattern", ["small/ordinary", "small", "snr", "small/*", "*ordin*", "s*/[no]rdinary"])
def test_a_pattern_is_of_a_case_a_group_or_a_function(pattern):
    assert matches(CASES[0], pattern)


@pytest.mark.parametrize("pattern", ["ordinary", "SMALL", "cross_entropy", "small/"])
def test_a_pattern_matches_whole_names_and_their_case(pattern):
    assert not matches(CASES[0], pattern)


def test_expected_failures_may_begin_with_a_byte_order_mark(expected):
    assert expected("\ufeffsnr\n")


def test_without_patterns_all_cases_are_left():
    assert select(CASES) == list(CASES)


def test_excluding_beats_including():
    assert names(select(CASES, ["snr", "cross_entropy"], ["*nan*", "*/a_vector"])) == [
        "ordinary",
        "one_pixel",
        "large_mean",
        "loss",
    ]


@pytest.mark.parametrize(("include", "exclude"), [(["smal/*"], []), ([], ["smal/*"]), (["small/*", "smal/*"], [])])
def test_a_pattern_that_matches_nothing_is_an_error_that_names_it(include, exclude):
    with pytest.raises(ValueError, match=r"No case, group or function matches the pattern 'smal/\*'"):
        select(CASES, include, exclude)


def test_patterns_that_leave_nothing_are_an_error():
    with pytest.raises(ValueError, match="No case is left"):
        select(CASES, ["small/*"], ["snr"])


def test_failures_are_expected_by_pattern_and_dtype(expected):
    report = check(adapter(snr=wide_epsilon, dtypes=("float64", "float32")), cases=CASES)
    known = expected("# of the prototype\n\nsmall/ordinary  # epsilon\nsmall/*nan* float32\n")
    applied = known.applied_to(report)
    outcomes = {(r.case.name.split("/")[1], r.dtype): r.outcome for r in applied.results}
    assert outcomes["ordinary", "float64"] == outcomes["ordinary", "float32"] == "expected failure"
    assert (outcomes["a_nan", "float64"], outcomes["a_nan", "float32"]) == ("failed", "expected failure")
    assert outcomes["loss", "float64"] == "not provided"
    assert applied.exit_status == 1
    assert "(expected: epsilon)" in next(r.why for r in applied.having("expected failure"))
    assert "(expected: no reason given)" in applied.having("expected failure")[-1].why


def test_with_every_failure_expected_the_run_is_green_and_the_function_does_not_pass(expected):
    applied = expected("snr # epsilon").applied_to(check(adapter(snr=wide_epsilon), cases=CASES))
    assert applied.exit_status == 0
    assert applied.passed_functions == []
    assert "FAILED AS EXPECTED: snr" in applied.text().splitlines()


def test_an_unexpected_pass_is_shown_and_fails_nothing(expected):
    applied = expected("small/ordinary # was broken").applied_to(check(snr_ref, cases=CASES))
    (result,) = applied.having("unexpected pass")
    assert result.why == "was expected to fail: was broken"
    assert applied.exit_status == 0
    assert "small/ordinary in float64: was expected to fail: was broken" in applied.text()
    assert applied.to_json()["counts"]["unexpected pass"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("small/ordinary\nsmall/ordinry", r"expected.txt, line 2 matches no case. Received: 'small/ordinry'"),
        ("small/large_mean float16", "line 1 matches no case"),
        ("small/ordinary float31", "line 1 must be `pattern .dtype. .# reason.`, with a dtype of float64"),
        ("small/ordinary float32 epsilon", "line 1 must be"),
    ],
)
def test_a_line_that_means_nothing_is_an_error_that_names_it(expected, text, said):
    with pytest.raises(ValueError, match=said):
        expected(text)


def test_a_file_that_is_no_text_is_an_error_that_names_it(tmp_path):
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match=r"image.png must be text in UTF-8"):
        ExpectedFailures.read(tmp_path / "image.png", CASES)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*nothing\.txt"):
        ExpectedFailures.read(tmp_path / "nothing.txt", CASES)
