"""The command answers before it loads a framework, prints no library's log, and completes names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snr_keras import models, networks
from snr_keras.cli import options

ANSWERS = [
    [],
    ["--help"],
    ["train", "--help"],
    ["bench", "layer", "--help"],
    ["recipes"],
    ["train", "--nonsense"],
    ["evaluate", "nowhere", "--target", "day"],
    ["evaluate", "pretrained", "--target", "nowhere"],
    ["train", "--source", "nowhere"],
    ["train", "--source", "day", "--set", "training.epochs=0"],
    ["search", "nowhere.h5", "query.jpg"],
    ["weights", "import", "nowhere.pth"],
    ["export", "nowhere", "out", "--format", "saved_model"],
]
HEAVY = {"keras", "tensorflow", "jax", "torch", "matplotlib", "scipy", "sklearn", "pandas", "absl"}

SCRIPT = """
import json, sys
sys.argv, commands, heavy = ["snr"], json.loads(sys.argv[1]), set(json.loads(sys.argv[2]))
from snr_keras.cli import main
found = []
for command in commands:
    sys.argv = ["snr", *command]
    try:
        main()
    except SystemExit:
        found.append(sorted(heavy & set(sys.modules)))
print("FOUND" + json.dumps(found))
"""


def test_what_needs_no_framework_loads_none(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    del environment["TF_CPP_MIN_LOG_LEVEL"]
    arguments = [sys.executable, "-c", SCRIPT, json.dumps(ANSWERS), json.dumps(sorted(HEAVY))]
    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert json.loads(done.stdout.partition("FOUND")[2]) == [[] for _ in ANSWERS], done.stderr
    assert "Traceback" not in done.stderr
    assert "absl" not in done.stderr


def test_names_that_help_shows_are_those_that_there_are() -> None:
    assert tuple(models.BACKBONES) == networks.BACKBONES
    assert tuple(models.PYTORCH_BACKBONES) == networks.PYTORCH_BACKBONES


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        (options.data_sets, "vip", ["viper"]),
        (options.data_sets, "day,ni", ["day,night"]),
        (options.data_sets, "my", ["my_people/", "my_list.csv"]),
        (options.comparisons, "market", ["market-to-duke"]),
        (options.recipes, "synth", ["synthetic"]),
        (options.runs, "pre", ["pretrained"]),
        (options.runs, "runs/d", ["runs/day"]),
        (options.runs, "nowhere/x", []),
    ],
)
def test_names_are_completed(tmp_path: Path, monkeypatch, words, incomplete: str, expected: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("my_people", "runs/day", ".hidden"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("my_list.csv", "my_notes.txt", "runs/day/config.json"):
        (tmp_path / file).touch()
    assert sorted(words(incomplete)) == sorted(expected)


def test_a_shell_completes_by_the_command(snr, monkeypatch) -> None:
    monkeypatch.setenv("_SNR_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "snr evaluate pretrained --target nig")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert "night" in snr().output.split()
