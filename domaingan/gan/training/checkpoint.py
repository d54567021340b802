"""What a training needs to go on: written so that a kill at any moment leaves a whole checkpoint behind."""

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
"""How many checkpoints are kept: the newest, and one more in case it is torn."""


def hash_file(path: Path) -> str:
    """Checksum of a file, read in pieces."""
    digest = hashlib.sha256()
    with open_regular_file(path) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def save_tensors(tensors: dict[str, Tensor], path: Path) -> str:
    """Write tensors as a safetensors file, atomically and synced; returns its checksum."""
    with write_file_atomically(path) as temporary:
        # Not by the library's own writing of files, which lets nobody but their owner read them.
        temporary.write_bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))
        return hash_file(temporary)


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor]) -> None:
    """Write ``step-N.safetensors``, then ``step-N.json`` with its checksum; older ones than the last two are removed.

    A checkpoint exists once its JSON file does.
    """
    path = folder / f"step-{step:08d}.safetensors"
    checksum = save_tensors(tensors, path)
    write_json(path.with_suffix(".json"), {"step": step, "sha256": checksum})
    for old in sorted(folder.glob("step-*.safetensors"))[:-MAX_CHECKPOINTS]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink()


def load_checkpoint(folder: Path) -> tuple[int, dict[str, Tensor], list[str]]:
    """The newest whole checkpoint.

    Returns:
        Its step, its tensors (0 and none if there is no whole one), and one message for each torn one passed over.
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
    """The state of networks and optimisers as tensors named ``generator.paint.weight`` or ``opt_g.3.step``."""
    tensors = {f"{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for name, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
    return tensors


def restore_states(
    tensors: dict[str, Tensor], modules: dict[str, nn.Module], optimisers: dict[str, torch.optim.Optimizer]
) -> None:
    """Bring networks and optimisers into the state that :func:`flatten` took."""
    for name, module in modules.items():
        module.load_state_dict(select_prefix(tensors, name))
    for name, optimiser in optimisers.items():
        state: dict[int, dict[str, Any]] = {}
        for key, value in select_prefix(tensors, name).items():
            index, field = key.split(".", 1)
            state.setdefault(int(index), {})[field] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        for parameter, own in optimiser.state.items():
            for field, value in own.items():  # a fused step walks memory: moments must lie as their weights do
                if value.shape == parameter.shape:
                    own[field] = torch.empty_like(parameter).copy_(value)


def select_prefix(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors named ``name.…``, without that prefix."""
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}.")}
