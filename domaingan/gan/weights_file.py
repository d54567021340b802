"""``weights.safetensors`` of a model folder: checked against the config before memory is used for it."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from domaingan.core.errors import DataError
from domaingan.gan.config import GANConfig
from domaingan.gan.training.checkpoint import hash_file, select_prefix

WEIGHTS_FILE = "weights.safetensors"


def check_weights(folder: Path, config: GANConfig, networks: dict[str, nn.Module]) -> None:
    """Compare a weights file with networks that have shapes but no weights yet.

    Args:
        folder: the model folder.
        config: the model's.
        networks: by the prefix of their tensors, on the meta device.

    Raises:
        DataError: the training was not finished, or the weights are missing, changed, no whole file or of other
            networks.
    """
    path = folder / WEIGHTS_FILE
    expected_checksum = config.provenance.weights_sha256
    if not expected_checksum:
        raise DataError("training not finished", path=folder, expected="a finished model: use --resume")
    if not path.is_file():
        raise DataError("missing", path=path)
    if hash_file(path) != expected_checksum:
        raise DataError("changed since it was written (its checksum differs)", path=path)
    stored = _read_shapes(path)
    for network_name, network in networks.items():
        for key, value in network.state_dict().items():
            name, shape = f"{network_name}.{key}", tuple(value.shape)
            if stored.get(name) != shape:
                found = f"{name} of {stored[name]}" if name in stored else f"no {name}"
                raise DataError(f"not the weights of this config ({found})", path=path, expected=f"{name} of {shape}")


def load_weights(folder: Path, networks: dict[str, nn.Module]) -> None:
    """Load the weights of a model folder, which :func:`check_weights` has checked, into networks.

    Args:
        folder: the model folder.
        networks: by the prefix of their tensors.

    Raises:
        DataError: the weights are of other networks.
    """
    path = folder / WEIGHTS_FILE
    try:
        tensors = load_file(path)
        for name, network in networks.items():
            network.load_state_dict(select_prefix(tensors, name))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"not the weights of this config ({reason})", path=path) from None


def _read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 (no dict)
    except (SafetensorError, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = str(error).split("\n", 1)[0]
        raise DataError(f"cannot be read ({reason})", path=path, expected="a whole safetensors file") from None
