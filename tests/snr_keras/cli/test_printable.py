"""Nothing that a file or a name holds gives orders to the terminal."""

import io
import json
from pathlib import Path

import pytest
from rich.table import Table

from snr_keras.cli import console
from snr_keras.reid.runs import TrainingConfig

ORDER = "\x1b[2J\x1b]0;mine\x07"  # clears the screen and names the window
ESCAPED = r"\x1b[2J\x1b]0;mine\x07"
RECORD = {"training": TrainingConfig().to_json(), "source": {"name": "day", "identities": 2}, "versions": {}}


@pytest.mark.parametrize(
    "record",
    [
        RECORD | {"training": RECORD["training"] | {ORDER: 1}},
        RECORD | {"training": RECORD["training"] | {"backbone": ORDER}},
        RECORD | {ORDER: {}},
        RECORD | {"versions": {ORDER: 1}},
    ],
)
def test_an_error_about_a_record_is_text(snr, tmp_path: Path, record: dict[str, object]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(record))
    outcome = snr("evaluate", tmp_path, "--target", "night")
    assert outcome.status == 1
    assert "\x1b" not in outcome.output
    assert ESCAPED in outcome.output
    assert "config.json" in outcome.output


def test_so_is_a_warning_and_no_line_of_code_comes_with_it(snr, tmp_path: Path) -> None:
    run = tmp_path / f"run{ORDER}"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.json").write_text(json.dumps(RECORD))
    (run / "checkpoints" / "step-00000001.keras").write_bytes(b"half")
    outcome = snr("pack", run, tmp_path / "packed")
    assert outcome.status == 1
    assert "\x1b" not in outcome.output
    damaged = f"{tmp_path}/run{ESCAPED}/checkpoints/step-00000001.keras"
    assert f"warning: The checkpoint {damaged} is damaged" in outcome.output
    assert "UserWarning" not in outcome.output


def test_so_are_tables_and_lines_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    printed = console.PrintableConsole(file=stream, force_terminal=True, width=200, color_system="standard")
    monkeypatch.setattr(console, "console", printed)
    table = Table(title=ORDER)
    table.add_column(ORDER)
    table.add_row(f"[red]{ORDER}[/red]")
    printed.print(table)
    printed.rule(ORDER)
    console.say(f"one line\n{ORDER}")
    text = stream.getvalue()
    assert "\x1b[2J" not in text
    assert "\x1b]" not in text
    assert "\x1b[31m" in text  # Rich's own colour
    assert f"one line\n{ESCAPED}" in text
