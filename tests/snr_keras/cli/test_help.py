"""The command line explains itself, and says what to install."""

import subprocess
import sys

import pytest


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


def test_a_missing_package_is_named_with_its_install_command() -> None:
    code = (
        "import importlib.util as u, sys; find = u.find_spec;"
        "u.find_spec = lambda name, *rest: None if name == 'typer' else find(name, *rest);"
        "from snr_keras.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert 'pip install "snr-reid[cli]"' in done.stderr
    assert "typer" in done.stderr
