"""The command line explains itself, and says what to install."""

import re
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest

import snr_ref
from snr_keras.cli import NEEDS
from snr_keras.cli.versions import versions


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("demo",),
        ("train",),
        ("adapt",),
        ("evaluate",),
        ("visualize",),
        ("extract",),
        ("search",),
        ("pack",),
        ("weights",),
        ("weights", "import"),
        ("weights", "export"),
        ("summary",),
        ("recipes",),
        ("ablate",),
        ("data",),
        ("data", "synthesize"),
        ("data", "info"),
        ("bench", "layer"),
        ("bench", "export"),
        ("export",),
    ],
)
def test_every_command_has_a_help_that_teaches(snr, command: tuple[str, ...]) -> None:
    outcome = snr(*command, "--help")
    assert outcome.status == 0
    assert len(outcome.output.split()) > 40


@pytest.fixture
def without_typer(monkeypatch) -> None:
    monkeypatch.setattr("snr_keras.cli.find_spec", lambda package: None if package == "typer" else True)


@pytest.mark.usefixtures("without_typer")
@pytest.mark.parametrize("arguments", [("train", "--help"), ("data", "info", "day")])
def test_a_missing_package_is_named_in_one_line_with_its_install_command(snr, arguments: tuple[str, ...]) -> None:
    assert snr(*arguments).status == f'snr {arguments[0]} needs typer: pip install "snr-reid[cli]"'


@pytest.mark.usefixtures("without_typer")
@pytest.mark.parametrize("arguments", [(), ("--help",), ("--verbose",)])
def test_without_its_packages_the_command_says_what_it_can_do(snr, arguments: tuple[str, ...]) -> None:
    said = snr(*arguments).status
    assert "snr parity" in said
    assert 'pip install "snr-reid[cli]"' in said
    assert "\n" not in said


def test_what_the_command_needs_is_what_its_extra_brings() -> None:
    settings = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    extras = settings["project"]["optional-dependencies"]
    needed = {re.split(r"[>=[]", line)[0] for line in (*extras["cli"], *extras["tensorflow"])} - {"snr-reid"}
    assert set(NEEDS) == needed


@pytest.mark.parametrize("missing", [False, True])
def test_versions_are_those_that_a_report_of_a_mistake_needs(snr, request, missing: bool) -> None:
    if missing:
        request.getfixturevalue("without_typer")
    outcome = snr("--version")
    assert outcome.status == 0
    said = dict(line.split(maxsplit=1) for line in outcome.output.splitlines())
    assert set(said) == {"snr-reid", "python", "numpy", "keras", keras.backend.backend()}
    assert (said["snr-reid"], said["keras"], said["numpy"]) == (snr_ref.__version__, keras.__version__, np.__version__)


@pytest.mark.parametrize(
    ("environment", "settings", "backend"),
    [
        ("jax", '{"backend": "torch"}', "jax"),
        ("", '{"backend": "torch"}', "torch"),
        ("", '["torch"]', "tensorflow"),
        ("", "", "tensorflow"),
    ],
)
def test_the_backend_is_the_one_that_keras_would_take(
    monkeypatch, tmp_path: Path, environment: str, settings: str, backend: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", environment)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text(settings)
    assert f"\n{backend} " in versions()
