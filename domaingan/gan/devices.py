"""Where a training runs and how precisely it computes: one process, or several that torchrun has started."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from domaingan.core.errors import DataError


def get_process_rank() -> int:
    """Which of torchrun's processes this is; 0 writes. 0 too where there is but one."""
    return int(os.environ.get("RANK", "0")) if torch.distributed.is_torchelastic_launched() else 0


def make_fabric(device: str, precision: str) -> Fabric:
    """Lightning Fabric on ``cpu``, ``cuda`` or ``cuda:N``; under torchrun on all its processes, which meet here.

    Raises:
        DataError: there is no such device here.
    """
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise DataError(f"device {device!r}", expected="auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise DataError(f"no device {device!r}", expected="auto or cpu: PyTorch sees no such GPU")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces every precision
    how: dict[str, Any] = {"devices": [int(number or 0)] if kind == "cuda" else 1}
    if torch.distributed.is_torchelastic_launched():
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // local
        how = {"devices": local, "num_nodes": nodes, "strategy": "ddp"}
    mode: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if precision == "bf16-mixed" else "32-true"
    fabric = Fabric(accelerator=kind, precision=mode, **how)
    fabric.launch()
    return fabric


def choose_device(device: str) -> str:
    """``auto`` is a GPU where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def choose_precision(precision: str, device: str) -> Literal["32", "bf16-mixed"]:
    """``auto`` is bf16 where the device multiplies it faster than float32: GPUs, and CPUs with AMX or AVX512-BF16."""
    if precision in ("32", "32-true"):
        return "32"
    if precision in ("bf16", "bf16-mixed"):
        return "bf16-mixed"
    if precision != "auto":
        raise DataError(f"precision {precision!r}", expected="auto, 32 or bf16")
    if device.startswith("cuda"):
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32"
    asks = [getattr(torch.cpu, f"_is_{what}_supported", None) for what in ("amx_tile", "avx512_bf16")]
    return "bf16-mixed" if any(ask() for ask in asks if ask is not None) else "32"


def average_over_processes(tensors: Iterable[Tensor | None], world_size: int) -> None:
    """Replace tensors by their means over all processes, in place; nothing happens where there is but one.

    Gradients are averaged so by hand, instead of by a wrapper of the networks, as the penalties differentiate twice and
    the discriminator is called several times a step.
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
    """The gradients of a network's parameters, those it has."""
    return [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
