"""The contents of `pip install snr-reid` without extras: `tox -e base` installs it and runs this outside the clone."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(find_spec("keras") is not None, reason="more than the base install is here")

ADAPTER = (
    "import numpy as np\nimport snr_ref\n\nrefusals = True\nsnr, instance_norm = snr_ref.snr, snr_ref.instance_norm\n"
)
PYTHON, SNR = [sys.executable], [str(Path(sys.executable).with_name("snr"))]


@pytest.fixture
def run(tmp_path: Path):
    """Run a command in a folder that holds `my_adapter.py`; gives its status and what it printed."""
    (tmp_path / "my_adapter.py").write_text(ADAPTER)

    def call(*command: str) -> tuple[int, str]:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return call


def test_its_requirements_are_complete(run) -> None:
    assert run(*PYTHON, "-m", "pip", "check") == (0, "No broken requirements found.\n")


def test_the_kit_says_the_same_by_both_names(run) -> None:
    reports = [run(*name, "check", "my_adapter") for name in ([*SNR, "parity"], [*PYTHON, "-m", "snr_ref.conformance"])]
    assert reports[0] == reports[1]
    status, report = reports[0]
    assert status == 0
    assert report.rstrip().endswith("PASSED: instance_norm, snr")


def test_vectors_are_exported(run, tmp_path: Path) -> None:
    assert run(*SNR, "parity", "export", "cases.h5")[0] == 0
    assert (tmp_path / "cases.h5").stat().st_size > 0


@pytest.mark.parametrize("arguments", [(), ("--help",), ("train",), ("recipes", "synthetic")])
def test_every_other_command_is_one_line_with_what_to_install(run, arguments: tuple[str, ...]) -> None:
    status, said = run(*SNR, *arguments)
    assert status == 1
    assert said.rstrip().endswith('pip install "snr-reid[cli]"')
    assert len(said.splitlines()) == 1


def test_the_report_as_a_page_needs_matplotlib_alone(run) -> None:
    status, said = run(*SNR, "parity", "check", "my_adapter", "--html", "report.html")
    assert (status, "pip install matplotlib\n" in said) == (3, True)


def test_both_packages_have_a_version_and_the_library_says_what_it_needs(run) -> None:
    status, said = run(*PYTHON, "-c", "import snr_keras, snr_ref; print(snr_keras.__version__, snr_ref.__version__)")
    assert status == 0
    one, other = said.split()
    assert one == other != "unknown"
    status, said = run(*PYTHON, "-c", "from snr_keras.layers import SNR")
    assert status == 1
    assert 'keras is not installed: pip install "snr-reid[tensorflow]"' in said
