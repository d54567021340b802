"""Weights on disk: a baseline of ours, its facts in the header, or anyone's state dict. Reading them runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from domaingan.core.errors import DataError
from domaingan.core.files import to_json_types, write_file_atomically
from domaingan.core.reading import check_regular_file
from domaingan.data import Schema

WEIGHTS_FORMAT = 1

CHECKPOINT_KEYS = ("model", "state_dict", "model_state_dict")
"""What people call the weights in a checkpoint that holds more."""


def save_model(path: Path, state: Mapping[str, Tensor], task: str, metadata: Mapping[str, Any]) -> None:
    """Write weights and facts, atomically."""
    header = {"format": WEIGHTS_FORMAT, "task": task, **metadata}
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    with write_file_atomically(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={"domaingan": json.dumps(to_json_types(header))}))


def read_metadata(path: Path) -> dict[str, Any]:
    """The facts of a model file, ``task`` among them.

    Raises:
        DataError: it is missing, damaged or of another kind or version.
    """
    try:
        with safe_open(check_regular_file(path), framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("domaingan", "null"))
    except DataError as error:
        raise DataError(error.found, path=path, expected="a trained model of an evaluation") from None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot be read ({error})", path=path, expected="a whole .safetensors file") from None
    if not isinstance(facts, dict) or facts.get("format") != WEIGHTS_FORMAT:
        raise DataError("no model of this package's version", path=path, expected=f"format {WEIGHTS_FORMAT}")
    return facts


def load_model(path: Path, task: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and facts.

    Raises:
        DataError: as :func:`read_metadata`, or the model is of another task.
    """
    facts = read_metadata(path)
    if facts["task"] != task:
        raise DataError(f"a model for {facts['task']}", path=path, expected=task)
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118  (it is no dict)


def load_weights(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Bring a network to these weights.

    Raises:
        DataError: they are of another network.
    """
    try:
        network.load_state_dict(dict(state))
    except RuntimeError as error:
        raise DataError(f"not the weights of this network ({str(error).splitlines()[0]})", path=path) from None


def restore_schema(metadata: Mapping[str, Any]) -> Schema:
    """The schema among a model's facts, as :func:`dataclasses.asdict` gave it to JSON."""
    return Schema(**{name: _convert_lists_to_tuples(value) for name, value in metadata["schema"].items()})


def _convert_lists_to_tuples(value: Any) -> Any:
    """What JSON made lists of as tuples again."""
    if isinstance(value, dict):
        return {name: _convert_lists_to_tuples(one) for name, one in value.items()}
    return tuple(_convert_lists_to_tuples(one) for one in value) if isinstance(value, list) else value


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Anyone's state dict, alone or in a checkpoint: ``.safetensors``, or torch's own format without running its code.

    Raises:
        DataError: the file is missing, cannot be read or holds something else.
    """
    if not path.is_file():
        raise DataError("no such file", path=path, expected="a state dict")
    try:
        stored: Any = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # damaged archives and refused pickles raise many kinds
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise DataError(f"cannot be read ({reason})", path=path, expected="a state dict of tensors alone") from None
    for name in CHECKPOINT_KEYS:
        if isinstance(stored, Mapping) and isinstance(stored.get(name), Mapping):
            stored = stored[name]
    if not isinstance(stored, Mapping):
        raise DataError(f"a {type(stored).__name__}", path=path, expected="a state dict of tensors alone")
    if not all(isinstance(value, Tensor) for value in stored.values()):
        raise DataError("no state dict", path=path, expected="tensors by name")
    return {str(name): value for name, value in stored.items()}
