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


def test_results_are_added_and_replace_those_of_the_same_machine(tmp_path: Path) -> None:
    path = tmp_path / "machines.json"
    other = {"machine": "another, 8 cores", "rows": [{"snr": 3.0}]}
    path.write_text(json.dumps([other]))
    for measured in ({"snr": 1.0}, {"snr": 2.0}):
        add_result(path, [measured])
        assert json.loads(path.read_text()) == [other, {"machine": machine(), "rows": [measured]}]


@pytest.mark.parametrize("content", ["{", "3", '[{"rows": []}]'])
def test_a_file_of_another_form_is_named_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "machines.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"list of results with their machines\. Received: '.*machines\.json'"):
        add_result(path, [])
    assert path.read_text() == content
