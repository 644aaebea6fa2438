"""Check, export and compare show on a terminal how far they are, and write nothing of it elsewhere."""

import sys
from pathlib import Path

import pytest

from snr_ref.conformance import bar as bars
from snr_ref.conformance.cli import main
from snr_ref.conformance.vectors import outputs, writer
from tests import terminal

ADAPTER = """
import sys, snr_ref

def instance_norm(F, gamma, beta, **options):
    if "--broken" in sys.argv:
        raise SystemExit("no such device")
    return snr_ref.instance_norm(F, gamma, beta, **options)
"""
CHECK = [sys.executable, "-m", "snr_ref.conformance", "check", "mine", "--include", "instance_norm"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(ADAPTER)
    return tmp_path


def test_a_terminal_shows_how_many_cases_are_done_and_then_the_report_alone(folder: Path) -> None:
    status, written = terminal.run(CHECK, folder=folder)
    assert status == 0
    assert "\rchecking  #-----------------------  1/20" in written
    lines = terminal.screen(written)
    assert not any("checking" in line for line in lines)
    with (folder / "report").open("w") as report:
        _, written = terminal.run(CHECK, folder=folder, stdout=report)
    assert "\rchecking" in written
    assert [line.rstrip() for line in (folder / "report").read_text().splitlines()] == lines


def test_an_end_in_the_middle_leaves_the_message(folder: Path) -> None:
    code = "import sys; sys.path.insert(0, '.'); from snr_ref.conformance.cli import main; main(sys.argv[1:-1])"
    status, written = terminal.run([sys.executable, "-c", code, *CHECK[3:], "--broken"], folder=folder)
    assert (status, terminal.screen(written)) == (1, ["no such device"])


def test_files_are_written_and_compared_with_a_bar(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(bars, "PAUSE", 0)
    cases = writer.catalogue()[:5]
    monkeypatch.setattr(writer, "catalogue", lambda: cases)
    monkeypatch.setattr(writer, "subset", lambda cases: cases[:1])
    golden, answers = tmp_path / "golden.h5", tmp_path / "answers.h5"
    with terminal.standard_error(monkeypatch) as exported:
        assert main(["export", str(golden)]) == 0
    frames = exported[0].split("\r")
    assert [frame.split()[2] for frame in frames if frame.startswith("exporting")] == [f"{n}/5" for n in range(1, 6)]
    outputs.write_outputs(golden, answers, outputs.Implementation(sys.modules["snr_ref"]))
    with terminal.standard_error(monkeypatch) as compared:
        assert main(["compare", str(golden), str(answers)]) == 0
    assert "\rcomparing" in compared[0]
    assert terminal.screen(exported[0]) == terminal.screen(compared[0]) == []


def test_a_pipe_has_none(capsys) -> None:
    with bars.bar("checking") as show:
        show(1, 2)
    assert capsys.readouterr() == ("", "")


def test_without_standard_error_there_is_none(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with bars.bar("checking") as show:
        assert show(1, 2) is None
