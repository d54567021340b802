"""Write and read trained baselines: weights with metadata. Reading runs no code of the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from domaingan.core.errors import DataError
from domaingan.core.files import to_json_types, write_file_atomically
from domaingan.core.reading import check_regular_file
from domaingan.data import Schema

WEIGHTS_FORMAT = 2
"""Version of the metadata. Format 1 does not name the network of a segmenter; it is read too."""


def save_model(path: Path, state: Mapping[str, Tensor], task: str, metadata: Mapping[str, Any]) -> None:
    """Write weights and metadata to a ``.safetensors`` file, atomically.

    Args:
        path: the file.
        state: the network's state dict.
        task: which kind of model it is, such as ``segmentation``.
        metadata: what is needed to build the network again; values that JSON can hold.
    """
    header = {"format": WEIGHTS_FORMAT, "task": task, **metadata}
    tensors = {}
    for name in _find_first_names(state).values():
        tensors[name] = state[name].detach().cpu().contiguous()
    with write_file_atomically(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={"domaingan": json.dumps(to_json_types(header))}))


def read_metadata(path: Path) -> dict[str, Any]:
    """Read the metadata of a model file.

    Args:
        path: what :func:`save_model` wrote.

    Returns:
        The metadata, and ``task`` and ``format``.

    Raises:
        DataError: the file is missing or damaged, or of another kind or version.
    """
    try:
        with safe_open(check_regular_file(path), framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get("domaingan", "null"))
    except DataError as error:
        raise DataError(error.found, path=path, expected="a trained model of an evaluation") from None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot be read ({error})", path=path, expected="a whole .safetensors file") from None
    if not isinstance(metadata, dict) or metadata.get("format") not in range(1, WEIGHTS_FORMAT + 1):
        expected = f"a format up to {WEIGHTS_FORMAT}"
        raise DataError("no model of this package's version", path=path, expected=expected)
    return metadata


def load_model(path: Path, task: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Load weights and metadata of a model for a task.

    Raises:
        DataError: as :func:`read_metadata`, or the model is for another task.
    """
    metadata = read_metadata(path)
    if metadata["task"] != task:
        raise DataError(f"a model for {metadata['task']}", path=path, expected=task)
    with safe_open(path, framework="pt") as file:
        names = file.keys()  # the file is no dict
        state = {name: file.get_tensor(name) for name in names}
    return state, metadata


def load_weights(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Load weights into a network.

    Args:
        network: changed in place.
        state: its state dict.
        path: where that was read, for the message.

    Raises:
        DataError: the weights are those of another network.
    """
    complete = dict(state)
    target = network.state_dict()
    first_names = _find_first_names(target)
    for name, tensor in target.items():
        first_name = first_names[_identify_memory(name, tensor)]
        if first_name in state:
            complete.setdefault(name, state[first_name])
    try:
        network.load_state_dict(complete)
    except RuntimeError as error:
        raise DataError(f"not the weights of this network ({str(error).splitlines()[0]})", path=path) from None


def _find_first_names(state: Mapping[str, Tensor]) -> dict[Any, str]:
    """Find the first name of each tensor of a state dict; networks may hold the same weights under several names.

    Returns:
        Names by :func:`_identify_memory`, in their order.
    """
    first_names: dict[Any, str] = {}
    for name, tensor in state.items():
        first_names.setdefault(_identify_memory(name, tensor), name)
    return first_names


def _identify_memory(name: str, tensor: Tensor) -> Any:
    """Identify where a tensor lies: tensors that share all of their memory have the same key, empty ones never do."""
    if tensor.numel() == 0:
        return name
    return tensor.device, tensor.data_ptr(), tuple(tensor.shape)


def restore_schema(metadata: Mapping[str, Any]) -> Schema:
    """Restore the schema from a model's metadata, where JSON made lists of its tuples."""
    fields = {name: _convert_lists_to_tuples(value) for name, value in metadata["schema"].items()}
    return Schema(**fields)


def _convert_lists_to_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _convert_lists_to_tuples(item) for name, item in value.items()}
    if isinstance(value, list):
        return tuple(_convert_lists_to_tuples(item) for item in value)
    return value
