"""A trained baseline on disk: one safetensors file, its facts as JSON in the header. Reading it runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from domaingan.errors import DataError
from domaingan.files import atomic_file, plain

FORMAT = 1


def save_model(path: Path, state: Mapping[str, Tensor], task: str, facts: Mapping[str, Any]) -> None:
    """Write weights and facts, atomically."""
    header = {"format": FORMAT, "task": task, **facts}
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, metadata={"domaingan": json.dumps(plain(header))})


def facts_of(path: Path) -> dict[str, Any]:
    """The facts of a model file, ``task`` among them.

    Raises:
        DataError: it is missing, damaged or of another kind or version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("domaingan", "null"))
    except FileNotFoundError:
        raise DataError("no such file", path=path, expected="a trained model of an evaluation") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"cannot be read ({error})", path=path, expected="a whole .safetensors file") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise DataError("no model of this package's version", path=path, expected=f"format {FORMAT}")
    return facts


def load_model(path: Path, task: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and facts.

    Raises:
        DataError: as :func:`facts_of`, or the model is of another task.
    """
    facts = facts_of(path)
    if facts["task"] != task:
        raise DataError(f"a model for {facts['task']}", path=path, expected=task)
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118  (it is no dict)


def fill(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Bring a network to these weights.

    Raises:
        DataError: they are of another network.
    """
    try:
        network.load_state_dict(dict(state))
    except RuntimeError as error:
        raise DataError(f"not the weights of this network ({str(error).splitlines()[0]})", path=path) from None
