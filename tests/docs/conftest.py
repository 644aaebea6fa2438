"""The site, built once for all tests of it, by a process that cannot reach any network."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WITHOUT_NETWORK = """
import socket, sys

def refuse(*args, **kwargs):
    raise OSError("the build of the docs asked for the network")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; every warning is an error."""
    pytest.importorskip("sphinx", reason='the site needs the extra docs: pip install "snr-reid[docs]"')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-c", WITHOUT_NETWORK, "-W", "--keep-going", "-E", "-q", "-d", f"{folder}/doctrees"]
    built = subprocess.run([*command, "docs", f"{folder}/html"], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-5000:]
    return folder / "html"


@pytest.fixture(scope="session")
def pages(site: Path) -> list[Path]:
    """Every page, those with the source included."""
    found = sorted(site.rglob("*.html"))
    assert len(found) > 20
    return found
