"""`snr parity`: check any SNR against the specification, with the command line of the conformance kit."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command("parity", add_help_option=False, context_settings={"ignore_unknown_options": True})
def parity_command(arguments: Annotated[list[str] | None, typer.Argument(metavar="COMMAND ...")] = None) -> None:
    """Check any implementation of SNR, in any framework, against the specification: check, compare, export, list."""
    from snr_ref.conformance.cli import main

    raise typer.Exit(main(arguments or ["--help"], prog="snr parity"))
