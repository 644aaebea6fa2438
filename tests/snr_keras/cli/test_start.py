"""The command answers before it loads a framework, prints no library's log, and completes names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snr_keras import models, networks
from snr_keras.cli import app, options

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
    ["train", "--source", "empty"],
    ["evaluate", "pretrained", "--target", "empty"],
    ["adapt", "pretrained", "--source", "day", "--target", "empty"],
    ["data", "info", "empty"],
    ["train", "--source", "day", "--set", "training.epochs=0"],
    ["search", "nowhere.h5", "query.jpg"],
    ["weights", "import", "nowhere.pth"],
    ["export", "nowhere", "out", "--format", "saved_model"],
]
HEAVY = {"numpy", "h5py", "keras", "tensorflow", "jax", "torch", "matplotlib", "scipy", "sklearn", "pandas", "absl"}

SCRIPT = """
import json, sys
sys.argv, commands, unwanted = ["snr"], json.loads(sys.argv[1]), set(json.loads(sys.argv[2]))
from snr_keras.cli import main
found = []
for command in commands:
    sys.argv = ["snr", *command]
    try:
        main()
    except SystemExit:
        found.append(sorted(unwanted & set(sys.modules)))
print("FOUND" + json.dumps(found))
"""


def loaded(folder: Path, commands: list[list[str]], unwanted: set[str]) -> list[list[str]]:
    """The unwanted modules that are there after each of some commands, one after the other in a new process."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    arguments = [sys.executable, "-c", SCRIPT, json.dumps(commands), json.dumps(sorted(unwanted))]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "absl" not in done.stderr
    return json.loads(done.stdout.partition("FOUND")[2])


def test_what_needs_no_framework_loads_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert loaded(tmp_path, ANSWERS, HEAVY) == [[] for _ in ANSWERS]


def test_a_command_is_imported_when_it_is_called(tmp_path: Path) -> None:
    modules = {f"snr_keras.cli.{name}" for name in app.COMMANDS}
    commands = [["--help"], ["export"], ["search", "--help"]]
    expected = [[], ["snr_keras.cli.export"], ["snr_keras.cli.export", "snr_keras.cli.search"]]
    assert loaded(tmp_path, commands, modules) == expected


def test_the_overview_has_a_line_for_each_command(snr, monkeypatch) -> None:
    lines = snr("--help").output.splitlines()
    for name, line in app.COMMANDS.items():
        assert any(f" {name} " in shown and f" {line} " in shown for shown in lines)
        assert len(line) <= 64  # with the names and a frame, 80 columns
        assert app.load(name).name == name


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


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("snr ev", ["evaluate"]),
        ("snr data in", ["info"]),
        ("snr evaluate --tar", ["--target"]),
        ("snr evaluate pretrained --target nig", ["night"]),
    ],
)
def test_a_shell_completes_by_the_command(snr, monkeypatch, words: str, completed: list[str]) -> None:
    monkeypatch.setenv("_SNR_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    assert snr().output.split() == completed
