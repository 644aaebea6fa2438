"""Files are not trusted: every way to damage one gives an error that names the file and the object."""

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snr_ref.conformance.clauses import SPECIFICATION_VERSION
from snr_ref.conformance.vectors import read
from snr_ref.conformance.vectors.seal import sealed
from snr_ref.conformance.vectors.untrusted import parse
from tests.snr_ref.conformance.vectors_files import damaged_names, few_cases, small_file, spoil

CASE = "/cases/forward/one_pixel"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return small_file(tmp_path / "v.h5")


def refused(path: Path) -> str:
    with pytest.raises(ValueError, match="v") as error:
        read(path)
    return str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "v.h5") == f"There is no file {tmp_path / 'v.h5'}"


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "v.h5").mkdir()
    assert "is not a file" in refused(tmp_path / "v.h5")


@pytest.mark.parametrize("content", [b"", b"x", b"hello" * 1000, b"\x89HDF\r\n\x1a\n" + bytes(2000)])
def test_what_is_no_file_of_golden_vectors(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "is not a file of golden vectors" in refused(path)


def test_hdf5_of_another_kind(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
    assert "is not a file of golden vectors" in refused(path)


def test_a_sealed_file_that_is_not_hdf5(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:512] + b"not HDF5" * 100)
    path.write_bytes(sealed(path.read_bytes()))
    assert "can't be read as HDF5" in refused(path)


def test_a_file_cut_short(path: Path) -> None:
    content = path.read_bytes()
    for length in (600, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert "damaged or cut short" in refused(path)


def test_a_file_cut_short_and_sealed_again(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])
    path.write_bytes(sealed(path.read_bytes()))
    assert "truncated" in refused(path)


def test_damage_among_the_names_of_a_group_brings_no_process_down(path: Path) -> None:
    command = "import sys; from pathlib import Path; from snr_ref.conformance.vectors import untrusted as u\n"
    command += "path = Path(sys.argv[1]); u.parse(path, path.read_bytes())"
    ended = subprocess.run([sys.executable, "-c", command, damaged_names(path)], capture_output=True, text=True)
    assert ended.returncode == 1
    assert f"ValueError: {path} can't be read as HDF5" in ended.stderr


def test_a_file_larger_than_any(path: Path) -> None:
    os.truncate(path, 2**31)
    assert "must have at most 1073741824 bytes. Received: 2147483648" in refused(path)


def test_a_format_that_came_later(path: Path) -> None:
    spoil(path, lambda f: f.attrs.__setitem__("format_version", 2))
    assert "has format version 2, and this package reads version 1: update the package" in refused(path)


@pytest.mark.parametrize("version", ["2.0", f"1.{int(SPECIFICATION_VERSION[2:]) + 1}", "0.9", "1", "1.x", "", "1.0.0"])
def test_another_version_of_the_specification(path: Path, version: str) -> None:
    spoil(path, lambda f: f.attrs.__setitem__("specification_version", np.bytes_(version or "\0")))
    assert f"is of version {version!r} of the specification, and this package has {SPECIFICATION_VERSION}" in refused(
        path
    )


def move(file: h5py.File, name: str, link: object) -> None:
    del file[name]
    file[name] = link


def replace(file: h5py.File, name: str, **new: object) -> None:
    del file[name]
    file.create_dataset(name, **new)


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 4), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3, 4))
    del file[f"{CASE}/expected/0/a"]
    file.create_virtual_dataset(f"{CASE}/expected/0/a", layout)


def absurd(file: h5py.File, **how: object) -> None:
    """A shape of 2^60 numbers, none of them stored."""
    replace(file, f"{CASE}/expected/0/a", shape=(2**30, 2**30), dtype="f8", **how)


def many(file: h5py.File) -> None:
    for i in range(200):
        file[f"cases/forward/again{i}"] = file[CASE]


def deep(file: h5py.File) -> None:
    file.create_group(f"{CASE}/inputs/" + "/".join("abcdefghij"))


A = f"{CASE}/expected/0/a"
SPOILT: dict[str, tuple[Callable[[h5py.File], object], str, str]] = {
    "an external link": (lambda f: move(f, A, h5py.ExternalLink("/etc/passwd", "/x")), A, "not a link to it"),
    "a soft link": (lambda f: move(f, A, h5py.SoftLink("/cases")), A, "not a link to it"),
    "a loop": (lambda f: f.__setitem__(f"{CASE}/inputs/params/loop", f["cases"]), "loop", "each object once"),
    "one object many times": (many, "again", "each object once"),
    "an object and its twin": (lambda f: move(f, A, f[f"{CASE}/expected/0/mu"]), "", "each object once"),
    "deep groups": (deep, "inputs/a/b", "at most 8 groups"),
    "a virtual dataset": (virtual, A, "contiguous storage"),
    "external storage": (
        lambda f: replace(f, A, shape=(3, 4), dtype="f8", external=[("/etc/passwd", 0, 96)]),
        A,
        "contiguous storage",
    ),
    "a compression bomb": (
        lambda f: replace(f, A, data=np.zeros((1024, 1024)), compression="gzip"),
        A,
        "without compression",
    ),
    "chunks": (lambda f: replace(f, A, data=np.zeros((3, 4)), chunks=(1, 4)), A, "contiguous storage"),
    "an absurd shape in chunks": (lambda f: absurd(f, chunks=(1, 1)), A, "contiguous storage"),
    "an absurd shape": (absurd, A, "stored in the file"),
    "variable text": (lambda f: replace(f, A, data="x"), A, "text of variable length"),
    "variable numbers": (
        lambda f: replace(f, A, shape=(3,), dtype=h5py.vlen_dtype(np.float64)),
        A,
        "sequences of variable length",
    ),
    "a compound": (lambda f: replace(f, A, data=np.zeros(3, "f8,f8")), A, "a compound"),
    "complex numbers": (lambda f: replace(f, A, data=np.zeros((3, 4), complex)), A, "a compound"),
    "references": (lambda f: replace(f, A, data=f.ref, dtype=h5py.ref_dtype), A, "a reference"),
    "opaque bytes": (lambda f: replace(f, A, data=np.void(b"x" * 96)), A, "opaque bytes"),
    "an enumeration": (lambda f: replace(f, A, data=True), A, "an enumeration"),
    "an empty dataspace": (lambda f: replace(f, A, data=h5py.Empty("f8")), A, "an empty dataspace"),
    "a named type": (lambda f: move(f, A, np.dtype("f8")), A, "a group or a dataset"),
    "a wide float": (lambda f: replace(f, A, data=np.zeros((3, 4), np.longdouble)), A, "a wider float"),
    "a name with dots": (lambda f: f.create_group("cases/forward/..hidden"), "'..hidden'", "letters, digits and _"),
    "a name that is no text": (lambda f: f.create_group(b"cases/forward/\xff\xfe"), "forward", "letters, digits"),
    "an attribute of many": (lambda f: f.attrs.__setitem__("format", [1, 2]), "'format'", "one integer or one text"),
    "a version that is no whole number": (
        lambda f: f.attrs.__setitem__("format_version", 1.5),
        "'format_version'",
        "1.5",
    ),
    "an attribute of variable text": (lambda f: f.attrs.__setitem__("format", "x"), "'format'", "variable length"),
    "a version that is text": (lambda f: f.attrs.__setitem__("format_version", np.bytes_("1")), "/", "an integer"),
    "another format": (lambda f: f.attrs.__setitem__("format", np.bytes_("mine")), "'format'", "'mine'"),
    "no cases": (lambda f: f.__delitem__("cases"), "/", "must have a group 'cases'"),
    "no reason": (lambda f: f[CASE].attrs.__delitem__("reason"), CASE, "a text attribute 'reason'"),
    "an unknown function": (
        lambda f: f[CASE].attrs.__setitem__("function", np.bytes_("os.system")),
        CASE,
        "function must be of instance_norm",
    ),
    "an unknown kind": (lambda f: f[CASE].attrs.__setitem__("kind", np.bytes_("odd")), CASE, "kind must be of"),
    "an unknown clause": (lambda f: f[CASE].attrs.__setitem__("clauses", np.bytes_("1.1 99.9")), CASE, "99.9"),
    "an unknown dtype": (lambda f: f[CASE].attrs.__setitem__("dtypes", np.bytes_("int8")), CASE, "int8"),
    "an unknown argument": (lambda f: f.__setitem__(f"{CASE}/inputs/x", 1.0), f"{CASE}/inputs", "Received: x"),
    "an unknown parameter": (lambda f: f.__setitem__(f"{CASE}/inputs/params/w3", 1.0), "params", "Received: w3"),
    "no gamma": (lambda f: f.__delitem__(f"{CASE}/inputs/params/gamma"), "params", "with gamma, beta, w1, w2"),
    "an unknown output": (lambda f: f.__setitem__(f"{CASE}/expected/0/G", 1.0), "expected/0", "Received: G"),
    "answers that are not numbered": (lambda f: f.move(f"{CASE}/expected/0", f"{CASE}/expected/7"), CASE, "0, 1, ..."),
    "no answer": (lambda f: f.__delitem__(f"{CASE}/expected/0"), f"{CASE}/expected", "Received: none"),
    "no tolerance": (lambda f: f.__delitem__(f"{CASE}/tolerance/0/float32/a"), "float32/a", "Received: nothing"),
    "a tolerance of another shape": (
        lambda f: replace(f, f"{CASE}/tolerance/0/float32/a", data=1.0),
        "float32/a",
        "Received: shape ()",
    ),
    "a tolerance below 0": (
        lambda f: f[f"{CASE}/tolerance/0/float32/a"].__setitem__((0, 0), -1),
        "float32/a",
        "at least 0",
    ),
    "a tolerance that is NaN": (
        lambda f: f[f"{CASE}/tolerance/0/float32/a"].__setitem__((0, 0), np.nan),
        "float32/a",
        "at least 0",
    ),
    "an output that is a group": (lambda f: (f.__delitem__(A), f.create_group(A)), A, "Received: a group"),
    "an output that is text": (lambda f: replace(f, A, data=np.bytes_("x")), A, "Received: a text, 'x'"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_is_refused_with_the_object_s_name(path: Path, how: str) -> None:
    change, names, says = SPOILT[how]
    message = refused(spoil(path, change))
    assert names in message
    assert says in message


def test_text_that_is_no_utf_8(path: Path) -> None:
    spoil(path, lambda f: f[CASE].attrs.__setitem__("reason", np.bytes_(b"\xff\xfe")))
    assert "UnicodeDecodeError" in refused(path)


def test_text_of_the_type_utf_8_is_read_as_it_was_at_first(path: Path) -> None:
    def retype(file: h5py.File) -> None:
        for at in (file, file[CASE]):
            for name, value in at.attrs.items():
                if isinstance(value, bytes):
                    at.attrs.create(name, np.array(value, h5py.string_dtype("utf-8", len(value))))

    read_before = [(case.name, case.reason, case.clauses) for case in read(path)]
    assert [(case.name, case.reason, case.clauses) for case in read(spoil(path, retype))] == read_before


def test_attributes_that_mean_nothing_are_never_read(path: Path) -> None:
    spoil(path, lambda f: f.attrs.__setitem__("comment", "of variable length"))
    assert len(read(path)) == len(few_cases())


def test_the_cases_need_no_catalogue(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snr_ref.conformance.expectation.expect", None)
    for case in read(path):
        assert bool(case.expected) == (case.kind != "refusal")


@cache
def sealed_bytes() -> bytes:
    return in_memory(small_file)


@cache
def old_bytes() -> bytes:
    """Answers in the oldest HDF5, which has no checksums of its own."""

    def write(path: Path) -> None:
        with h5py.File(path, "w", libver="earliest") as file:
            file.attrs["format"] = np.bytes_("snr outputs")
            for i in range(3):
                file[f"cases/forward/case{i}/float64/a"] = np.arange(6.0)

    return in_memory(write)


def in_memory(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.h5"
        write(path)
        return path.read_bytes()


@given(
    flips=st.dictionaries(st.integers(0, len(sealed_bytes()) - 1), st.integers(1, 255), min_size=1, max_size=4),
)
def test_whatever_happens_to_the_bytes_is_noticed(tmp_path_factory: pytest.TempPathFactory, flips: dict) -> None:
    content = bytearray(sealed_bytes())
    for at, bits in flips.items():
        content[at] ^= bits
    path = tmp_path_factory.getbasetemp() / "v.h5"
    path.write_bytes(content)
    assert refused(path).startswith(str(path))


@given(length=st.integers(0, len(sealed_bytes()) - 1))
def test_wherever_a_file_ends_too_early_is_noticed(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.getbasetemp() / "v.h5"
    path.write_bytes(sealed_bytes()[:length])
    assert refused(path).startswith(str(path))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("original", [sealed_bytes, old_bytes])
def test_hdf5_that_was_made_to_break_the_reader_gives_an_error_or_plain_arrays(
    original: Callable[[], bytes], seed: int
) -> None:
    """Without the seal, which whoever means harm can write too."""
    draw = random.Random(seed)
    for _ in range(20):
        spoilt = bytearray(original())
        for _ in range(draw.choice([1, 2, 4, 16])):
            spoilt[draw.randrange(len(spoilt))] = draw.choice([0, 1, 255, draw.randrange(256)])
        spoilt = spoilt[: draw.choice([len(spoilt), len(spoilt), draw.randrange(len(spoilt))])]
        said = ""
        try:
            root = parse(Path("v.h5"), bytes(spoilt))
        except ValueError as error:
            said = str(error)
        assert said.startswith("v.h5") if said else root.where == "v.h5: /"
