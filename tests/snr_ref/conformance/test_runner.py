"""Every kind of adapter that a user may bring, and what the kit says of it."""

import re

import numpy as np
import pytest

import snr_ref
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.report import Report
from snr_ref.conformance.runner import check, questions
from tests.snr_ref.conformance.small import CASES, adapter


def outcomes(report: Report) -> dict[str, str]:
    return {result.case.name.split("/")[1]: result.outcome for result in report.results if result.dtype == "float64"}


def why(report: Report, case: str) -> str:
    return next(result.why for result in report.results if result.case.name.endswith(f"/{case}"))


def checked(**functions: object) -> Report:
    return check(adapter(**functions), cases=CASES)


def test_the_reference_passes_the_whole_catalogue():
    report = check(snr_ref)
    failed = [(result.case.name, result.why) for result in report.having("failed")]
    assert not failed
    assert report.exit_status == 0
    assert report.counts["passed"] > 100


def test_the_reference_passes_refusals_when_it_takes_part():
    report = checked(**{name: getattr(snr_ref, name) for name in snr_ref.__all__}, refusals=True)
    assert set(outcomes(report).values()) == {"passed"}


def test_refusals_are_not_held_against_one_that_takes_no_part():
    report = checked(snr=lambda F, params, epsilon=1e-5: snr_ref.snr(np.resize(F, (2, 3, 2, 4)), params))
    assert outcomes(report)["a_vector"] == "not asked"


def test_an_answer_to_what_must_be_refused_fails():
    def snr(F, params, *, epsilon=1e-5):
        return snr_ref.snr(F if F.ndim > 2 else np.zeros((1, 1, 1, 4)), params)

    report = checked(snr=snr, refusals=True)
    assert outcomes(report)["a_vector"] == "failed"
    assert "must be refused with an exception; it answered F_tilde, R" in why(report, "a_vector")


def test_missing_functions_are_not_provided_and_never_passed():
    report = checked(cross_entropy=snr_ref.cross_entropy)
    assert outcomes(report) == {case.name.split("/")[1]: "not provided" for case in CASES} | {"loss": "passed"}
    assert report.exit_status == 0


def test_an_object_that_provides_nothing_has_exit_status_2():
    report = check(object(), cases=CASES)
    assert report.exit_status == 2
    assert set(report.counts) - {k for k, n in report.counts.items() if n} >= {"passed", "failed"}


def test_only_the_declared_dtypes_are_run():
    assert {result.dtype for result in checked(snr=snr_ref.snr).results} == {"float64"}
    asked: set[str] = set()

    def snr(F, params, *, epsilon=1e-5):
        asked.add(f"{F.dtype} {params.gamma.dtype}")
        return snr_ref.snr(F, params, epsilon=epsilon)

    checked(snr=snr, dtypes=("float32", "float16"))
    assert asked == {"float32 float32", "float16 float32"}


@pytest.mark.parametrize("dtypes", ["float32", ("float128",), ()])
def test_dtypes_that_are_none_are_refused(dtypes):
    with pytest.raises(ValueError, match="must be a tuple of names out of float64, float32, float16, bfloat16"):
        checked(snr=snr_ref.snr, dtypes=dtypes)


@pytest.mark.parametrize(
    "shaped",
    [lambda out: out, lambda out: out._asdict(), lambda out: adapter(**out._asdict())],
    ids=["named tuple", "mapping", "object"],
)
def test_snr_may_return_a_named_tuple_a_mapping_or_an_object(shaped):
    report = checked(snr=lambda F, params, *, epsilon=1e-5: shaped(snr_ref.snr(F, params, epsilon=epsilon)))
    assert outcomes(report)["ordinary"] == "passed"
    assert {q.name for q in report.quantities} >= {"snr.F_tilde", "snr.a", "snr.f_minus"}


def test_outputs_that_are_left_out_are_not_provided_rather_than_passed():
    report = checked(snr=lambda F, params, *, epsilon=1e-5: {"F_plus": snr_ref.snr(F, params, epsilon=epsilon).F_plus})
    assert {q.name for q in report.quantities} == {"snr.F_plus"}
    assert set(report.not_provided) >= {"snr.mu", "snr.F_tilde", "snr.f_plus", "cross_entropy"}
    assert dict((group.name, word) for group, word in report.groups) == {
        "small": "partly",
        "little_losses": "not provided",
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda F: F[:1], r"F_tilde: expected shape \(2, 3, 2, 4\), received \(1, 3, 2, 4\)"),
        (lambda F: F.astype(complex), "F_tilde: expected real numbers, received complex128"),
        (lambda F: np.array(["no", "numbers"]), "F_tilde: expected real numbers, received <U7"),
        (lambda F: np.full(F.shape, np.nan), r"F_tilde: expected .* at \[.*\], received nan: off by inf"),
    ],
)
def test_answers_of_the_wrong_kind_fail_in_a_sentence(wrong, said):
    report = checked(snr=lambda F, params, *, epsilon=1e-5: {"F_tilde": wrong(F)})
    assert outcomes(report)["ordinary"] == "failed"
    assert re.search(said, why(report, "ordinary"))


def test_an_exception_fails_the_case_and_is_told_with_its_place():
    def snr(F, params, *, epsilon=1e-5):
        raise RuntimeError("the device is\n   on fire")

    report = checked(snr=snr)
    assert outcomes(report)["ordinary"] == "failed"
    assert "RuntimeError: the device is on fire (test_runner.py, line" in why(report, "ordinary")
    assert {q.name for q in report.quantities} == {"snr raised"}


def test_a_wrong_signature_is_told_with_the_right_one():
    report = checked(snr=lambda features: features)
    assert "it is called as snr(F: " in why(report, "ordinary")


def test_not_implemented_is_not_provided():
    def snr(F, params, *, epsilon=1e-5):
        raise NotImplementedError("one pixel is beyond us") if F.shape[1] == 1 else ValueError

    report = checked(snr=snr)
    assert outcomes(report)["one_pixel"] == "not provided"
    assert why(report, "one_pixel") == "one pixel is beyond us"
    assert report.not_provided["snr"] == (1, 4)


def test_not_implemented_is_no_refusal():
    def snr(F, params, *, epsilon=1e-5):
        raise NotImplementedError

    assert outcomes(checked(snr=snr, refusals=True))["a_vector"] == "not provided"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_through(interrupt):
    def snr(F, params, *, epsilon=1e-5):
        raise interrupt

    with pytest.raises(interrupt):
        checked(snr=snr)


def overwriting(F, params, *, epsilon=1e-5):
    out = snr_ref.snr(F, params, epsilon=epsilon)
    F *= 0
    params.gamma[:] = 0
    return out


def test_an_adapter_that_overwrites_its_arguments_fails_in_every_answer_and_spoils_no_other():
    report = checked(snr=overwriting, cosine_distance=snr_ref.cosine_distance)
    assert report.exit_status == 1
    for _ in range(2):
        assert outcomes(report) == outcomes(
            checked(snr=snr_ref.snr, cosine_distance=snr_ref.cosine_distance)
        ) | dict.fromkeys(("ordinary", "one_pixel", "large_mean", "a_nan"), "failed")
    assert why(report, "ordinary") == "it overwrote its arguments F, params.gamma"
    assert {(q.name, q.cases, q.failed) for q in report.quantities if q.failed} == {("snr overwrote", 4, 4)}


def test_what_is_wrong_and_what_is_overwritten_are_both_told():
    def distance(x, y):
        y += 1
        return snr_ref.cosine_distance(x, y)

    assert re.search(
        r"^distances: .* explains .*; it overwrote its argument y$", why(checked(cosine_distance=distance), "distance")
    )


def test_what_numpy_warns_of_is_not_shown(recwarn):
    def snr(F, params, *, epsilon=1e-5):
        np.exp(np.float64(1e4)), np.zeros(1) / np.zeros(1), np.var([1.0], ddof=1)
        return snr_ref.snr(F, params, epsilon=epsilon)

    assert outcomes(checked(snr=snr))["ordinary"] == "passed"
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_progress_counts_every_answer():
    seen: list[tuple[int, int]] = []
    report = check(snr_ref, cases=CASES, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, len(report.results)) for n in range(1, len(report.results) + 1)]


def test_cases_are_included_and_excluded_by_pattern():
    report = check(snr_ref, cases=CASES, include=["small/*"], exclude=["*nan*"])
    assert set(outcomes(report)) == {"ordinary", "one_pixel", "large_mean", "a_vector"}


def test_questions_are_those_that_both_take():
    implementation = Implementation(adapter(snr=snr_ref.snr, dtypes=("float16", "float64")))
    asked = [(case.name, dtype) for case, dtype in questions(implementation, CASES)]
    assert ("small/ordinary", "float16") in asked
    assert ("small/large_mean", "float16") not in asked
    assert ("small/ordinary", "float32") not in asked


def test_the_numbers_of_a_known_mistake_are_recognized():
    def snr(F, params, *, epsilon=1e-5):
        pixels = F[0, ..., 0].size
        unbiased = np.sqrt(pixels / max(pixels - 1, 1))
        wide = snr_ref.snr(F, params._replace(gamma=params.gamma / unbiased), epsilon=epsilon / unbiased**2)
        return {"F_tilde": wide.F_tilde}

    result = next(r for r in checked(snr=snr).results if r.case.name == "small/ordinary")
    assert result.outcome == "failed"
    assert any(suspicion.startswith("unbiased variance: ") for suspicion in result.suspicions)
