"""Commands run in the tests' own process: importing PyTorch anew takes seconds each time."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from domaingan.cli import main


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["domaingan", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def answer(*arguments: str | Path) -> dict[str, Any]:
    """What a command that ends well says with ``--json``."""
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


def refused(*arguments: str | Path) -> str:
    """The one line that a command refuses with."""
    code, out, err = run(*arguments)
    assert code == 2, out + err
    lines = err.strip().splitlines()
    assert lines[-1].startswith("domaingan: ") and "Traceback" not in err, err
    return lines[-1]
