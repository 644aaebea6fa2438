"""`snr export` where no runtime is needed: SavedModel, and what is refused."""

import json
from pathlib import Path

import pytest

from snr_keras.reid.deployment import exporting
from snr_keras.reid.settings import formats
from tests.snr_keras.reid.search.conftest import untrained_run


@pytest.fixture
def run(small_networks, tmp_path_factory) -> Path:
    """The run folder of a small network."""
    return untrained_run(tmp_path_factory.mktemp("runs") / "run")


def test_a_run_becomes_a_saved_model_that_says_what_it_takes(snr, tmp_path: Path) -> None:
    out = tmp_path / "a folder" / "people of mine"
    outcome = snr("export", "pretrained", out, "--format", "saved_model")
    assert outcome.status == 0, outcome.output
    assert "RGB images of 64x32 to embeddings of length 128" in outcome.output
    assert "the largest difference is" in outcome.output
    assert json.loads((out / "assets.extra" / "snr_reid.json").read_text())["input"]["name"] == "images"
    assert [path.name for path in out.parent.iterdir()] == [out.name]

    before = sorted(path.stat().st_mtime_ns for path in out.rglob("*"))
    outcome = snr("export", "pretrained", out, "--format", "saved_model")
    assert outcome.status == 1
    assert f"An export does not replace files: choose another name. Received: '{out}'" in outcome.output
    assert sorted(path.stat().st_mtime_ns for path in out.rglob("*")) == before


def test_what_there_is_not_is_refused_with_what_there_is(snr, tmp_path: Path) -> None:
    for options, message in (
        (("--format", "coreml"), "`format` must be one of saved_model, onnx, openvino, litert. Received"),
        (("--format", "openvino", "--precision", "int8"), "openvino has float32, float16; litert has float32, float16"),
        (("--format", "onnx", "--precision", "float8"), "Received: onnx, 'float8'"),
        (("--format", "onnx", "--precision", "full_int8"), "full_int8 is not fit for use: one range for a feature map"),
        (("--format", "litert", "--precision", "full_int8"), "Received: litert, 'full_int8'"),
        (("--format", "litert"), "The name of a file for LiteRT must end in .tflite. Received"),
    ):
        outcome = snr("export", "pretrained", tmp_path / "out", *options)
        assert outcome.status == 1, outcome.output
        assert message in outcome.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a[b]", "[!b]", "a\\b"])
def test_where_tensorflow_would_not_find_it_nothing_is_written(snr, tmp_path: Path, name: str) -> None:
    outcome = snr("export", "pretrained", tmp_path / name / "people", "--format", "saved_model")
    assert outcome.status == 1
    assert "TensorFlow cannot open a SavedModel in a folder with [...] or a backslash in its name" in outcome.output
    assert not list(tmp_path.iterdir())


def test_names_that_only_look_like_patterns_are_taken(snr, run: Path, tmp_path: Path) -> None:
    outcome = snr("export", run, tmp_path / "a*]b[?" / "people", "--format", "saved_model")
    assert outcome.status == 0, outcome.output


def test_a_file_that_belongs_to_an_export_is_not_replaced_either(snr, tmp_path: Path) -> None:
    (tmp_path / "people.bin").write_text("mine")
    outcome = snr("export", "pretrained", tmp_path / "people.xml", "--format", "openvino")
    assert outcome.status == 1
    assert "people.bin" in outcome.output
    assert [path.name for path in tmp_path.iterdir()] == ["people.bin"]


def test_a_missing_package_names_the_extra(snr, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    outcome = snr("export", "pretrained", tmp_path / "people.onnx", "--format", "onnx")
    assert outcome.status == 1
    assert '(onnx, tf2onnx, onnxruntime): pip install "snr-reid[onnx]"' in outcome.output


def test_an_export_that_is_another_function_is_not_kept(snr, run: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(exporting, "largest_difference", lambda run, pictures, expected: float("nan"))
    outcome = snr("export", run, tmp_path / "people", "--format", "saved_model")
    assert outcome.status == 1
    assert "export differ from the model's, and it was not kept" in outcome.output
    assert not list(tmp_path.iterdir())


def test_what_is_no_run_is_refused(snr, tmp_path: Path) -> None:
    outcome = snr("export", "nowhere", tmp_path / "people", "--format", "saved_model")
    assert outcome.status == 1
    assert "Expected a run folder" in outcome.output
    assert not list(tmp_path.iterdir())
