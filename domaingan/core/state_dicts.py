"""Read a network's weights from a file. Reading runs no code of the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from domaingan.core.errors import DataError

MAX_REASON_LENGTH = 160


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict, alone or inside a checkpoint.

    timm's reader does it: it unpickles tensors alone, takes averaged weights before others, and drops the prefixes of
    parallel and compiled networks.

    Args:
        path: a ``.safetensors`` file, or one in torch's own format.

    Returns:
        Tensors by name, on the CPU.

    Raises:
        DataError: the file is missing, cannot be read or holds something else.
    """
    from timm.models import load_state_dict

    if not path.is_file():
        raise DataError("no such file", path=path, expected="a state dict")
    try:
        stored: Any = load_state_dict(str(path), weights_only=True)
        stored = stored.get("model_state_dict", stored)
    except AttributeError:  # no dictionary
        raise DataError("no state dict", path=path, expected="tensors by name") from None
    except Exception as error:  # damaged archives and refused pickles raise many kinds
        lines = str(error).splitlines()
        reason = lines[0][:MAX_REASON_LENGTH] if lines else type(error).__name__
        raise DataError(f"cannot be read ({reason})", path=path, expected="a state dict of tensors alone") from None
    if not isinstance(stored, Mapping) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise DataError("no state dict", path=path, expected="tensors by name")
    return {str(name): value for name, value in stored.items()}
