"""A machine has a name of its own, and a file of results has each machine once."""

import json
import re
from pathlib import Path

import keras
import pytest

from snr_keras.reid.experiments.benchmarks.machine import add_result, machine


def test_a_machine_is_its_processor_its_cores_and_the_versions() -> None:
    backend = keras.backend.backend()
    assert re.fullmatch(rf".+, \d+ cores, keras {keras.__version__}, {backend} [\w.+]+, numpy [\w.]+", machine())


def row(snr: float, *, jit_compile: bool = False, channels: int = 8) -> dict[str, object]:
    return {"shape": [2, 3, channels], "dtype": "float32", "jit_compile": jit_compile, "snr": snr}


def test_results_are_added_and_replace_the_same_ones_of_the_same_machine(tmp_path: Path) -> None:
    path = tmp_path / "machines.json"
    other = {"machine": "another, 8 cores", "rows": [row(3)]}
    path.write_text(json.dumps([other]))
    add_result(path, [row(1), row(2, channels=16)])
    add_result(path, [row(4, jit_compile=True)])
    add_result(path, [row(5) | {"shape": (2, 3, 8)}])
    rows = [row(2, channels=16), row(4, jit_compile=True), row(5)]
    assert json.loads(path.read_text()) == [other, {"machine": machine(), "rows": rows}]


@pytest.mark.parametrize("content", ["{", "3", '[{"rows": []}]', '[{"machine": "mine"}]'])
def test_a_file_of_another_form_is_named_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "machines.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"list of results with their machines\. Received: '.*machines\.json'"):
        add_result(path, [])
    assert path.read_text() == content
