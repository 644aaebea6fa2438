"""The development guide and the README name files, environments and commands that are there."""

import importlib.util
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import snr_ref

ROOT = Path(__file__).parents[2]
README, TEXT = ((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/development.md"))
COMMANDS = [line.strip() for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


def test_every_path_is_there() -> None:
    spans = re.findall(r"`((?:snr_ref|snr_keras|tests|docs)/[\w./]*)`", README + TEXT)
    paths = [*spans, *re.findall(r"(?:pytest|python) ((?:tests|docs)/\S+)", "\n".join(COMMANDS))]
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_environment_is_one() -> None:
    settings = ConfigParser()
    settings.read(ROOT / "tox.ini")
    named = [name for names in re.findall(r"tox run -e ([\w,]+)", TEXT) for name in names.split(",")]
    assert {"lint", "types"} <= set(named)
    rest = re.split(r",\s*", settings["tox"]["labels"].strip().removeprefix("rest = "))
    assert [name for name in [*named, *rest] if f"testenv:{name}" not in settings] == []


def test_every_module_that_is_run_is_one() -> None:
    modules = set(re.findall(r"python -m (tests[\w.]+)", TEXT))
    assert len(modules) >= 4
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize("command", [command for command in COMMANDS if re.match(r"python (-m tests|docs)", command)])
def test_a_command_takes_its_options(command: str) -> None:
    """Each tells what it does; the tables' are right, so that making them anew would change nothing."""
    words = ["--check" if "generate" in command else "--help"]
    done = subprocess.run([sys.executable, *command.split()[1:], *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_wheel_is_that_of_this_version() -> None:
    assert f"snr_reid-{snr_ref.__version__}-py3-none-any.whl" in TEXT


def test_pre_commit_runs_what_lint_runs() -> None:
    lint = (ROOT / "tox.ini").read_text().split("[testenv:lint]")[1].split("[testenv")[0]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    tools = re.findall(r"^    ((?:ruff|import-linter|codespell)[<>]\S*)$", lint, re.M)
    assert len(tools) == 3
    assert set(re.findall(r'"([^"]+)"', hooks)) == set(tools)
    run = [re.sub(r" --force-exclude", "", entry) for entry in re.findall(r"entry: (.+)", hooks)]
    wanted = re.findall(r"^    (ruff \w+|lint-imports|codespell$)", lint, re.M)
    assert run == wanted
