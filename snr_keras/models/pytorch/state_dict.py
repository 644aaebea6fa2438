"""Files of PyTorch weights, read without running anything in them."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snr_keras.files.archives import stored_archive
from snr_keras.files.atomic import new_file
from snr_keras.files.regular import check_file, open_regular, read_bytes
from snr_keras.models.pytorch.networks import CONTAINERS, choose, prefixes
from snr_keras.networks import WEIGHTS_FILE

METADATA = "snr"
"""The metadata key, in a safetensors file, of what a state dict cannot express."""

_DIGEST = "sha256"
"""The metadata key, in a safetensors file, of the digest of its content."""

_NOT_WEIGHTS = (
    (rb"<!doctype html|<html", "a web page (HTML), not the file: download the file itself"),
    (rb"<\?xml", "XML, which servers send in place of a file: download the file itself"),
    (rb"version https://git-lfs", "a Git LFS pointer to the file: `git lfs pull` gets the file itself"),
    (rb"\x89hdf\r\n", "an HDF5 file, not a PyTorch file: perhaps weights of Keras"),
    (rb"$", "an empty file"),
)
"""Beginnings of files that are often saved under the name of a weights file, and what they are."""


@dataclass(frozen=True)
class StateDict:
    """The weights in a file, by their names.

    Attributes:
        file: Path of the file.
        tensors: Tensors by their names; bfloat16 is converted to float32, which is exact.
        others: Other content of the checkpoint, which is ignored.
        metadata: Metadata of a safetensors file.
        left: Names in the file that are not among `tensors`, each with the reason.
    """

    file: str
    tensors: Mapping[str, NDArray]
    others: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)


def read_state_dict(
    path: str | os.PathLike[str], *, network: str | None = None, leave: Iterable[str] = ()
) -> StateDict:
    """Read the weights of a `.safetensors` file, or of a file that PyTorch wrote (`.pth`, `.pt`, `.pth.tar`, ...).

    Args:
        path: File to read. Unless its name ends in `.safetensors`, PyTorch reads it, weights only: content that would
            run code when unpickled is refused.
        network: Network to read, if the file has several: see `choose`.
        leave: Patterns (`"NL_*"`) of names in the file to leave out, with or without the network's prefix.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds more than tensors and plain values, no weights, or several networks.
        ImportError: If the package to read it is not installed.
    """
    path = Path(path)
    check_file(path, WEIGHTS_FILE)
    with open_regular(path) as file:
        beginning = file.read(256).lstrip().lower()
    for pattern, what in _NOT_WEIGHTS:
        if re.match(pattern, beginning):
            raise ValueError(f"Expected {WEIGHTS_FILE}. Received: {str(path)!r}, {what}")
    read = _read_safetensors if path.suffix == ".safetensors" else _read_pytorch
    return read(path, network, leave)


def write_state_dict(path: str | os.PathLike[str], tensors: Mapping[str, NDArray], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file; an existing one is replaced only when the new one is complete.

    Raises:
        ValueError: If the file's name does not end in `.safetensors`.
        ImportError: If safetensors is not installed.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"The name of a safetensors file must end in .safetensors. Received: {str(path)!r}")
    _safetensors()
    from safetensors.numpy import save_file

    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    with new_file(path) as unfinished:
        save_file(contiguous, unfinished, metadata={**metadata, _DIGEST: _digest(contiguous, metadata)})
        _order_metadata(unfinished)


def _order_metadata(path: Path) -> None:
    """Sort the metadata by key, since safetensors writes them in random order: equal weights then give equal bytes."""
    with open(path, "r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        file.seek(8)
        file.write(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length))


def _safetensors() -> Any:
    try:
        import safetensors
    except ImportError as error:
        raise ImportError('Safetensors files need the package safetensors: pip install "snr-reid[weights]"') from error
    return safetensors


_PLAIN = ("bfloat16", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "U8": "uint8"}


def _read_safetensors(path: Path, network: str | None, leave: Iterable[str]) -> StateDict:
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
        entries = safetensors.deserialize(read_bytes(path))
    except safetensors.SafetensorError as error:
        raise ValueError(f"Expected a complete safetensors file. Received: {str(path)!r} ({error})") from error
    tensors = {name: _array(path, name, entry) for name, entry in entries}
    written = metadata.pop(_DIGEST, None)
    if written is not None and written != _digest(tensors, metadata):
        raise ValueError(
            f"Expected a complete safetensors file. Received: {str(path)!r}, whose content does not match its checksum"
        )
    if written is None and METADATA in metadata:
        warnings.warn(f"{path} has no checksum: it was written by an earlier version, or is damaged.", stacklevel=3)
    chosen = choose(str(path), {"": tensors}, network, leave)
    return StateDict(str(path), chosen.tensors, metadata=metadata, left=chosen.left)


def _digest(tensors: Mapping[str, NDArray], metadata: Mapping[str, str]) -> str:
    """SHA-256 of names, dtypes, shapes, numbers and the other metadata."""
    digest = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype.str} {tensors[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(tensors[name]).tobytes())
    return digest.hexdigest()


def _array(path: Path, name: str, entry: Mapping[str, Any]) -> NDArray:
    if entry["dtype"] == "BF16":  # the upper half of a float32
        wide = np.frombuffer(entry["data"], "<u2").astype("<u4") << 16
        return wide.view("<f4").reshape(entry["shape"])
    if entry["dtype"] not in _DTYPES:
        raise ValueError(
            f"{name} in {str(path)!r} has the dtype {entry['dtype']}, which is not one of weights: expected one of "
            f"BF16, {', '.join(_DTYPES)}. Save it in one of these."
        )
    return np.frombuffer(entry["data"], _DTYPES[entry["dtype"]]).reshape(entry["shape"])


def _read_pytorch(path: Path, network: str | None, leave: Iterable[str]) -> StateDict:
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f'{path.name} was written by PyTorch, which must read it: pip install "snr-reid[torch]". Without '
            "PyTorch, a .safetensors file can be read."
        ) from error
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 6):
        raise ImportError(
            "PyTorch before 2.6 can be made to run code in a file even with weights only (CVE-2025-32434): "
            f'pip install "snr-reid[torch]". Received: PyTorch {torch.__version__}'
        )
    try:
        if zipfile.is_zipfile(path):
            _check_archive(path)
        with open_regular(path) as file, torch.serialization.safe_globals(_numpy_scalars()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's, about the content
            content = torch.load(file, map_location="cpu", weights_only=True)
    except _NotWeightsError:
        raise
    except Exception as error:  # an unpickler may raise anything on garbage
        raise ValueError(_why_not(path, error)) from error
    containers = _state_dicts(content, torch.Tensor)
    if not containers:
        held = f"a dict with {sorted(map(str, content))[:10]}" if isinstance(content, Mapping) else f"a {type(content)}"
        raise ValueError(
            f"Expected a state dict, or a checkpoint with one under {', '.join(CONTAINERS)} or another key, in "
            f"{str(path)!r}. Received: {held}"
        )
    chosen = choose(str(path), containers, network, leave)
    declared, size = sum(x.numel() * x.element_size() for x in chosen.tensors.values()), path.stat().st_size
    if declared > 2 * size:  # some have two names
        raise ValueError(
            f"Expected tensors whose numbers are in the file. Received: {str(path)!r}, {declared} of {size} bytes"
        )
    tensors = {name: _numpy(torch, path, name, tensor) for name, tensor in chosen.tensors.items()}
    others = tuple(str(key) for key in content if chosen.container and key != chosen.container)
    return StateDict(str(path), tensors, others, left=chosen.left)


class _NotWeightsError(ValueError):
    """A complete file of another kind."""


def _check_archive(path: Path) -> None:
    """Refuse archives that PyTorch would accept, or would refuse with a less clear error."""
    with zipfile.ZipFile(path) as archive:
        is_program = any(name.endswith("/constants.pkl") for name in archive.namelist())
    if is_program:
        raise _NotWeightsError(
            f"Expected a file of weights, .safetensors or .pth. Received: {str(path)!r}, a TorchScript program. It was "
            "not run. If it is your own, save its weights alone where it was made: "
            "safetensors.torch.save_file(model.state_dict(), FILE)"
        )
    with stored_archive(path):
        pass


def _numpy_scalars() -> list[Any]:
    """The NumPy scalars that checkpoints with scores need (torchreid's `rank1`); they run nothing."""
    scalar = np.float64(0).__reduce__()[0]
    modules = ("numpy.core.multiarray", "numpy._core.multiarray")  # before and since NumPy 2
    dtypes = [type(np.dtype(name)) for name in ("float64", "float32", "int64")]
    return [*((scalar, f"{module}.scalar") for module in modules), np.dtype, codecs.encode, *dtypes]


def _why_not(path: Path, error: Exception) -> str:
    """The fault of a file, without PyTorch's advice to run its content."""
    if unwanted := re.search(r"GLOBAL ([\w.]+)|got <class '([\w.]+)'>", str(error)):
        name = unwanted[1] or unwanted[2]
        return (
            f"{str(path)!r} holds more than weights: reading it would call {name}. It was not read, and nothing of it "
            "was run. If it is your own, save its weights alone where it was made: "
            "safetensors.torch.save_file(model.state_dict(), FILE)"
        )
    return (
        f"{str(path)!r} is not a PyTorch checkpoint, or is damaged: expected a state dict written by torch.save. "
        f"Received: {type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else ''}"
    )


def _state_dicts(content: Any, tensor_type: type) -> dict[str, Mapping[str, Any]]:
    """The state dicts of a checkpoint by their keys; the key is empty if the checkpoint is a state dict itself."""

    def tensors_in(value: Any) -> dict[str, Any]:
        items = value.items() if isinstance(value, Mapping) else ()
        return {name: x for name, x in items if isinstance(name, str) and isinstance(x, tensor_type)}

    top = tensors_in(content)
    if top and (len(top) == len(content) or prefixes(top)):
        return {"": top}
    found = {str(key): tensors_in(value) for key, value in content.items()} if isinstance(content, Mapping) else {}
    return {key: tensors for key, tensors in found.items() if tensors and len(tensors) == len(content[key])}


def _numpy(torch: Any, path: Path, name: str, tensor: Any) -> NDArray:
    is_dense = (
        tensor.layout == torch.strided
        and not tensor.is_quantized
        and not tensor.is_nested
        and tensor.device.type == "cpu"
    )
    kind = f"{tensor.layout}, {tensor.dtype}, on {tensor.device}".replace("torch.", "")
    if not is_dense or tensor.dtype not in {getattr(torch, dtype) for dtype in _PLAIN}:
        raise ValueError(
            f"{name!r} in {str(path)!r} must be a dense tensor of one of {', '.join(_PLAIN)}. Received: {kind}. "
            "Save it so where it was made: x.to_dense(), x.dequantize()"
        )
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError(
            f"{name!r} in {str(path)!r} must have all its numbers in the file. Received: shape {tuple(tensor.shape)} "
            f"and {tensor.untyped_storage().nbytes()} bytes"
        )
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().contiguous().numpy()
