"""Answers that a program elsewhere wrote, held against the golden vectors from the two files alone."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import snr_ref
from snr_ref.conformance.case import Case
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.report import Report
from snr_ref.conformance.vectors import compare_files, write_outputs
from tests.snr_ref.conformance.vectors_files import few_cases, small_file

CASE = "cases/forward/one_pixel"


class Reference:
    """The reference, in whatever dtypes; it takes part in refusals."""

    dtypes: tuple[str, ...] = ("float64", "float32", "float16")
    refusals = True

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(snr_ref, name)


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return small_file(tmp_path / "golden.h5")


@pytest.fixture
def outputs(golden: Path, tmp_path: Path) -> Path:
    write_outputs(golden, tmp_path / "outputs.h5", Implementation(Reference(), "the reference"))
    return tmp_path / "outputs.h5"


def change(path: Path, how: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "r+") as file:
        how(file)
    return path


def outcomes(report: Report, name: str) -> dict[str, str]:
    return {result.dtype: result.outcome for result in report.results if result.case.name == name}


def test_the_reference_s_own_answers_pass(golden: Path, outputs: Path) -> None:
    report = compare_files(golden, outputs)
    assert report.implementation == "the reference, " + outputs.name
    assert report.exit_status == 0
    assert {result.outcome for result in report.results} == {"passed"}
    asked = [(c.name, d) for c in few_cases() for d in c.dtypes if d in Reference.dtypes]
    assert [(result.case.name, result.dtype) for result in report.results] == asked


def test_no_catalogue_is_asked(golden: Path, outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snr_ref.conformance.expectation.expect", None)
    assert compare_files(golden, outputs).exit_status == 0


def test_a_wrong_number_is_named(golden: Path, outputs: Path) -> None:
    change(outputs, lambda f: f[f"{CASE}/float32/F_plus"].__setitem__((1, 0, 0, 2), 7.0))
    report = compare_files(golden, outputs)
    assert report.exit_status == 1
    assert outcomes(report, "forward/one_pixel") == {"float64": "passed", "float32": "failed"} | {
        d: "passed" for d in outcomes(report, "forward/one_pixel") if d == "float16"
    }
    (failed,) = report.having("failed")
    assert failed.why.endswith("at [1, 0, 0, 2], received 7: off by 5.56, where rounding explains 4.15e-07")


@pytest.mark.parametrize("shape", [(), (12,), (3, 4), (4, 1, 1, 3), (0,), (3, 1, 1, 4, 1)])
def test_a_wrong_shape_is_a_failure(golden: Path, outputs: Path, shape: tuple[int, ...]) -> None:
    def reshape(file: h5py.File) -> None:
        del file[f"{CASE}/float64/F_plus"]
        file[f"{CASE}/float64/F_plus"] = np.ones(shape)

    (failed,) = compare_files(golden, change(outputs, reshape)).having("failed")
    assert failed.why == f"F_plus: expected shape (3, 1, 1, 4), received {shape}"


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_one_number_is_a_scalar(golden: Path, outputs: Path, shape: tuple[int, ...]) -> None:
    def wrap(file: h5py.File) -> None:
        loss = file["cases/cross_entropy/ordinary/float64/loss"][()]
        del file["cases/cross_entropy/ordinary/float64/loss"]
        file["cases/cross_entropy/ordinary/float64/loss"] = np.full(shape, loss)

    assert compare_files(golden, change(outputs, wrap)).exit_status == 0


@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">f8", "<f2"])
def test_floats_of_any_size_and_byte_order_are_numbers(golden: Path, outputs: Path, dtype: str) -> None:
    def convert(file: h5py.File) -> None:
        for name, values in list(file[f"{CASE}/float16"].items()):
            if name.startswith(("F", "R")):
                converted = values[()].astype(dtype)
                del file[f"{CASE}/float16/{name}"]
                file[f"{CASE}/float16/{name}"] = converted

    case = next(c for c in few_cases() if c.name == "forward/one_pixel")
    if "float16" not in case.dtypes:
        pytest.skip("the case is not asked in float16")
    assert outcomes(compare_files(golden, change(outputs, convert)), "forward/one_pixel")["float16"] == "passed"


def test_what_is_absent_is_not_provided(golden: Path, outputs: Path) -> None:
    change(outputs, lambda f: (f.__delitem__("cases/cross_entropy"), f.__delitem__(f"{CASE}/float32/F_plus")))
    report = compare_files(golden, outputs)
    assert report.exit_status == 0
    assert set(outcomes(report, "cross_entropy/ordinary").values()) == {"not provided"}
    assert "snr.F_plus" in report.not_provided
    assert "cross_entropy" in report.not_provided


def test_a_dtype_without_answers_is_not_held_against_the_program(golden: Path, outputs: Path) -> None:
    def drop(file: h5py.File) -> None:
        for group in file["cases"].values():
            for case in group.values():
                for dtype in set(case) - {"float64"}:
                    del case[dtype]

    report = compare_files(golden, change(outputs, drop))
    assert {result.dtype for result in report.results} == {"float64"}
    assert report.exit_status == 0


def test_nothing_at_all_is_no_pass(golden: Path, outputs: Path) -> None:
    change(outputs, lambda f: (f.__delitem__("cases"), f.create_group("cases")))
    assert compare_files(golden, outputs).exit_status == 2


REFUSAL = "cases/forward/channels_of_gamma"


def test_a_refusal_that_computes_fails(golden: Path, outputs: Path) -> None:
    change(outputs, lambda f: (f.__delitem__(REFUSAL), f.__setitem__(f"{REFUSAL}/float64/a", np.ones((2, 4)))))
    (failed,) = compare_files(golden, outputs).having("failed")
    assert "must be refused" in failed.why


def test_a_refusal_that_is_said_not_to_be_one_fails(golden: Path, outputs: Path) -> None:
    change(outputs, lambda f: f[f"{REFUSAL}/float64/refused"].__setitem__((), 0))
    (failed,) = compare_files(golden, outputs).having("failed")
    assert failed.case.name == "forward/channels_of_gamma"


def test_a_program_without_refusals_is_not_asked(golden: Path, outputs: Path) -> None:
    report = compare_files(golden, change(outputs, lambda f: f.__delitem__(REFUSAL)))
    assert outcomes(report, "forward/channels_of_gamma") == {"float64": "not asked"}
    assert report.exit_status == 0


def test_a_case_that_has_an_answer_must_not_be_refused(golden: Path, outputs: Path) -> None:
    change(outputs, lambda f: f.__setitem__(f"{CASE}/float64/refused", 1))
    (failed,) = compare_files(golden, outputs).having("failed")
    assert failed.why == "snr refused to answer"


def test_a_program_that_fails_says_so(golden: Path, tmp_path: Path) -> None:
    class Broken:
        def cross_entropy(self, logits: np.ndarray, labels: np.ndarray, **_: float) -> float:
            raise FloatingPointError

        def snr(self, F: np.ndarray, params: object, **_: float) -> object:
            raise NotImplementedError

    write_outputs(golden, tmp_path / "o.h5", Implementation(Broken(), "broken"))
    report = compare_files(golden, tmp_path / "o.h5")
    assert report.functions("failed") == ["cross_entropy"]
    assert set(outcomes(report, "forward/one_pixel").values()) == {"not provided"}


def test_any_of_several_answers_is_right(golden: Path, outputs: Path) -> None:
    case = next(case for case in few_cases() if case.choices)
    for answer in case.expected:

        def write(file: h5py.File, answer: dict = answer) -> None:
            for name, output in answer.items():
                file[f"cases/{case.name}/float64/{name}"][...] = output.value

        assert outcomes(compare_files(golden, change(outputs, write)), case.name)["float64"] == "passed"


@pytest.mark.parametrize(
    "name",
    [
        f"{CASE}/float64/F_pluss",
        f"{CASE}/float65/F_plus",
        f"{CASE}/int32/F_plus",
        "cases/forward/one_pixle/float64/F_plus",
        "cases/foward/one_pixel/float64/F_plus",
        "case/forward/one_pixel/float64/F_plus",
        "cases/cross_entropy/ordinary/float16/loss",
    ],
)
def test_a_slip_of_the_pen_is_named(golden: Path, outputs: Path, name: str) -> None:
    change(outputs, lambda f: f.__setitem__(name, 1.0))
    with pytest.raises(ValueError, match="what the golden vectors don't have") as error:
        compare_files(golden, outputs)
    assert name.split("/")[0 if name.startswith("case/") else 2] in str(error.value)
    assert str(outputs) in str(error.value)


def test_answers_for_other_golden_vectors_are_refused(golden: Path, outputs: Path) -> None:
    change(outputs, lambda f: f.attrs.__setitem__("vectors_sha256", np.bytes_("0" * 64)))
    with pytest.raises(ValueError, match="was made for the golden vectors 0000"):
        compare_files(golden, outputs)


@pytest.mark.parametrize("version", [1.0, np.float32(1), [1], [1.0]])
def test_attributes_are_taken_as_r_and_javascript_write_them(golden: Path, outputs: Path, version: object) -> None:
    def as_they_do(file: h5py.File) -> None:
        file.attrs["format_version"] = version
        file.attrs["format"] = np.array(["snr outputs"], "S12")

    assert compare_files(golden, change(outputs, as_they_do)).exit_status == 0


def test_which_golden_vectors_they_are_for_need_not_be_said(golden: Path, outputs: Path) -> None:
    change(outputs, lambda f: (f.attrs.__delitem__("vectors_sha256"), f.attrs.__delitem__("implementation")))
    report = compare_files(golden, outputs)
    assert report.implementation == "outputs.h5"
    assert report.exit_status == 0


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (lambda f: f.__setitem__(f"{CASE}/float64/x", h5py.SoftLink("/")), "not a link"),
        (lambda f: f.__setitem__(f"{CASE}/float64/x", h5py.ExternalLink("/etc/passwd", "/")), "not a link"),
        (lambda f: f.create_dataset(f"{CASE}/float64/x", (2**30, 2**30), "f8"), "stored in the file"),
        (lambda f: f.create_dataset(f"{CASE}/float64/x", (2**30,), "f8", compression="gzip"), "without compression"),
        (lambda f: f.__setitem__(f"{CASE}/float64/x", "text"), "variable length"),
        (lambda f: f.__setitem__(f"{CASE}/float64/x", np.zeros(2, complex)), "a compound"),
        (lambda f: f.__setitem__(f"{CASE}/float64/x", np.bytes_("text")), "a dataset of numbers"),
        (lambda f: f.create_group(f"{CASE}/float64/x"), "a dataset of numbers"),
        (lambda f: f.__setitem__("cases/x", 1.0), "must have a group 'x'"),
        (lambda f: f.__delitem__("cases"), "must have a group 'cases'"),
        (lambda f: f.attrs.__setitem__("format_version", 9), "format version 9"),
        (lambda f: f.attrs.__setitem__("format", np.bytes_("x")), "'snr outputs'"),
        (lambda f: f.attrs.__delitem__("format"), "'snr outputs'"),
    ],
)
def test_what_the_format_does_not_allow_is_refused(
    golden: Path, outputs: Path, how: Callable[[h5py.File], object], says: str
) -> None:
    change(outputs, how)
    with pytest.raises(ValueError, match=str(outputs)) as error:
        compare_files(golden, outputs)
    assert says in str(error.value)


def test_files_that_are_none_are_refused(golden: Path, outputs: Path, tmp_path: Path) -> None:
    os.truncate(outputs, 5000)
    with pytest.raises(ValueError, match="can't be read as HDF5"):
        compare_files(golden, outputs)
    with pytest.raises(ValueError, match="There is no file"):
        compare_files(golden, tmp_path / "nothing.h5")
    with pytest.raises(ValueError, match="is not a file of golden vectors"):
        compare_files(outputs, outputs)


def test_bfloat16_comes_back_as_a_wider_float(tmp_path: Path) -> None:
    pytest.importorskip("ml_dtypes")
    from snr_ref.conformance.catalogue import catalogue
    from snr_ref.conformance.vectors.writer import write_sealed

    case: Case = next(c for c in catalogue() if "bfloat16" in c.dtypes)
    write_sealed(tmp_path / "g.h5", [case])

    class InBfloat16(Reference):
        dtypes = ("bfloat16",)

    write_outputs(tmp_path / "g.h5", tmp_path / "o.h5", Implementation(InBfloat16(), "bfloat16"))
    report = compare_files(tmp_path / "g.h5", tmp_path / "o.h5")
    assert [(result.dtype, result.outcome) for result in report.results] == [("bfloat16", "passed")]
