"""What a person is told who interrupts a command: what is kept, and how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

RESUMABLE_COMMANDS = ("demo", "train", "blend", "evaluate", "robustness")
"""The commands that take ``--resume``."""

DEFAULT_OUTPUTS = {"demo": "runs/demo"}
"""Where a command writes that was not told where."""


def describe_interruption(arguments: Sequence[str]) -> str:
    """Say what an interrupted command leaves behind, and how to go on with it.

    Args:
        arguments: the command line, without the program's name.

    >>> describe_interruption(["inspect", "scans"])
    'interrupted; nothing was written'
    """
    command = next((word for word in arguments if not word.startswith("-")), "")
    out = _find_option_value("--out", arguments) or DEFAULT_OUTPUTS.get(command)
    if command not in RESUMABLE_COMMANDS or out is None:
        return "interrupted; nothing was written"
    if not _has_files(Path(out)):
        return "interrupted before anything was kept; start it again"
    kept = [word for word in arguments if word not in ("--resume", "--overwrite")]
    return f"interrupted; what is done is kept in {out}. Go on with: {shlex.join(['domaingan', *kept, '--resume'])}"


def _find_option_value(option: str, arguments: Sequence[str]) -> str | None:
    for position, word in enumerate(arguments):
        if word == option and position + 1 < len(arguments):
            return arguments[position + 1]
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def _has_files(out: Path) -> bool:
    """Whether a finished or a working folder of that output has something in it."""
    folders = [out, *out.parent.glob(f".{out.name}.*")]
    return any(folder.is_dir() and any(folder.iterdir()) for folder in folders)
