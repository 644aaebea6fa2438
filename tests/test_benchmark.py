"""What `tox -e benchmark` says of measurements; it measures when it is called."""

import json
from pathlib import Path

import pytest

from tests import benchmark

RATIOS = ({"a": 1.0, "b": 0.3}, {"a": 1.2, "b": 0.3}, {"a": 1.1, "b": 0.2})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def run(factor: float = 1, *, machine: str = "mine", commit: str = "first", changes: str = "") -> tuple[int, str]:
        monkeypatch.setattr(benchmark, "machine", lambda: machine)
        monkeypatch.setattr(benchmark, "_git", lambda command, *_: {"rev-parse": commit, "status": changes}[command])
        scaled = [{name: factor * ratio for name, ratio in ratios.items()} for ratios in RATIOS]
        status = benchmark.main(tmp_path / "benchmarks.json", lambda: scaled)
        return status, capsys.readouterr().out

    return run


def test_the_first_measurement_on_a_machine_is_compared_with_nothing(run) -> None:
    run(0.1, machine="another")
    status, text = run()
    assert status == 0
    assert "compared with nothing" in text


@pytest.mark.parametrize(
    ("factor", "status", "words"), [(1.19, 0, []), (1.6, 1, ["slower"]), (0.84, 0, []), (0.6, 0, ["faster"])]
)
def test_a_ratio_has_moved_if_the_ranges_lie_apart(run, factor: float, status: int, words: list[str]) -> None:
    run()
    found, text = run(factor, commit="second")
    assert found == status
    assert [line.split()[-1] for line in text.splitlines() if line.endswith(("slower", "faster"))] == 2 * words


def test_measuring_again_compares_with_the_commit_before(run, tmp_path: Path) -> None:
    run()
    for _ in range(2):
        status, text = run(2, commit="second")
        assert status == 1
        assert "second, compared with first" in text
    kept = json.loads((tmp_path / "benchmarks.json").read_text())
    assert [entry["commit"] for entry in kept] == ["first", "second"]
    assert kept[0]["ratios"] == {"a": [1.0, 1.1, 1.2], "b": [0.2, 0.3, 0.3]}


def test_what_is_not_committed_is_compared_and_not_kept(run, tmp_path: Path) -> None:
    run()
    before = (tmp_path / "benchmarks.json").read_text()
    status, text = run(2, commit="second", changes=" M snr_keras/layers/snr.py")
    assert status == 1
    assert "Not kept" in text
    assert (tmp_path / "benchmarks.json").read_text() == before
