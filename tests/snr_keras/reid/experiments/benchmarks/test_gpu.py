"""The measurements of a GPU: a part that fails is told, and stops no other."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from snr_keras.reid.experiments.benchmarks import gpu

CHILD = """#!{python}
import json, sys, time
name, out = (sys.argv[sys.argv.index(option) + 1] for option in ("--part", "--out"))
if name == "fails":
    sys.exit("there is no such kernel")
if name == "hangs":
    time.sleep(600)
rows = [{{"a ratio": 1 / 3, "cases": 7}} | ({{"problem": "one case differs"}} if name == "differs" else {{}})]
json.dump({{"machine": "mine", "device": "a GPU", "seconds": 1.5, "rows": rows}}, open(out, "w"))
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs parts of these names, whose processes are a small program; the status, what was printed and written."""
    child = tmp_path / "child"
    child.write_text(CHILD.format(python=sys.executable))
    child.chmod(0o755)
    monkeypatch.setattr(gpu.sys, "executable", str(child))

    def run(*names: str) -> tuple[int, str, dict[str, object]]:
        parts = {name: gpu.Part("jax", 1 if name == "hangs" else 60, lambda _: []) for name in names}
        monkeypatch.setattr(gpu, "PARTS", parts)
        status = gpu.main(["--out", str(tmp_path / "gpu.json")])
        return status, capsys.readouterr().out, json.loads((tmp_path / "gpu.json").read_text())

    return run


def test_parts_print_a_table_and_are_kept(run) -> None:
    status, text, kept = run("one", "two")
    assert status == 0
    assert text.count("a GPU; mine; 2 s\na ratio  cases\n  0.333      7\n") == 2
    assert [part["rows"] for part in kept.values()] == 2 * [[{"a ratio": 1 / 3, "cases": 7}]]


def test_one_that_fails_is_told_at_the_end_and_stops_no_other(run) -> None:
    status, text, kept = run("fails", "hangs", "differs", "last")
    assert status == 1
    assert text.splitlines()[-3:] == [
        "fails: exit status 1: there is no such kernel",
        "hangs: it took more than 1 s: it printed nothing",
        "differs: one case differs",
    ]
    assert list(kept) == ["fails", "hangs", "differs", "last"]
    assert kept["last"]["rows"] == [{"a ratio": 1 / 3, "cases": 7}]


@pytest.mark.slow
@pytest.mark.parametrize("part", gpu.PARTS)
def test_every_part_runs_on_a_cpu(part: str, tmp_path: Path) -> None:
    backend = gpu.PARTS[part].backend
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    command = [sys.executable, "-m", gpu.__name__, "--small", "--part", part, "--out", tmp_path / "rows.json"]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, check=True, timeout=600)
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert rows
    assert not [row for row in rows if "problem" in row]
