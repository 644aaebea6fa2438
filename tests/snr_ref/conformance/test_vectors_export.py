"""The export has all of the catalogue, the same bytes each time, and is readable by a C program."""

import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from snr_ref.conformance.arguments import flat
from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.vectors import compare_files, export, read
from snr_ref.conformance.vectors.subset import subset
from snr_ref.conformance.vectors.writer import write_sealed
from tests.snr_ref.conformance.vectors_files import small_file

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return export(tmp_path_factory.mktemp("vectors") / "vectors.h5")


def assert_same_case(got: Case, expected: Case) -> None:
    for name in ("name", "reason", "clauses", "function", "kind", "dtypes"):
        assert getattr(got, name) == getattr(expected, name)
    assert vars(got.group) == vars(expected.group)
    given, wanted = flat(got.arguments), flat(expected.arguments)
    assert list(given) == list(wanted)
    for name, value in wanted.items():
        np.testing.assert_array_equal(given[name], value)
        assert np.asarray(given[name]).dtype == np.asarray(value).dtype
    assert len(got.expected) == len(expected.expected)
    for answer, right in zip(got.expected, expected.expected, strict=True):
        assert list(answer) == list(right)
        for name, output in right.items():
            np.testing.assert_array_equal(answer[name].value, output.value)
            assert list(answer[name].tolerance) == list(output.tolerance)
            for dtype, tolerance in output.tolerance.items():
                np.testing.assert_array_equal(answer[name].tolerance[dtype], tolerance)


def test_every_case_of_the_catalogue_comes_back_as_it_was_written(exported: list[Path]) -> None:
    cases = read(exported[0])
    assert [case.name for case in cases] == [case.name for case in catalogue()]
    for got, expected in zip(cases, catalogue(), strict=True):
        assert_same_case(got, expected)


def test_the_bytes_are_the_same_each_time(exported: list[Path], tmp_path: Path) -> None:
    again = export(tmp_path / "again.h5")
    assert again[0].read_bytes() == exported[0].read_bytes()
    assert [path.read_text() for path in again[1:]] == [path.read_text() for path in exported[1:]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.h", "again.h5", "again.json"]


def test_every_text_is_ascii_of_a_fixed_length(exported: list[Path]) -> None:
    types = set()

    def add(_: str, thing: h5py.Group | h5py.Dataset) -> None:
        values = [thing.id.get_type()] if isinstance(thing, h5py.Dataset) else []
        values += [h5py.h5a.open(thing.id, name.encode()).get_type() for name in thing.attrs]
        types.update((t.get_cset(), t.is_variable_str()) for t in values if isinstance(t, h5py.h5t.TypeStringID))

    with h5py.File(exported[0]) as file:
        file.visititems(add)
    assert types == {(h5py.h5t.CSET_ASCII, False)}


def blocks(language: str) -> str:
    """The code of the page in a language that reads and writes HDF5, in one file."""
    page = (EXAMPLES.parent / "vectors_format.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL))


def run_page(folder: Path, exported: list[Path], language: str, *command: str) -> str:
    """The output of the page's code in a language, run beside the golden vectors."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    for path in exported:
        (folder / path.name).symlink_to(path)
    (folder / command[-1]).write_text(blocks(language), encoding="utf-8")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def assert_outputs_pass(folder: Path, exported: list[Path]) -> None:
    report = compare_files(exported[0], folder / "outputs.h5")
    assert (report.exit_status, report.counts["passed"]) == (0, 1)


def test_the_page_s_octave_reads_both_files(exported: list[Path], tmp_path: Path) -> None:
    printed = run_page(tmp_path, exported, "octave", "octave", "--no-gui", "--quiet", "read_vectors.m")
    assert "F_tilde: 0 of 960 numbers are off by more than rounding" in printed


def test_the_page_s_r_reads_and_writes(exported: list[Path], tmp_path: Path) -> None:
    if (
        shutil.which("Rscript") is None
        or subprocess.run(["Rscript", "-e", "library(rhdf5)"], capture_output=True).returncode
    ):
        pytest.skip("R or rhdf5 is not installed")
    assert "0 of 960 numbers" in run_page(tmp_path, exported, "r", "Rscript", "read_vectors.R")
    assert_outputs_pass(tmp_path, exported)


def test_the_page_s_javascript_reads_and_writes(exported: list[Path], tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    modules = Path(subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=True).stdout.strip())
    if not (modules / "h5wasm").is_dir():
        pytest.skip("h5wasm is not installed: npm install -g h5wasm")
    (tmp_path / "node_modules").symlink_to(modules)
    assert "0 of 960 numbers" in run_page(tmp_path, exported, "js", "node", "read_vectors.mjs")
    assert_outputs_pass(tmp_path, exported)


def test_the_page_s_c_compiles_and_reads(exported: list[Path], tmp_path: Path) -> None:
    for path in exported:
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "read.c").write_text(blocks("c"), encoding="utf-8")
    line = "cc -std=c99 read.c -o read $(pkg-config --cflags --libs hdf5)"
    page = (EXAMPLES.parent / "vectors_format.md").read_text(encoding="utf-8")
    assert f"    {line}\n" in page
    if shutil.which("cc") is None or subprocess.run(["pkg-config", "hdf5"], capture_output=True).returncode:
        pytest.skip("no C compiler or no HDF5 for it")
    done = subprocess.run(f"{line} && ./read", shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "snr of a map of rank 4, 4 images, which starts with -0.0341797\n"


def test_a_failed_export_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vectors.h5").write_text("mine")

    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("snr_ref.conformance.vectors.writer.write_cases", full_disk)
    with pytest.raises(OSError, match="no space"):
        export(tmp_path / "vectors.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.h5"]
    assert (tmp_path / "vectors.h5").read_text() == "mine"


@pytest.mark.parametrize("name", ["vectors.json", "vectors.h", "no_such_folder/vectors.h5", "."])
def test_a_path_that_the_files_can_not_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="must be written to FILE"):
        export(tmp_path / name)


def test_a_value_that_the_format_has_no_place_for_is_named(tmp_path: Path) -> None:
    case = catalogue()[0]
    odd = replace(case, arguments={**case.arguments, "F": case.arguments["F"].astype(np.float32)})
    with pytest.raises(TypeError, match=f"/cases/{case.name}/inputs/F can't be written: .* float32"):
        write_sealed(tmp_path / "vectors.h5", [odd])
    assert not list(tmp_path.iterdir())


def test_a_plain_hdf5_program_finds_its_way(exported: list[Path]) -> None:
    with h5py.File(exported[0]) as file:
        assert file.attrs["specification_version"] == b"1.3"
        case = file["cases/forward/ordinary"]
        assert case.attrs["function"] == b"snr"
        assert case["inputs/F"].dtype == case["expected/0/F_plus"].dtype == "<f8"
        assert case["inputs/params/gamma"].shape == case["inputs/F"].shape[-1:]
        assert case["tolerance/0/float32/F_plus"].shape == case["expected/0/F_plus"].shape
        assert not len(file["cases/forward/channels_of_gamma/expected"])


def test_the_json_has_the_same_numbers(exported: list[Path]) -> None:
    content = json.loads(exported[1].read_text(), parse_constant=pytest.fail)
    cases = {case.name: case for case in read(exported[0])}
    assert content["specification_version"] == "1.3"
    assert content["vectors_sha256"] in exported[0].read_bytes()[:512].decode()
    assert [case["name"] for case in content["cases"]] == [case.name for case in subset(catalogue())]
    for there in content["cases"]:
        case = cases[there["name"]]
        given = flat(case.arguments)
        assert list(there["inputs"]) == list(given)
        for name, value in there["inputs"].items():
            if value["type"] == "text":
                assert value["data"] == given[name]
            else:
                np.testing.assert_array_equal(array(value), np.asarray(given[name], np.longdouble))
        for answer, right in zip(there["expected"], case.expected, strict=True):
            for name, output in answer.items():
                np.testing.assert_array_equal(array(output), right[name].value)
                for dtype, tolerance in output["tolerance"].items():
                    np.testing.assert_array_equal(array({**output, "data": tolerance}), right[name].tolerance[dtype])


def array(value: dict) -> np.ndarray:
    numbers = [np.longdouble(number) for number in value["data"]]
    return np.array(numbers, np.longdouble).reshape(value["shape"])


def test_the_subset_has_a_case_of_every_function_and_what_is_nasty() -> None:
    few = subset(catalogue())
    assert {case.function for case in few} == {case.function for case in catalogue()}
    assert any(math.isnan(output.value.sum()) for case in few for a in case.expected for output in a.values())
    assert {case.kind for case in few} == {"numbers", "pattern", "refusal"}


compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_a_compiler = pytest.mark.skipif(compiler is None, reason="there is no C compiler")


def compile_and_run(folder: Path, source: str = "check_snr.c") -> subprocess.CompletedProcess[str]:
    program = folder / "check_snr"
    warnings = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
    command = [str(compiler), "-std=c99", *warnings, "-I", str(folder), source, "-lm", "-o", str(program)]
    compiled = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run([str(program)], capture_output=True, text=True)


@pytest.fixture
def c_folder(exported: list[Path], tmp_path: Path) -> Path:
    shutil.copy(exported[2], tmp_path / "vectors.h")
    for name in ("check_snr.c", "snr_forward.h"):
        shutil.copy(EXAMPLES / name, tmp_path)
    return tmp_path


@needs_a_compiler
def test_a_c_program_written_from_the_equations_passes_in_double_and_float(c_folder: Path) -> None:
    done = compile_and_run(c_folder)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(" 0 of them wrong\n")
    asked = [case for case in subset(catalogue()) if case.function == "snr" and case.kind != "refusal"]
    checked = [output for case in asked for name, output in case.expected[0].items() if name in ("a", "F_plus")]
    numbers = sum(output.value.size * sum(d in output.tolerance for d in ("float64", "float32")) for output in checked)
    assert done.stdout.split("\n")[-2].startswith(f"{len(asked)} cases, {numbers} numbers")


@needs_a_compiler
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("var /= (REAL)pixels", "var /= (REAL)(pixels - 1)"),
        ("sqrt(var + epsilon)", "sqrt(var) + epsilon"),
        ("logit < 0 ? e : 1", "logit < 0 ? 1 : e"),
        ("F_tilde + gate", "F_tilde + (1 - gate)"),
    ],
)
def test_a_c_program_with_a_mistake_fails(c_folder: Path, right: str, wrong: str) -> None:
    code = (c_folder / "snr_forward.h").read_text()
    assert right in code
    (c_folder / "snr_forward.h").write_text(code.replace(right, wrong))
    done = compile_and_run(c_folder)
    assert done.returncode == 1
    assert "where rounding explains" in done.stdout


@needs_a_compiler
def test_every_number_of_the_header_is_that_of_the_file(c_folder: Path, exported: list[Path]) -> None:
    (c_folder / "sums.c").write_text(
        """
        #include <stdio.h>
        #include "vectors.h"
        int main(void) {
            for (size_t i = 0; i < SNR_VECTORS_CASE_COUNT; i++) {
                const snr_vectors_case *c = &snr_vectors_cases[i];
                for (size_t j = 0; j < c->input_count; j++)
                    for (size_t k = 0; k < c->inputs[j].size; k++)
                        if (c->inputs[j].numbers) printf("%a\\n", c->inputs[j].numbers[k]);
                        else if (c->inputs[j].integers) printf("%lld\\n", c->inputs[j].integers[k]);
                        else printf("%s\\n", c->inputs[j].text);
                for (size_t j = 0; j < c->answer_count; j++)
                    for (size_t o = 0; o < c->answers[j].count; o++)
                        for (size_t k = 0; k < c->answers[j].outputs[o].size; k++)
                            printf("%a\\n", c->answers[j].outputs[o].expected[k]);
            }
            return 0;
        }
        """
    )
    printed = compile_and_run(c_folder, "sums.c").stdout.splitlines()
    names = {case.name for case in subset(catalogue())}
    wanted: list = []
    for case in (case for case in read(exported[0]) if case.name in names):
        for value in flat(case.arguments).values():
            wanted += [value] if isinstance(value, str) else np.asarray(value).ravel().tolist()
        for answer in case.expected:
            for output in answer.values():
                wanted += output.value.ravel().tolist()
    assert len(printed) == len(wanted)
    for got, value in zip(printed, wanted, strict=True):
        if isinstance(value, str):
            assert got == value
        elif isinstance(value, float):
            assert math.isnan(float.fromhex(got)) if math.isnan(value) else float.fromhex(got) == value
        else:
            assert int(got) == int(value)


def test_without_room_the_file_is_named_nothing_is_left_and_the_next_try_works(tmp_path):
    resource = pytest.importorskip("resource", reason="of Unix")
    path = tmp_path / "vectors.h5"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9999, before[1]))
    try:
        with pytest.raises(OSError, match=r"vectors\.h5 could not be written: File too large"):
            small_file(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not [*tmp_path.iterdir()]
    assert small_file(path).is_file()
