"""Functions of the user's own, named as ``python:MODULE:FUNCTION``."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError

FUNCTION_PREFIX = "python:"


def import_function(spec: str) -> Callable[..., Any]:
    """Import a function; the working folder is searched first.

    Args:
        spec: ``MODULE:FUNCTION``.

    Raises:
        DataError: the text has another form, the module cannot be imported, or it has no such function.
    """
    module, _, name = spec.rpartition(":")
    if not module or not name:
        raise DataError(f"{FUNCTION_PREFIX}{spec}", expected="python:MODULE:FUNCTION")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        function = getattr(importlib.import_module(module), name)
    except AttributeError:
        raise DataError(f"no {name!r} in the module {module!r}", expected="a function") from None
    except Exception as error:  # whatever the user's module raises while it is imported
        reason = describe_user_error(error)
        raise DataError(f"module {module!r} cannot be imported from {folder} ({reason})") from None
    if not callable(function):
        raise DataError(f"{module}:{name} is {type(function).__name__}", expected="a function")
    imported: Callable[..., Any] = function
    return imported


def describe_user_error(error: Exception) -> str:
    """Describe an error with the place in the user's own file."""
    text = f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        text += f", {Path(frames[-1].filename).name} line {frames[-1].lineno}"
    return text
