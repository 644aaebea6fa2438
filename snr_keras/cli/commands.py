"""Errors of the command `snr`: told once, in the words of the command, without a traceback."""

import os
import re
import shlex
import sys
import warnings
from dataclasses import fields
from typing import Any

from typer.core import TyperGroup, TyperOption

from snr_keras.cli.console import say_error

_PARAMETER = re.compile(r"`(?P<name>\w+(?:\.\w+)?)(?:=(?P<value>[^`]*))?`")
_IN_TOML = {"True": "true", "False": "false", "None": "false"}


class Commands(TyperGroup):
    """Ends a mistake in the user's input in one message, without a traceback; likewise Ctrl-C and warnings."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; handled here, since outside Typer the message of an interrupted run is lost."""
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_, **__: say_error(message, label="warning:")
                return super().invoke(ctx)
        except BrokenPipeError:  # as behind `snr recipes | head`: Typer ends without a word
            raise
        except (ValueError, OSError, ArithmeticError, ImportError) as error:
            if os.environ.get("SNR_TRACEBACK"):
                raise
            say_error(explained(error, self.commands[ctx.invoked_subcommand]), label="error:")
            say_error("(SNR_TRACEBACK=1 shows where it was raised)")
            sys.exit(1)
        except KeyboardInterrupt as interrupt:
            say_error(explained(interrupt, self.commands[ctx.invoked_subcommand]) or "interrupted")
            sys.exit(130)


def explained(error: BaseException, command: Any) -> str:
    """The message of an error, with the command's options for the parameters that it names.

    The library's messages name parameters, such as `resume=True`; a command has options of its own.
    """
    message = str(error)
    options = {named[0]: _option(command, **named.groupdict()) for named in _PARAMETER.finditer(message)}
    here = ", ".join(f"{parameter} is {option}" for parameter, option in options.items() if option)
    return f"{message}\n(Here {here})" if here else message


def _option(command: Any, name: str, value: str | None) -> str | None:
    """The option of a command for a parameter, with its value; None if there is none."""
    options = {option.name: option for option in command.params if isinstance(option, TyperOption)}
    if option := options.get(name):
        valueless = value is None or option.is_flag
        return option.opts[0] if valueless else shlex.join([option.opts[0], str(value).strip("\"'")])
    if "overrides" not in options:
        return None
    from snr_keras.reid.settings.adaptation import AdaptationConfig
    from snr_keras.reid.settings.testing import TestSettings
    from snr_keras.reid.settings.training import TrainingConfig

    config = ("adaptation", AdaptationConfig) if command.name == "adapt" else ("training", TrainingConfig)
    tables = {table: {f.name for f in fields(kind)} for table, kind in (config, ("test", TestSettings))}
    table = name.partition(".")[0] if "." in name else next((t for t, names in tables.items() if name in names), None)
    if table not in tables:
        return None
    setting = name if "." in name else f"{table}.{name}"
    in_toml = "VALUE" if value is None else _IN_TOML.get(value, value)
    return shlex.join([options["overrides"].opts[0], f"{setting}={in_toml}"])
