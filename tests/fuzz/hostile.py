"""Files that nobody would make by accident, in the place of every file that `snr` reads."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py
import numpy as np

from tests.fuzz.subjects import SUBJECTS, Setting

SECRET = "a line of a file that nobody named"


def hostile(setting: Setting, number: int) -> None:
    """Put so many hostile files, drawn from all pairs of a subject and a kind, in the place of whole ones."""
    secret, marker = setting.work / "secret.txt", setting.work / "marker"
    secret.write_text(SECRET)
    pairs = [(subject, kind) for subject in SUBJECTS for kind in KINDS]
    for index in setting.rng.permutation(len(pairs))[:number]:
        subject, kind = pairs[index]
        here = setting.copy(subject)
        path = here / subject.file
        path.unlink()
        KINDS[kind](path, secret, marker)
        outcome, ended = setting.outcome(subject, here)
        written = (file for file in (setting.work / "out").rglob("*") if file.is_file())
        if SECRET in ended.output or marker.exists() or any(SECRET.encode() in file.read_bytes() for file in written):
            outcome = "reached out"
        marker.unlink(missing_ok=True)
        setting.table.add(f"hostile: {subject.name}", outcome, kind, ended)


def _bytes(content: bytes) -> Callable[[Path, Path, Path], None]:
    return lambda path, secret, marker: path.write_bytes(content) and None


def _fifo(path: Path, secret: Path, marker: Path) -> None:
    os.mkfifo(path)


def _link(target: str) -> Callable[[Path, Path, Path], None]:
    return lambda path, secret, marker: path.symlink_to(target)


def _folder(path: Path, secret: Path, marker: Path) -> None:
    path.mkdir()


def _pickle(path: Path, secret: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps(_Runs(str(marker))))


def _numpy_pickle(path: Path, secret: Path, marker: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.array([_Runs(str(marker))], dtype=object), allow_pickle=True)
    path.write_bytes(content.getvalue())


def _pytorch_pickle(path: Path, secret: Path, marker: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(_Runs(str(marker))))
        file.writestr("archive/version", "3\n")


class _Runs:
    """Runs a command where it is unpickled."""

    def __init__(self, marker: str) -> None:
        self._marker = marker

    def __reduce__(self) -> object:
        return os.system, (f"touch '{self._marker}'",)


@cache
def _zip_bomb() -> bytes:
    content, zeros = io.BytesIO(), bytes(2**20)
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in ("config.json", "model.weights.h5", "training_state.json", "archive/data.pkl"):
            with file.open(name, "w", force_zip64=True) as member:
                for _ in range(1500):
                    member.write(zeros)
    return content.getvalue()


def _zip_that_climbs(path: Path, secret: Path, marker: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name in ("config.json", "model.weights.h5", "training_state.json", "../marker", str(marker)):
            file.writestr(name, "{}")


def _safetensors(header: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + bytes(64)


@cache
def _png(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = zlib.compressobj(9)
    pixels = b"".join(rows.compress(bytes(1 + 3 * width)) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _h5(fill: Callable[[h5py.File, Path], object]) -> Callable[[Path, Path, Path], None]:
    """An HDF5 file that calls itself features and weights, with something in it that it should not have."""

    def make(path: Path, secret: Path, marker: Path) -> None:
        with h5py.File(path, "w") as file:
            file.attrs.update({"format": "snr features", "format_version": 1, "folder": "."})
            fill(file, secret)

    return make


def _external_storage(file: h5py.File, secret: Path) -> None:
    size = len(SECRET)
    file.create_dataset("names", (1,), f"S{size}", external=[(str(secret), 0, size)])
    file.create_dataset("embeddings", (1, 2), "<f4")


def _external_link(file: h5py.File, secret: Path) -> None:
    other = secret.with_suffix(".h5")
    with h5py.File(other, "w") as elsewhere:
        elsewhere["names"] = np.array([SECRET.encode()])
        elsewhere["embeddings"] = np.ones((1, 2), np.float32)
    for name in ("names", "embeddings", "model", "preprocessing", "left_out"):
        file[name] = h5py.ExternalLink(str(other), f"/{name}")


def _soft_links_in_a_circle(file: h5py.File, secret: Path) -> None:
    file["names"], file["embeddings"] = h5py.SoftLink("/embeddings"), h5py.SoftLink("/names")


def _group_in_itself(file: h5py.File, secret: Path) -> None:
    group = file.create_group("model")
    group["model"] = group


def _virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((4, 2), "<f4")
    layout[:] = h5py.VirtualSource(str(secret), "embeddings", (4, 2))
    file.create_virtual_dataset("embeddings", layout)
    file["names"] = np.array([b"a"] * 4)


def _declared_huge(file: h5py.File, secret: Path) -> None:
    file.create_dataset("embeddings", (2**40, 1024), "<f4", chunks=(1, 1024))
    file.create_dataset("names", (2**40,), h5py.string_dtype(), chunks=(1024,))


def _compressed_bomb(file: h5py.File, secret: Path) -> None:
    file.create_dataset("embeddings", (2**19, 1024), "<f4", chunks=(4096, 1024), compression="gzip", compression_opts=9)
    for start in range(0, 2**19, 4096):
        file["embeddings"].id.write_direct_chunk((start, 0), _ZEROS)
    file["names"] = np.zeros(4, "S1")


_ZEROS = zlib.compress(bytes(4096 * 1024 * 4), 9)


def _wrong_types(file: h5py.File, secret: Path) -> None:
    file["names"], file["embeddings"] = np.arange(4), np.array([b"text"] * 4)
    file.create_group("model").attrs["settings"] = np.arange(3)
    file["preprocessing"] = 1.0


def _many_groups(file: h5py.File, secret: Path) -> None:
    group: h5py.Group = file
    for _ in range(500):
        group = group.create_group("g")


_DEEP = 100_000

KINDS: dict[str, Callable[[Path, Path, Path], None]] = {
    "nothing": _bytes(b""),
    "zero bytes": _bytes(bytes(4096)),
    "random bytes": _bytes(np.random.default_rng(0).bytes(4096)),
    "a page of HTML": _bytes(b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n"),
    "a pointer of Git LFS": _bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"),
    "a named pipe": _fifo,
    "an endless device": _link("/dev/zero"),
    "a link to itself": lambda path, secret, marker: path.symlink_to(path.name),
    "a link to nothing": _link("nowhere"),
    "a folder": _folder,
    "a pickle that runs": _pickle,
    "a NumPy pickle that runs": _numpy_pickle,
    "a PyTorch file that runs": _pytorch_pickle,
    "a zip bomb": lambda path, secret, marker: path.write_bytes(_zip_bomb()) and None,
    "a zip that climbs": _zip_that_climbs,
    "deep JSON": _bytes(b"[" * _DEEP + b"]" * _DEEP),
    "JSON of another kind": _bytes(json.dumps([{"step": "x", "epoch": None, "mAP": [1]}]).encode()),
    "JSON with nothing": _bytes(b"{}"),
    "JSON with NaN": _bytes(b'{"training": NaN, "step": Infinity}'),
    "JSON with a huge number": _bytes(b'{"step": ' + b"9" * 5000 + b"}"),
    "deep TOML": _bytes(b"training = " + b"[" * _DEEP + b"]" * _DEEP),
    "TOML of another kind": _bytes(b"training = 3\ndata = [1]\n"),
    "Latin-1": _bytes("path,identity\nJosé.jpg,1\n".encode("latin-1")),
    "UTF-16": _bytes("path,identity\r\na.jpg,1\r\n".encode("utf-16")),
    "UTF-16 without its mark": _bytes("/\r\n.\r\na.jpg\r\n".encode("utf-16-le")),
    "terminal escapes": _bytes(b'\x1b]0;owned\x07\x1b[2J{"training": {"\x1b[31mx": "\x1b[2J"}}\n'),
    "an unbalanced quote": _bytes(b'path,identity\n"a.jpg,1\n'),
    "an endless field": _bytes(b"path,identity\n" + b"a" * 2_000_000 + b",1\n"),
    "an endless header of safetensors": _bytes(_safetensors(b"{}", 2**62)),
    "safetensors beyond its end": _bytes(
        _safetensors(b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}')
    ),
    "an enormous PNG": lambda path, secret, marker: path.write_bytes(_png(20_000, 20_000)) and None,
    "a picture cut short": _bytes(_png(64, 64)[:60]),
    "HDF5: external storage": _h5(_external_storage),
    "HDF5: external links": _h5(_external_link),
    "HDF5: links in a circle": _h5(_soft_links_in_a_circle),
    "HDF5: a group in itself": _h5(_group_in_itself),
    "HDF5: virtual": _h5(_virtual),
    "HDF5: declared huge": _h5(_declared_huge),
    "HDF5: a bomb": _h5(_compressed_bomb),
    "HDF5: wrong types": _h5(_wrong_types),
    "HDF5: deep": _h5(_many_groups),
}
