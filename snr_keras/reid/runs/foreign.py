"""Conversion of PyTorch files to runs, and of runs to PyTorch files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from snr_keras.models.pytorch.importing import Account, import_state_dict, state_dict_of
from snr_keras.models.pytorch.recognition import describe, network_of
from snr_keras.models.pytorch.state_dict import read_state_dict, write_state_dict
from snr_keras.reid.runs.checkpoints import load_model_file
from snr_keras.reid.runs.held_out import number_held_out
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.run_folder import load_run, package_versions, sha256_of, write_packed
from snr_keras.reid.settings.training import TrainingConfig


def import_run(
    file: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    backbone: str | None = None,
    stages: Sequence[int] | None = None,
    last_stride: int | None = None,
    image_size: tuple[int, int] | None = None,
    network: str | None = None,
    leave: Iterable[str] = (),
) -> tuple[TrainingConfig, Account]:
    """Make a packed run, for `load_run`, from a PyTorch file.

    Beside `config.json` and `weights.h5` it has `import.json`, the account of every name in the file.

    Args:
        file: File, as `read_state_dict` takes it.
        folder: Folder to write, which must be absent or empty.
        backbone: Name of the backbone; None derives it from the names and shapes in the file.
        stages: Stages whose modules to use; None means all that the file has.
        last_stride: Last stride, 1 or 2; None means as a file of this package states, else 1.
        image_size: (height, width) in pixels; None means as a file of this package states, else (256, 128).
        network: Network to use, if the file has several, as for `read_state_dict`.
        leave: Patterns of names to leave out, as for `read_state_dict`.

    Returns:
        The settings of the network, and the account.

    Raises:
        FileExistsError: If there is something in the folder.
        Others: As for `read_state_dict`, `network_of` and `import_state_dict`.
    """
    state_dict = read_state_dict(file, network=network, leave=leave)
    recognized = network_of(state_dict)
    config = TrainingConfig(
        backbone=backbone or recognized.backbone,
        normalization=recognized.normalization,
        stages=tuple(recognized.stages if stages is None else stages) or None,
        last_stride=last_stride or recognized.last_stride or 1,
        image_size=image_size or recognized.image_size or (256, 128),
        reduction=recognized.reduction,
        snr_bias=recognized.snr_bias,
        snr_gate=recognized.snr_gate,
    )
    model = new_model(config, recognized.identities)
    account = import_state_dict(model, state_dict)
    record: dict[str, Any] = {
        "training": config.explicit().to_json(),
        "source": {
            "name": Path(file).name,
            "identities": recognized.identities,
            "sha256_of_file": sha256_of(Path(file)),
        },
        "versions": package_versions(),
    }
    write_packed(Path(folder), model, record, {"import.json": json.dumps(account_to_json(account), indent=2) + "\n"})
    return config, account


def starting_account(config: TrainingConfig, identities: int) -> Account:
    """The account of the weights that training takes from a PyTorch file at its start.

    Args:
        config: Settings with `weights` from PyTorch.
        identities: Number of training identities.

    Raises:
        Others: As for `read_state_dict` and `import_state_dict`.
    """
    if config.weights is None:
        raise ValueError("Expected settings with weights to start from. Received: weights=None")
    model = new_model(replace(config, weights=None), identities - number_held_out(identities, config.held_out))
    return import_state_dict(model, read_state_dict(config.weights))


def account_to_json(account: Account) -> dict[str, Any]:
    """An account as JSON's own types."""
    return {
        "file": account.file,
        "prefix": account.prefix,
        "taken": [{"names": x.names, "weight": x.path, "adapted": x.adapted, "part": x.part} for x in account.taken],
        "left": dict(account.left),
        "as in a new network": dict(account.anew),
        "beside": list(account.others),
    }


def export_run(run: str | os.PathLike[str], file: str | os.PathLike[str]) -> int:
    """Write the weights of a run, or of a model in a `.keras` file, to a safetensors file with PyTorch's names.

    Args:
        run: Run, as `load_run` takes it, or the file of a `reid_model`.
        file: File to write; its name must end in `.safetensors`.

    Returns:
        The number of tensors.

    Raises:
        ValueError: If no PyTorch code has names for its normalization.
        Others: As for `load_run` and `write_state_dict`.
    """
    model = load_model_file(Path(run)) if Path(run).suffix == ".keras" else load_run(run)[1]
    tensors = state_dict_of(model)
    write_state_dict(file, tensors, describe(model))
    return len(tensors)
