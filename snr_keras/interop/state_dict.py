"""Files of weights as PyTorch's world writes them, read without running anything that is in them."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snr_keras.files.atomic import new_file

#: Under which names a checkpoint keeps the weights, beside an optimizer, an epoch and so on.
CONTAINERS = ("state_dict", "model", "model_state_dict")


@dataclass(frozen=True)
class StateDict:
    """Weights by their names, out of a file.

    Attributes:
        file: Where they are from.
        tensors: Each by its name; bfloat16 as float32, which holds it.
        beside: What else is in the checkpoint, and was not looked at.
        metadata: What a safetensors file says of itself.
    """

    file: str
    tensors: Mapping[str, NDArray]
    beside: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_state_dict(path: str | os.PathLike[str]) -> StateDict:
    """Read the weights of a `.safetensors` file, or of a file that PyTorch wrote (`.pth`, `.pt`, `.pth.tar`, ...).

    Args:
        path: The file. Unless its name ends in `.safetensors`, PyTorch reads it, with weights only: what would run
            code when it is unpickled is refused.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds more than tensors and plain values, or no weights.
        ImportError: If the package that reads it is not installed.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "which does not exist"
        raise FileNotFoundError(f"Expected a file of weights, .safetensors or .pth. Received: {str(path)!r}, {found}")
    return _read_safetensors(path) if path.suffix == ".safetensors" else _read_pytorch(path)


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
        save_file(contiguous, unfinished, metadata=dict(metadata))


def _safetensors() -> Any:
    try:
        import safetensors
    except ImportError as error:
        raise ImportError('Safetensors files need the package safetensors: pip install "snr-reid[weights]"') from error
    return safetensors


_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "U8": "uint8"}


def _read_safetensors(path: Path) -> StateDict:
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        entries = safetensors.deserialize(path.read_bytes())
    except safetensors.SafetensorError as error:
        raise ValueError(f"Expected a safetensors file, whole. Received: {str(path)!r} ({error})") from error
    tensors = {name: _array(path, name, entry) for name, entry in entries}
    return StateDict(str(path), tensors, metadata=metadata)


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


def _read_pytorch(path: Path) -> StateDict:
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
        with torch.serialization.safe_globals(_numpy_scalars()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever garbage makes of an unpickler
        raise ValueError(_why_not(path, error)) from error
    weights, beside = _weights(path, content, torch.Tensor)
    return StateDict(str(path), {name: _numpy(torch, tensor) for name, tensor in weights.items()}, beside)


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


def _weights(path: Path, content: Any, tensor_type: type) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The state dict of a checkpoint and the names of what else is in it."""

    def is_state_dict(value: Any) -> bool:
        return isinstance(value, Mapping) and bool(value) and all(isinstance(x, tensor_type) for x in value.values())

    if is_state_dict(content):
        return content, ()
    if isinstance(content, Mapping):
        for name in CONTAINERS:
            if is_state_dict(content.get(name)):
                return content[name], tuple(str(key) for key in content if key != name)
    found = f"a dict with {sorted(map(str, content))[:10]}" if isinstance(content, Mapping) else f"a {type(content)}"
    raise ValueError(
        f"Expected a state dict, or a checkpoint with one under {', '.join(CONTAINERS)}, in {str(path)!r}. "
        f"Received: {found}"
    )


def _numpy(torch: Any, tensor: Any) -> NDArray:
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().contiguous().numpy()
