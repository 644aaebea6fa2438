"""Puts every command's help where a page says `<!-- every command -->`, as it is when the site is built."""

from __future__ import annotations

import contextlib
import io
import re

import typer
from sphinx.application import Sphinx
from typer.cli import get_docs_for_click

from snr_keras.cli.app import COMMANDS, load
from snr_keras.cli.app import app as commands
from snr_ref.conformance.cli import main as parity

MARK = "<!-- every command -->"


def of_typer() -> str:
    """What Typer says of each command, in Markdown, without its summary of all of them."""
    command = typer.main.get_command(commands)
    command.commands = {name: load(name) for name in COMMANDS}
    text = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name="snr"), name="snr")
    return text[text.index("\n## ") + 1 :]


def of_parity() -> str:
    """The help of `snr parity` and of its commands, which have a parser of their own."""
    overview = _help([])
    listed = overview.partition("commands:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^    (\w+) ", listed, flags=re.MULTILINE)
    helps = [overview, *(_help([name]) for name in names)]
    return "\n".join(f"```text\n{text}```\n" for text in helps)


def _help(command: list[str]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        parity([*command, "--help"], prog="snr parity")
    return printed.getvalue()


def fill_in(app: Sphinx, name: str, source: list[str]) -> None:
    """Replace the mark in a page's source."""
    if MARK in source[0]:
        before, heading, after = of_typer().partition("## `snr parity`")
        about, _, usage_and_others = after.partition("**Usage**")
        others = usage_and_others[usage_and_others.index("## ") :]
        source[0] = source[0].replace(MARK, f"{before}{heading}{about}{of_parity()}\n{others}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
