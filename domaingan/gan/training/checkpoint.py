"""Checkpoints of a training, written so that a whole one is left whenever the training is killed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically, write_json
from domaingan.core.reading import open_regular_file, read_json

MAX_CHECKPOINTS = 2
"""Checkpoints that are kept: the newest, and one more in case the newest is damaged."""

HASHED_BYTES = 1 << 20
"""Bytes that are read at a time for a checksum."""


def hash_file(path: Path) -> str:
    """Compute the SHA-256 checksum of a file."""
    digest = hashlib.sha256()
    with open_regular_file(path) as file:
        while piece := file.read(HASHED_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def save_tensors(tensors: dict[str, Tensor], path: Path) -> str:
    """Write tensors as a safetensors file, atomically.

    Returns:
        The file's checksum.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with write_file_atomically(path) as temporary:
        # The library's own function for files makes them readable for their owner alone.
        temporary.write_bytes(save(stored))
        return hash_file(temporary)


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor]) -> None:
    """Write ``step-N.safetensors``, then ``step-N.json`` with its checksum, and remove all but the last two.

    A checkpoint exists once its JSON file does.

    Args:
        folder: of the checkpoints.
        step: the step of the training.
        tensors: as of :func:`flatten_states`.
    """
    path = folder / f"step-{step:08d}.safetensors"
    checksum = save_tensors(tensors, path)
    write_json(path.with_suffix(".json"), {"step": step, "sha256": checksum})
    for old in sorted(folder.glob("step-*.safetensors"))[:-MAX_CHECKPOINTS]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink()


def load_checkpoint(folder: Path) -> tuple[int, dict[str, Tensor], list[str]]:
    """Load the newest whole checkpoint.

    Returns:
        Its step and its tensors (0 and none if there is no whole one), and a message for each damaged one that was
        passed over.
    """
    messages: list[str] = []
    for path in sorted(folder.glob("step-*.json"), reverse=True):
        weights = path.with_suffix(".safetensors")
        try:
            stored = read_json(path)
            step, expected = int(stored["step"]), str(stored["sha256"])
            if hash_file(weights) != expected:
                raise DataError("torn (its checksum differs)", path=weights)
            return step, load_file(weights), messages
        except DataError as error:
            messages.append(f"{error}; the one before it is used")
        except (OSError, KeyError, TypeError, ValueError) as error:
            messages.append(f"{weights}: cannot be read ({error}); the one before it is used")
    return 0, {}, messages


def flatten_states(modules: dict[str, nn.Module], optimisers: dict[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Flatten the states of networks and optimisers to tensors named ``generator.start.weight`` or ``opt_g.3.step``."""
    tensors = {}
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            tensors[f"{name}.{key}"] = value
    for name, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"{name}.{index}.{key}"] = torch.as_tensor(value)
    return tensors


def restore_states(
    tensors: dict[str, Tensor], modules: dict[str, nn.Module], optimisers: dict[str, torch.optim.Optimizer]
) -> None:
    """Bring networks and optimisers, in place, into the state that :func:`flatten_states` took."""
    for name, module in modules.items():
        module.load_state_dict(select_prefix(tensors, name))
    for name, optimiser in optimisers.items():
        state: dict[int, dict[str, Any]] = {}
        for key, value in select_prefix(tensors, name).items():
            index, field = key.split(".", 1)
            state.setdefault(int(index), {})[field] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        for parameter, moments in optimiser.state.items():
            for field, value in moments.items():
                if value.shape == parameter.shape:  # a fused step needs the memory format of the weights
                    moments[field] = torch.empty_like(parameter).copy_(value)


def select_prefix(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with ``name.``, without that prefix."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
