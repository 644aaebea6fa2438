"""What the library says by names of parameters, a command says by options that it has."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import snr_keras
from snr_keras.cli import app
from snr_keras.cli.commands import explained

COMMANDS = {name: app.load(name) for name in app.COMMANDS}
FEWER = "set `identities_per_batch` to 4"
CAMERA = 'If the camera labels have no meaning here, use `protocol="no_camera"`.'


@pytest.mark.parametrize(
    ("command", "message", "here"),
    [
        ("train", FEWER, "`identities_per_batch` is --identities-per-batch"),
        ("ablate", FEWER, "`identities_per_batch` is --set training.identities_per_batch=VALUE"),
        ("adapt", FEWER, "`identities_per_batch` is --set adaptation.identities_per_batch=VALUE"),
        ("evaluate", CAMERA, '`protocol="no_camera"` is --protocol no_camera'),
        ("adapt", CAMERA, """`protocol="no_camera"` is --set 'test.protocol="no_camera"'"""),
        ("train", "the setting `snr_bias=True`", "`snr_bias=True` is --set training.snr_bias=true"),
        ("ablate", "`resume=True`, or `out`; or `out`", "`resume=True` is --resume, `out` is --out"),
        ("train", "`overrides` must be KEY=VALUE", "`overrides` is --set"),
        ("train", 'a string in quotes, `test.distance="x"`', """`test.distance="x"` is --set 'test.distance="x"'"""),
    ],
)
def test_a_parameter_is_told_by_its_option(command: str, message: str, here: str) -> None:
    assert explained(ValueError(message), COMMANDS[command]) == f"{message}\n(Here {here})"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("visualize", FEWER),
        ("extract", CAMERA),
        ("train", "`snr_keras.reid.training` and `no.option=1`; --words (resume)"),
    ],
)
def test_what_a_command_does_not_have_it_does_not_name(command: str, message: str) -> None:
    assert explained(ValueError(message), COMMANDS[command]) == message


def test_nothing_outside_the_commands_names_an_option_of_one() -> None:
    root = Path(snr_keras.__file__).parent
    texts = {
        f"{path.relative_to(root)}:{node.lineno}": node.value
        for path in root.rglob("*.py")
        # The style sheet of the one has names of this form; the other is a command of its own.
        if "cli" not in path.parts and path.name not in ("report_page.py", "gpu.py")
        for parent in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if not isinstance(parent, ast.Expr)  # documentation may
        for node in ast.iter_child_nodes(parent)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    # `snr bench export --precision full_int8` is a whole command, of whichever the reader types next.
    assert [at for at, text in texts.items() if re.search(r"(?<!\w)--[a-z]", text) and "`snr " not in text] == []


def test_a_reader_that_leaves_early_hears_of_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "snr_keras.cli", "train", "--help"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
