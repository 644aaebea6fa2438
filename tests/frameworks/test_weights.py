"""Weights out of PyTorch's own files, held to PyTorch: what it computes, what it wrote, and what it must not run.

The exact result is PyTorch's in float64. Keras in float32 must be as near to it as PyTorch in float32 is, but for a
factor that two orders of summation can make.
"""

from __future__ import annotations

import os
import pickle
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed here: tox -e models")

import torch
from safetensors.torch import load_file, save_file

from snr_keras.models import reid_model
from snr_keras.models.pytorch.importing import import_state_dict, state_dict_of
from snr_keras.models.pytorch.recognition import describe
from snr_keras.models.pytorch.state_dict import read_state_dict, write_state_dict
from tests.frameworks.agreement import IMAGES, NETWORKS, errors, imported, outputs_of, rms
from tests.frameworks.pytorch_networks import ResNet, trained

#: Root mean square errors of sums in another order differ by less.
FACTOR = 4


@pytest.mark.parametrize("name", NETWORKS)
def test_an_imported_network_computes_what_pytorch_computes(name: str, tmp_path: Path) -> None:
    network, config, account = imported(name, tmp_path)
    _, options = NETWORKS[name]
    assert config.stages == options.get("snr", (1, 2, 3) if options.get("ibn") else None)
    assert {reason for reason in account.left.values() if reason != "counter"} == (
        set() if "identities" in options else {"another head; here the head is pooling, BNNeck, classifier"}
    )
    for key, (mine, theirs) in errors(network, tmp_path / "run").items():
        assert 0 < theirs < 1e-4
        assert mine < FACTOR * theirs, key


def test_pytorch_takes_what_is_exported_all_of_it_and_computes_the_same(tmp_path: Path) -> None:
    options = {"snr": (1, 2, 3, 4), "last_stride": 1, "identities": 5}
    model = reid_model(5, backbone="torchvision_resnet18", snr_bias=True, image_size=IMAGES.shape[1:3])
    source = trained(ResNet(18, **options), seed=1)
    save_file(source.state_dict(), tmp_path / "source.safetensors")
    import_state_dict(model, read_state_dict(tmp_path / "source.safetensors"))
    write_state_dict(tmp_path / "back.safetensors", state_dict_of(model), describe(model))
    network = ResNet(18, **options).eval()
    network.load_state_dict(load_file(tmp_path / "back.safetensors"), strict=True)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name]), name
    embedding = keras.ops.convert_to_numpy(model(IMAGES)["embedding"])
    expected = outputs_of(network, torch.float64)[1]
    assert rms(embedding - expected) < 1e-5 * rms(expected)


def checkpoint_of(network: ResNet) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("fc.")}


LAYOUTS: Mapping[str, Any] = {
    "a state dict": lambda weights: weights,
    "torchreid's checkpoint": lambda weights: {
        "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()},
        "epoch": 60,
        "rank1": np.float64(0.9),
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 3e-4, "params": [0]}]},
    },
    "fast-reid's checkpoint": lambda weights: {
        "model": {f"backbone.{name}": tensor for name, tensor in weights.items()}
        | {"heads.weight": torch.ones(9, 512), "pixel_mean": 255 * torch.tensor([0.485, 0.456, 0.406])},
        "iteration": 100,
    },
    "half precision": lambda weights: {
        name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in weights.items()
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_checkpoints_are_found_in_whatever_they_are_wrapped_in(layout: str, tmp_path: Path) -> None:
    weights = checkpoint_of(trained(ResNet(18)))
    wrapped = LAYOUTS[layout](weights)
    torch.save(wrapped, tmp_path / "model.pth.tar-60")
    model = reid_model(3, backbone="torchvision_resnet18", normalization="none", image_size=(32, 32))
    account = import_state_dict(model, read_state_dict(tmp_path / "model.pth.tar-60"))
    assert len(account.taken) == 100
    kernel = model.get_layer("stage4_block2_2_conv").kernel
    expected = weights["layer4.1.conv2.weight"]
    expected = expected.bfloat16().float() if layout == "half precision" else expected
    np.testing.assert_array_equal(kernel, expected.numpy().transpose(2, 3, 1, 0))
    if "torchreid" in layout:
        assert account.prefix == "module."
        assert account.others == ("epoch", "rank1", "optimizer")
    if "fast-reid" in layout:
        assert account.prefix == "backbone."
        assert {"heads.weight", "pixel_mean"} <= account.left.keys()


class Malicious:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {shlex.quote(str(self.witness))}",)


@pytest.mark.parametrize("way", ["torch.save", "torch.save, old", "pickle"])
def test_what_a_malicious_file_would_run_is_not_run(way: str, tmp_path: Path) -> None:
    file, witness = tmp_path / "weights.pth", tmp_path / "it ran"
    content = {"state_dict": {"conv1.weight": torch.ones(64, 3, 7, 7)}, "epoch": Malicious(witness)}
    if way == "pickle":
        file.write_bytes(pickle.dumps(Malicious(witness), protocol=2))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=way == "torch.save")
    with pytest.raises(ValueError, match=r"weights\.pth' (holds more than weights: .* nothing of it|is not a PyTorch)"):
        read_state_dict(file)
    assert not witness.exists()
    if way != "pickle":
        torch.load(file, weights_only=False)  # the file does what it is said to do
        assert witness.exists()


def test_a_pytorch_that_is_not_safe_is_not_used(tmp_path: Path, monkeypatch) -> None:
    torch.save({"conv1.weight": torch.ones(2)}, tmp_path / "x.pth")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(ImportError, match=r"before 2\.6(.|\n)*Received: PyTorch 2\.5\.1"):
        read_state_dict(tmp_path / "x.pth")


def test_files_that_are_no_checkpoints_are_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save(trained(ResNet(18)).state_dict(), file)
    whole = file.read_bytes()
    for content in (whole[:-100], whole[:50], b"not a checkpoint\n" * 20, bytes(range(256))):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="is not a PyTorch checkpoint, or is damaged"):
            read_state_dict(file)
    torch.save(torch.nn.Linear(2, 2), file)  # a module and not its weights
    with pytest.raises(ValueError, match=r"would call torch\.nn\.modules\.linear\.Linear"):
        read_state_dict(file)
    torch.save({"weights": torch.ones(2), "epoch": 3}, file)
    with pytest.raises(ValueError, match=r"under state_dict, model, model_state_dict.*\['epoch', 'weights'\]"):
        read_state_dict(file)


def test_a_flipped_bit_of_a_tensor_and_a_compressed_archive_are_refused(tmp_path: Path) -> None:
    file, packed = tmp_path / "x.pth", tmp_path / "packed.pth"
    torch.save({"conv1.weight": torch.arange(64.0)}, file)
    content = bytearray(file.read_bytes())
    content[content.index(np.arange(64, dtype=np.float32).tobytes()) + 40] ^= 16
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.pth' is not a PyTorch checkpoint.*does not have the checksum"):
        read_state_dict(file)
    with pytest.raises(ValueError, match=r"packed\.pth' is not a PyTorch checkpoint.*is compressed"):
        read_state_dict(packed)


def test_a_torchscript_program_is_named_without_advice_to_run_it(tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(file))
    with pytest.raises(ValueError, match=r"x\.pt', a TorchScript program\. It was not run") as refused:
        read_state_dict(file)
    assert "weights_only" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:.*torch")
def test_tensors_of_other_kinds_are_named_with_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    for tensor, kind in (
        (torch.eye(3).to_sparse(), "sparse_coo, float32"),
        (torch.ones(3, device="meta"), "float32, on meta"),
        (torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "qint8"),
        (torch.ones(3, dtype=torch.complex64), "complex64"),
        (torch.ones(3).to(torch.float8_e4m3fn), "float8_e4m3fn"),
    ):
        torch.save({"conv1.weight": torch.ones(3), "bn1.weight": tensor}, file)
        with pytest.raises(ValueError, match=rf"'bn1\.weight' in .*x\.pth' must be a dense tensor.*Received: .*{kind}"):
            read_state_dict(file)
    torch.save({"conv1.weight": torch.ones(1).expand(10**6, 10**6)}, file)
    with pytest.raises(ValueError, match=r"Expected tensors whose numbers are in the file.*4000000000000 of \d+ bytes"):
        read_state_dict(file)
    for content in ({0: torch.ones(3)}, [torch.ones(3)], torch.ones(3), {"model": {("a",): torch.ones(3)}}, None):
        torch.save(content, file)
        with pytest.raises(ValueError, match=r"Expected a state dict, or a checkpoint .*x\.pth'\. Received: a"):
            read_state_dict(file)


def test_of_a_checkpoint_of_moco_one_network_is_imported(tmp_path: Path) -> None:
    weights = checkpoint_of(trained(ResNet(18)))
    both = {f"module.encoder_{which}.{name}": tensor for which in "qk" for name, tensor in weights.items()}
    torch.save({"epoch": 3, "state_dict": both | {"module.queue": torch.ones(128, 9)}}, tmp_path / "moco.pth")
    with pytest.raises(ValueError, match=r"Received: state_dict\.module\.encoder_q \(\d+ tensors, 11\.\d million"):
        read_state_dict(tmp_path / "moco.pth")
    model = reid_model(3, backbone="torchvision_resnet18", normalization="none", image_size=(32, 32))
    account = import_state_dict(model, read_state_dict(tmp_path / "moco.pth", network="encoder_q"))
    assert (len(account.taken), account.prefix) == (100, "module.encoder_q.")
    assert account.left["module.queue"] == "the queue of contrastive training"
    assert account.left["module.encoder_k.conv1.weight"] == "part of another network, state_dict.module.encoder_k"
