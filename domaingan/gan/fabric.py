"""Set up the training of a GAN, which runs in one process or in several that torchrun has started."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from domaingan.core.devices import check_device


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
    check_device(device)
    kind, _, number = device.partition(":")
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
