"""Files of weights as PyTorch's world writes them, read without running anything that is in them."""

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
"""The key, in the metadata of a safetensors file, of what a state dict cannot say."""

_DIGEST = "sha256"
"""The key, in the metadata of a safetensors file, of the digest of all that is in it."""

_NOT_WEIGHTS = (
    (rb"<!doctype html|<html", "a web page (HTML), not the file that it offers: download the file itself"),
    (rb"<\?xml", "XML, as servers send it in place of a file: download the file itself"),
    (rb"version https://git-lfs", "a pointer of Git LFS that stands for the file: `git lfs pull` gets the file itself"),
    (rb"\x89hdf\r\n", "an HDF5 file, which is not PyTorch's: perhaps weights of Keras"),
    (rb"$", "an empty file"),
)
"""How files begin that are often saved under a name of weights, and what they are."""


@dataclass(frozen=True)
class StateDict:
    """Weights by their names, out of a file.

    Attributes:
        file: Where they are from.
        tensors: Each by its name; bfloat16 as float32, which holds it.
        beside: What else is in the checkpoint, and was not looked at.
        metadata: What a safetensors file says of itself.
        left: Names in the file that are not among `tensors`, each with the reason.
    """

    file: str
    tensors: Mapping[str, NDArray]
    beside: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)


def read_state_dict(
    path: str | os.PathLike[str], *, network: str | None = None, leave: Iterable[str] = ()
) -> StateDict:
    """Read the weights of a `.safetensors` file, or of a file that PyTorch wrote (`.pth`, `.pt`, `.pth.tar`, ...).

    Args:
        path: The file. Unless its name ends in `.safetensors`, PyTorch reads it, with weights only: what would run
            code when it is unpickled is refused.
        network: Of several networks in the file, the one to read: see `choose`.
        leave: Patterns (`"NL_*"`) of names in the file, with or without the network's prefix, to leave.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds more than tensors and plain values, no weights, or several networks.
        ImportError: If the package that reads it is not installed.
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
    """Write a safetensors file, replacing what was there only when it is whole.

    Raises:
        ValueError: If its name does not end in `.safetensors`.
        ImportError: If safetensors is not installed.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"The name of a safetensors file ends in .safetensors. Received: {str(path)!r}")
    _safetensors()
    from safetensors.numpy import save_file

    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    with new_file(path) as unfinished:
        save_file(contiguous, unfinished, metadata={**metadata, _DIGEST: _digest(contiguous, metadata)})
        _order_metadata(unfinished)


def _order_metadata(path: Path) -> None:
    """Put the metadata in the order of their keys, which safetensors draws: the same weights are the same bytes."""
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
        raise ValueError(f"Expected a safetensors file, whole. Received: {str(path)!r} ({error})") from error
    tensors = {name: _array(path, name, entry) for name, entry in entries}
    written = metadata.pop(_DIGEST, None)
    if written is not None and written != _digest(tensors, metadata):
        raise ValueError(
            f"Expected a safetensors file, whole. Received: {str(path)!r}, whose content is not that of its checksum"
        )
    if written is None and METADATA in metadata:
        warnings.warn(f"{path} has no checksum: it was written by an earlier version, or is damaged.", stacklevel=3)
    chosen = choose(str(path), {"": tensors}, network, leave)
    return StateDict(str(path), chosen.tensors, metadata=metadata, left=chosen.left)


def _digest(tensors: Mapping[str, NDArray], metadata: Mapping[str, str]) -> str:
    """SHA-256 of names, dtypes, shapes and numbers, and of the other metadata."""
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
            f"{name} in {str(path)!r} has the dtype {entry['dtype']}, of which no weights can be made: expected one of "
            f"BF16, {', '.join(_DTYPES)}. Save it in one of these."
        )
    return np.frombuffer(entry["data"], _DTYPES[entry["dtype"]]).reshape(entry["shape"])


def _read_pytorch(path: Path, network: str | None, leave: Iterable[str]) -> StateDict:
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f'{path.name} was written by PyTorch, which reads it: pip install "snr-reid[torch]". Without it a '
            ".safetensors file can be read."
        ) from error
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 6):
        raise ImportError(
            "PyTorch before 2.6 can be made to run what is in a file even with weights only (CVE-2025-32434): "
            f'pip install "snr-reid[torch]". Received: PyTorch {torch.__version__}'
        )
    try:
        if zipfile.is_zipfile(path):
            _check_archive(path)
        with open_regular(path) as file, torch.serialization.safe_globals(_numpy_scalars()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch's about what it reads
            content = torch.load(file, map_location="cpu", weights_only=True)
    except _NotWeightsError:
        raise
    except Exception as error:  # whatever garbage makes of an unpickler
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
    if declared > 2 * size:  # some are there under two names
        raise ValueError(f"Expected tensors that are in the file. Received: {str(path)!r}, {declared} of {size} bytes")
    tensors = {name: _numpy(torch, path, name, tensor) for name, tensor in chosen.tensors.items()}
    beside = tuple(str(key) for key in content if chosen.container and key != chosen.container)
    return StateDict(str(path), tensors, beside, left=chosen.left)


class _NotWeightsError(ValueError):
    """A file that is whole and something else."""


def _check_archive(path: Path) -> None:
    """Refuse what PyTorch would not find, or say in words of its own."""
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
    """What checkpoints with figures need (torchreid's `rank1`): numbers of NumPy, which run nothing."""
    scalar = np.float64(0).__reduce__()[0]
    modules = ("numpy.core.multiarray", "numpy._core.multiarray")  # before and since NumPy 2
    dtypes = [type(np.dtype(name)) for name in ("float64", "float32", "int64")]
    return [*((scalar, f"{module}.scalar") for module in modules), np.dtype, codecs.encode, *dtypes]


def _why_not(path: Path, error: Exception) -> str:
    """What is wrong with a file, without PyTorch's advice to run what is in it."""
    if unwanted := re.search(r"GLOBAL ([\w.]+)|got <class '([\w.]+)'>", str(error)):
        name = unwanted[1] or unwanted[2]
        return (
            f"{str(path)!r} holds more than weights: reading it would call {name}. It was not read, and nothing of it "
            "was run. If it is your own, save its weights alone where it was made: "
            "safetensors.torch.save_file(model.state_dict(), FILE)"
        )
    return (
        f"{str(path)!r} is no checkpoint of PyTorch, or damaged: expected what torch.save makes of a state dict. "
        f"Received: {type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else ''}"
    )


def _state_dicts(content: Any, tensor_type: type) -> dict[str, Mapping[str, Any]]:
    """The state dicts of a checkpoint by their keys; by an empty key, if the checkpoint is one itself."""

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
