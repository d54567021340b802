"""The command line: one thin command per verb.

Nothing heavy is imported here: each command imports what it needs when it runs, so that ``--help`` is instant.
"""

from __future__ import annotations

import io
import os
import re
import sys
from typing import Annotated

import typer

from domaingan.cli import (
    blend_command,
    crops_command,
    demo_command,
    evaluate_command,
    inspect_command,
    report_command,
    robustness_command,
    sample_command,
    train_command,
)
from domaingan.cli.assumptions import print_assumptions_once
from domaingan.cli.interruption import describe_interruption
from domaingan.core.errors import NO_SPACE_ERRNOS, DataError, check_utf8_name, report_out_of_memory

app = typer.Typer(
    name="domaingan",
    help="For images in which what matters is rare: learn it, paste it into real images, measure whether it helped.",
    epilog="Start with: domaingan demo   ·   then: domaingan inspect YOUR_FOLDER",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (
    demo_command,
    inspect_command,
    train_command,
    crops_command,
    sample_command,
    blend_command,
    evaluate_command,
    robustness_command,
    report_command,
):
    app.command(module.NAME, cls=getattr(module, "Command", None))(module.command)


INTERRUPTED_EXIT_CODE = 130
"""Exit code after Ctrl-C: 128 and the number of the signal, as shells have it."""

BAD_INPUT_EXIT_CODE = 2
"""Exit code for bad input or usage."""

MAX_DIGITS = 18
"""Integers with more digits do not fit into 64 bits."""

MEMORY_ADVICE = "a smaller --size, a coarser --spacing, or fewer samples by --limit"
"""What needs less memory."""


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        print(f"domaingan {version('domaingan')}")
        raise typer.Exit


@app.callback()
def accept_global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """For images in which what matters is rare: learn it, paste it into real images, measure whether it helped."""


def main() -> None:
    """Run the command line.

    Bad input or usage ends as one line on stderr and exit code 2; a mistake of ours stays a traceback.
    """
    _allow_any_text()
    exit_code = _run_command()
    if exit_code == INTERRUPTED_EXIT_CODE:  # typer, too, makes this code of Ctrl-C in a command
        print(f"domaingan: {describe_interruption(sys.argv[1:])}", file=sys.stderr)
    sys.exit(exit_code)


def _run_command() -> int:
    """Run the command that the arguments name, and return the exit code."""
    try:
        _check_arguments(sys.argv[1:])
        with print_assumptions_once(), report_out_of_memory(MEMORY_ADVICE):
            code = app(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except DataError as error:
        return _print_reason(str(error))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:  # the reader of a pipe, such as head, has gone
        _silence_stdout()
        return 0
    except OSError as error:
        if error.filename is None and error.errno not in NO_SPACE_ERRNOS:
            raise
        code = _print_reason(f"{error.filename or 'what was to be written'}: {error.strerror}")
        _silence_stdout()
        return code
    except Exception as error:  # usage errors of the parser, by whichever name it gives them
        if not hasattr(error, "format_message"):
            raise
        return _print_reason(error.format_message())


def _allow_any_text() -> None:
    """Let names that are no text, and signs that a terminal does not know, be printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _check_arguments(arguments: list[str]) -> None:
    """Refuse an argument that is no text, which no result file could hold, or a number that is too large.

    Raises:
        DataError: there is one.
    """
    too_large = re.compile(rf"-?\d{{{MAX_DIGITS + 1},}}(,\d+)?")
    for argument in arguments:
        check_utf8_name(argument, "")
        if too_large.fullmatch(argument):
            raise DataError(f"the number {argument[:40]}", expected=f"one of at most {MAX_DIGITS} digits")


def _silence_stdout() -> None:
    """Let what is still to be flushed go nowhere, so that the interpreter's end does not fail on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_reason(reason: str) -> int:
    """Print why a command is refused, as one line on stderr, and return the exit code."""
    print(f"domaingan: {' '.join(reason.split())}", file=sys.stderr)
    return BAD_INPUT_EXIT_CODE
