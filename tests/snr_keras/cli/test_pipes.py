"""A named pipe or a device, wherever a file is named, is refused with its name: to open a pipe waits for ever."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from snr_keras.models.pytorch.state_dict import read_state_dict
from snr_keras.reid.runs import load_run
from snr_keras.reid.search import extract, open_features
from snr_keras.reid.search.indexing import open_index
from snr_ref.conformance.selection import ExpectedFailures
from snr_ref.conformance.vectors.untrusted import file_bytes
from tests.snr_keras.reid.data.folders import write

SECONDS = 60


class _WaitsForEver(BaseException):
    pass


@pytest.fixture(autouse=True)
def alarm():
    """Stop a test that waits for somebody to write to a pipe, and let it fail, whatever it makes of that."""
    rung = []

    def stop(*_):
        rung.append("waits for ever")
        raise _WaitsForEver  # which no handler of errors takes for a message

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert not rung


@pytest.fixture(params=["pipe", "device"])
def no_file(request, tmp_path: Path):
    """Makes a pipe, or a link to a device without an end, of a name."""

    def make(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if request.param == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")
        return path

    return make


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("extract", "NAME", "--out", "out.h5"), "a.jpg"),
        (("extract", "NAME", "--out", "out.h5"), "list.txt"),
        (("search", "NAME", "."), "features.h5"),
        (("evaluate", "pretrained", "--target", "NAME"), "people.csv"),
        (("evaluate", "NAME", "--target", "night"), "run/config.json"),
        (("train", "--recipe", "NAME", "--out", "out"), "mine.toml"),
        (("train", "--source", "NAME", "--out", "out"), "people.csv"),
        (("weights", "import", "NAME", "--out", "out"), "net.pth"),
        (("weights", "import", "NAME", "--out", "out"), "net.safetensors"),
        (("weights", "export", "NAME", "out.safetensors"), "net.keras"),
        (("summary", "NAME"), "net.keras"),
    ],
)
def test_as_an_argument(snr, no_file, tmp_path, monkeypatch, arguments, name) -> None:
    monkeypatch.chdir(tmp_path)
    path = no_file(name)
    given = path.parent if name == "run/config.json" else path
    outcome = snr(*(given if argument == "NAME" else argument for argument in arguments))
    assert outcome.status
    assert given.name in outcome.output
    assert "Traceback" not in outcome.output
    assert not Path("out").exists()


def test_in_a_list_and_in_a_table(snr, no_file, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    no_file("one.jpg")
    write(tmp_path, ["two.jpg", "three.jpg"])
    Path("list.txt").write_text("one.jpg\ntwo.jpg\n")
    found = extract("list.txt")
    assert found.names == ("two.jpg",)
    assert found.left_out[0].reason.startswith("not a regular file but a")
    rows = "one.jpg,1,query\ntwo.jpg,1,query\nthree.jpg,1,gallery\n"
    Path("people.csv").write_text("path,identity,split\n" + rows)
    outcome = snr("evaluate", "pretrained", "--target", "people.csv", "--out", "out")
    assert "1 unreadable image: 'one.jpg': not a regular file but a" in outcome.output
    assert "0 of 1" not in outcome.output


def test_in_the_library(no_file, tmp_path) -> None:
    path = no_file("anything")
    for read in (open_features, read_state_dict, file_bytes, lambda path: ExpectedFailures.read(path, [])):
        with pytest.raises((OSError, ValueError), match="anything"):
            read(path)
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    no_file("run/config.json")
    with pytest.raises((OSError, ValueError), match="run"):
        load_run(tmp_path / "run")


def test_as_an_index(no_file) -> None:
    pytest.importorskip("faiss")
    with pytest.raises((OSError, ValueError), match="index"):
        open_index(no_file("index"), None)
