"""HDF5 files from elsewhere: what reaches out of the file, leads in circles or declares too much is refused."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from snr_keras.files.hdf5 import expecting, open_hdf5
from tests.snr_ref.conformance.vectors_files import damaged_names


@pytest.fixture(autouse=True)
def secret(tmp_path: Path, monkeypatch) -> None:
    """Another file, which nothing that is read may come from."""
    monkeypatch.chdir(tmp_path)
    Path("secret.txt").write_bytes(b"password")
    with h5py.File("other.h5", "w") as file:
        file["x"] = np.ones(3)


def external_storage(file: h5py.File) -> None:
    file.create_dataset("x", (8,), "S1", external=[("secret.txt", 0, 8)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
    file.create_virtual_dataset("x", layout)


def external_link(file: h5py.File) -> None:
    file["x"] = h5py.ExternalLink("other.h5", "/x")


def soft_link(file: h5py.File) -> None:
    file["x"] = h5py.SoftLink("/x")


def circle(file: h5py.File) -> None:
    group = file.create_group("a")
    group.create_group("b")["x"] = group


def two_links(file: h5py.File) -> None:
    file["a"] = np.ones(3)
    file["x"] = file["a"]


def terabytes(file: h5py.File) -> None:
    file.create_dataset("x", (2**40,), "f8", chunks=(8,))


def never_written(file: h5py.File) -> None:
    file.create_dataset("x", (2**30,), "f8")


def bomb(file: h5py.File) -> None:
    file.create_dataset("x", data=np.zeros(10**6), compression="gzip")


def scale_offset(file: h5py.File) -> None:
    file.create_dataset("x", data=np.zeros(10, int), scaleoffset=0)


def variable_text(file: h5py.File) -> None:
    file["x"] = ["text"]


def compound(file: h5py.File) -> None:
    file["x"] = np.zeros(3, [("a", int), ("b", float)])


def reference(file: h5py.File) -> None:
    file.create_dataset("x", data=file.ref, dtype=h5py.ref_dtype)


def named_type(file: h5py.File) -> None:
    file["x"] = np.dtype(int)


def deep(file: h5py.File) -> None:
    file.create_group("/".join("x" * 40))


EXPECTED: dict[Callable[[h5py.File], None], str] = {
    external_storage: r"/x must have numbers that are stored in the file. Received: external or virtual",
    virtual: r"/x must have numbers that are stored in the file. Received: external or virtual",
    external_link: r"/x must have the object itself, not a link to it",
    soft_link: r"/x must have the object itself, not a link to it",
    circle: r"/a/b/x must have each object once",
    two_links: r"/x must have each object once",
    terabytes: r"/x must have the 8796093022208 bytes of its shape \(1099511627776,\). Received: 0 bytes",
    never_written: r"/x must have the 8589934592 bytes",
    bomb: r"/x must have numbers as they are",
    scale_offset: r"/x must have numbers as they are",
    variable_text: r"/x must have .*text of a fixed length. Received: text of variable length",
    compound: r"/x must have integers, floats",
    reference: r"/x must have integers, floats",
    named_type: r"/x must have a group or a dataset",
    deep: r"at most 32 groups inside each other",
}


@pytest.mark.parametrize("make", EXPECTED, ids=lambda make: make.__name__)
def test_what_is_not_plain_is_refused_with_its_place(make: Callable[[h5py.File], None]) -> None:
    with h5py.File("hostile.h5", "w") as file:
        make(file)
    with (
        pytest.raises(ValueError, match=rf"Expected a file of numbers. Received: 'hostile.h5' \(.*{EXPECTED[make]}"),
        expecting("a file of numbers", "hostile.h5"),
    ):
        open_hdf5("hostile.h5")


def test_plain_arrays_texts_and_checksums_are_read() -> None:
    with h5py.File("plain.h5", "w") as file:
        file.attrs["of variable length"] = "text"
        file["group/numbers"] = np.arange(3)
        file["scalar"], file["none"], file["empty"] = 1.5, h5py.Empty("f4"), np.zeros((0, 3))
        file["texts"] = np.array([b"one", b"three"])
        file.create_dataset("checked", data=np.ones((5, 3)), fletcher32=True)
    with open_hdf5("plain.h5") as file:
        assert file["group/numbers"][...].tolist() == [0, 1, 2]
        assert file["checked"][...].sum() == 15


def test_of_matlab_references_and_small_compressed_arrays_are_read_and_large_ones_are_not() -> None:
    with h5py.File("matlab.mat", "w") as file:
        image = file.create_dataset("#refs#/a", data=np.ones((30, 20, 3), np.uint8), compression="gzip", shuffle=True)
        file.create_dataset("cells", data=[image.ref], dtype=h5py.ref_dtype)
    with open_hdf5("matlab.mat", matlab=True) as file:
        assert file[file["cells"][0]][...].sum() == 1800
    with h5py.File("matlab.mat", "a") as file:
        file.create_dataset("bomb", data=np.zeros(3 * 10**6, np.uint8), compression="gzip")
    with pytest.raises(ValueError, match=r"/bomb must have at most 2097152 bytes in a compressed dataset"):
        open_hdf5("matlab.mat", matlab=True)


def test_a_disk_without_room_to_unpack_is_not_taken_for_a_damaged_file(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=r"no room in .* to unpack 'a\.keras': File too large"),
        expecting("a model", "a.keras"),
    ):
        raise OSError(27, "File too large")


def test_damage_among_the_names_of_a_group_brings_no_process_down(tmp_path: Path) -> None:
    command = "import sys; from snr_keras.files.hdf5 import expecting, open_hdf5\n"
    command += "with expecting('numbers', sys.argv[1]): open_hdf5(sys.argv[1])"
    path = damaged_names(tmp_path / "damaged.h5")
    ended = subprocess.run([sys.executable, "-c", command, path], capture_output=True, text=True)
    assert ended.returncode == 1
    assert f"ValueError: Expected numbers. Received: '{path}'" in ended.stderr
