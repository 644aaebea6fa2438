"""`snr weights`, and what a file of PyTorch is good for: on files as users have them."""

import json
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from snr_keras.models import reid_model
from snr_keras.models.pytorch.importing import state_dict_of
from snr_keras.models.pytorch.state_dict import read_state_dict, write_state_dict
from snr_keras.reid.runs import load_run


@pytest.fixture(scope="module")
def public(tmp_path_factory) -> Path:
    """What the public classification code with SNR saves: four modules, of which it uses three, and its classifiers."""
    model = reid_model(1, backbone="torchvision_resnet18", normalization="snr", image_size=(32, 16), snr_bias=True)
    tensors = {name: x for name, x in state_dict_of(model).items() if not name.startswith(("bottleneck", "classifier"))}
    for number, width in (("", 512), (1, 64), (2, 128), (3, 256)):
        tensors |= {f"fc{number}.weight": np.ones((7, width)), f"fc{number}.bias": np.zeros(7)}
    tensors["bn1.num_batches_tracked"] = np.array(60)
    file = tmp_path_factory.mktemp("a folder with spaces") / "public [snr].safetensors"
    write_state_dict(file, {f"module.{name}": np.asarray(x) for name, x in tensors.items()}, {})
    return file


def test_a_file_becomes_a_run_that_embeds_and_goes_back(snr, public: Path, world: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    outcome = snr("weights", "import", public, "--out", run, "--stages", "1,2,3", "--image-size", "32x16")
    assert outcome.status == 0, outcome.output
    for line in (
        "SNR 3 6 2 transposed",
        "Prefix removed from the names: module.",
        "Left, counter: 1 num_batches_tracked",
        "Left, the network has no module there: module.IN4.bias, module.IN4.weight, module.style_reid_laye4.fc1.bias",
        "Left, another head; here the head is pooling, BNNeck, classifier: module.fc.bias, module.fc.weight",
        "As in a new network: BNNeck, classifier",
        "Network: torchvision_resnet18, snr at stages 1,2,3; last stride 1, images of 32x16.",
    ):
        assert line in " ".join(outcome.output.split()), line
    told = json.loads((run / "import.json").read_text())
    names = {name for weight in told["taken"] for name in weight["names"]} | told["left"].keys()
    assert names == read_state_dict(public).tensors.keys()

    outcome = snr("extract", world / "day" / "query", "--model", run, "--out", tmp_path / "day.h5")
    assert outcome.status == 0, outcome.output
    assert "embeddings of length 512" in outcome.output

    back = tmp_path / "back.safetensors"
    assert snr("weights", "export", run, back).status == 0
    outcome = snr("weights", "import", back, "--out", tmp_path / "again")
    assert outcome.status == 0, outcome.output
    assert "images of 32x16" in outcome.output  # the file says so
    assert (tmp_path / "again" / "weights.h5").read_bytes() == (run / "weights.h5").read_bytes()


def test_a_run_is_written_for_pytorch_and_so_is_a_model_in_a_file(snr, tmp_path: Path) -> None:
    file = tmp_path / "out.safetensors"
    outcome = snr("weights", "export", "pretrained", file)
    assert outcome.status == 0, outcome.output
    _, model = load_run("pretrained")
    found = read_state_dict(file).tensors
    np.testing.assert_array_equal(found["IN2.weight"], model.get_layer("stage2_snr").gamma)
    assert f"{len(found)} tensors" in outcome.output
    model.save(tmp_path / "model.keras")
    assert snr("weights", "export", tmp_path / "model.keras", tmp_path / "too.safetensors").status == 0
    again = read_state_dict(tmp_path / "too.safetensors")  # safetensors puts nothing in an order
    assert again.metadata == read_state_dict(file).metadata
    assert {name: x.tobytes() for name, x in again.tensors.items()} == {name: x.tobytes() for name, x in found.items()}


@pytest.mark.usefixtures("no_learning")
def test_training_starts_from_a_file_and_says_what_it_took(snr, public: Path, world: Path, tmp_path: Path) -> None:
    options = {"source": world / "day", "out": tmp_path / "run", "image-size": "32x16", "epochs": 1}
    options |= {"identities-per-batch": 4, "images-per-identity": 2, "normalization": "none", "weights": public}
    options |= {"backbone": "torchvision_resnet18"}
    outcome = snr("train", *(word for name, value in options.items() for word in (f"--{name}", value)))
    assert outcome.status == 0, outcome.output
    assert "Left, the network has no module there: module.IN1.bias" in outcome.output
    kernel = load_run(tmp_path / "run")[1].get_layer("stage4_block2_2_conv").kernel
    expected = read_state_dict(public).tensors["module.layer4.1.conv2.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel, expected)


def test_mistakes_are_told_and_nothing_is_written(snr, public: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(public.read_bytes()[:-1000])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("precious")
    for arguments, message in (
        (("import", damaged), "Expected a complete safetensors file"),
        (("import", tmp_path / "nowhere.pth"), "Expected a file of weights"),
        (("import", public, "--out", tmp_path / "full"), "a folder of its own, new or empty"),
        (("import", public, "--backbone", "torchvision_resnet34"), "layer1.2.bn1.bias (64,) is missing"),
        (("import", public, "--stages", "1;2"), "Stages must be numbers separated by commas, such as 1,2,3"),
        (("import", public, "--last-stride", "3"), "`last_stride` must be 1 or 2"),
        (("export", "pretrained", tmp_path / "out.pth"), "must end in .safetensors"),
    ):
        outcome = snr("weights", *arguments)
        assert outcome.status == 1
        assert message in outcome.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.safetensors", "full"]
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]


def test_weights_of_keras_that_cannot_be_fetched_are_said_where_to_put(snr, world: Path, tmp_path, monkeypatch) -> None:
    """The download itself fails: of what is asked for, a closed port is the proxy."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(urllib.request, "_opener", None)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "nothing cached"))
    options = ("--backbone", "resnet50", "--weights", "imagenet", "--image-size", "64x32", "--out", tmp_path / "run")
    outcome = snr("train", "--source", world / "day", *options, "--identities-per-batch", "4")
    assert outcome.status == 1
    assert "The ImageNet weights could not be downloaded" in outcome.output
    assert (
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5 on another machine and put the file at" in outcome.output
    )
