"""Choose device and precision of a training, which runs in one process or in several that torchrun has started."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from domaingan.core.errors import DataError

Precision = Literal["32", "bf16-mixed"]

CPU_FEATURES = ("amx_tile", "avx512_bf16")
"""Features of CPUs that multiply bf16 faster than float32."""


def get_process_rank() -> int:
    """Return the number of this process among those that torchrun has started; 0 without torchrun.

    The process with number 0 writes the files.
    """
    return int(os.environ.get("RANK", "0")) if torch.distributed.is_torchelastic_launched() else 0


def make_fabric(device: str, precision: str) -> Fabric:
    """Make and launch a Lightning Fabric; under torchrun on all its processes, which wait for one another here.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``32`` or ``bf16-mixed``.

    Raises:
        DataError: there is no such device here.
    """
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise DataError(f"device {device!r}", expected="auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise DataError(f"no device {device!r}", expected="auto or cpu: PyTorch sees no such GPU")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would report every precision
    arguments: dict[str, Any] = {"devices": [int(number or 0)] if kind == "cuda" else 1}
    if torch.distributed.is_torchelastic_launched():
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // local
        arguments = {"devices": local, "num_nodes": nodes, "strategy": "ddp"}
    mode: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if precision == "bf16-mixed" else "32-true"
    fabric = Fabric(accelerator=kind, precision=mode, **arguments)
    fabric.launch()
    return fabric


def choose_device(device: str) -> str:
    """Return the device that ``auto`` stands for: a GPU if there is one."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_precision(precision: str, device: str) -> Precision:
    """Choose the precision of a training.

    Args:
        precision: ``32``, ``bf16`` or ``auto``. The last one is bf16 if the device multiplies it faster than float32:
            GPUs, and CPUs with AMX or AVX512-BF16.
        device: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        DataError: the precision is another one.
    """
    if precision in ("32", "32-true"):
        return "32"
    if precision in ("bf16", "bf16-mixed"):
        return "bf16-mixed"
    if precision != "auto":
        raise DataError(f"precision {precision!r}", expected="auto, 32 or bf16")
    if device.startswith("cuda"):
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32"
    for feature in CPU_FEATURES:
        is_supported = getattr(torch.cpu, f"_is_{feature}_supported", None)
        if is_supported is not None and is_supported():
            return "bf16-mixed"
    return "32"


def average_over_processes(tensors: Iterable[Tensor | None], world_size: int) -> None:
    """Replace tensors by their means over all processes, in place. With one process nothing changes.

    No wrapper of the networks averages their gradients, because the penalties differentiate twice and the discriminator
    is called several times in a step.

    Args:
        tensors: the same in all processes.
        world_size: number of processes.
    """
    present = [tensor for tensor in tensors if tensor is not None]
    if world_size == 1 or not present:
        return
    flat = torch.cat([tensor.detach().flatten() for tensor in present])
    torch.distributed.all_reduce(flat)
    flat /= world_size
    for tensor, mean in zip(present, flat.split([tensor.numel() for tensor in present]), strict=True):
        tensor.copy_(mean.view_as(tensor))


def collect_gradients(network: nn.Module) -> list[Tensor]:
    """Return the gradients of a network's parameters that have one."""
    return [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
