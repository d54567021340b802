"""Choose where networks run and in which precision: one place for everything that trains or predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from domaingan.core.errors import DataError

Precision = Literal["32", "bf16-mixed"]

Network = TypeVar("Network", bound=nn.Module)

CPU_FEATURES = ("amx_tile", "avx512_bf16")
"""Features of CPUs that multiply bf16 faster than float32."""

CPU = torch.device("cpu")


@dataclass(frozen=True)
class ComputeSettings:
    """Where a network runs, in which precision, and how many processes prepare its batches.

    Attributes:
        device: where the network and its batches lie.
        dtype: dtype of the forward pass: float32, or bfloat16 under autocast.
        workers: number of processes that prepare batches ahead of the training step. With 0 they are prepared between
            the steps.
    """

    device: torch.device = CPU
    dtype: torch.dtype = torch.float32
    workers: int = 0

    @property
    def is_cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    def autocast(self) -> torch.autocast:
        """Make a context in which a forward pass runs in the precision."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def move_tensor(self, tensor: Tensor) -> Tensor:
        """Move a tensor to the device; from pinned memory to a GPU without waiting for it."""
        return tensor.to(self.device, non_blocking=True)

    def place_network(self, network: Network, spatial_dims: int) -> Network:
        """Move a network to the device, with its weights in the layout that is fastest there.

        Channels come last in 2D everywhere, and in 3D on GPUs. On CPUs, oneDNN is not faster with them in 3D.

        Args:
            network: changed in place.
            spatial_dims: 2 or 3.

        Returns:
            The same network.
        """
        network.to(self.device)
        if spatial_dims == 2:
            return network.to(memory_format=torch.channels_last)
        if self.is_cuda:
            return network.to(memory_format=torch.channels_last_3d)
        return network


ON_CPU = ComputeSettings()
"""The CPU and float32, without workers."""


def check_device(device: str) -> None:
    """Refuse the name of a device that is not here.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        DataError: it is no such name, or PyTorch sees no such GPU.
    """
    kind, _, number = device.partition(":")
    is_name = device in ("auto", "cpu") or (kind == "cuda" and (number.isdigit() or device == "cuda"))
    if not is_name:
        raise DataError(f"device {device!r}", expected="auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise DataError(f"no device {device!r}", expected="auto or cpu: PyTorch sees no such GPU")


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


def choose_compute(
    device: str = "auto", precision: str = "auto", workers: int = 0, *, is_float32_on_cpu: bool = False
) -> ComputeSettings:
    """Choose the settings that names stand for on this machine.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``32`` or ``bf16``, see :func:`choose_precision`.
        workers: number of processes that prepare batches.
        is_float32_on_cpu: whether ``auto`` is float32 on every CPU, for networks whose backward pass is slower in
            bfloat16 there.

    Raises:
        DataError: there is no such device here, or no such precision.
    """
    check_device(device)
    chosen = choose_device(device)
    if precision == "auto" and is_float32_on_cpu and chosen == "cpu":
        precision = "32"
    is_bf16 = choose_precision(precision, chosen) == "bf16-mixed"
    return ComputeSettings(torch.device(chosen), torch.bfloat16 if is_bf16 else torch.float32, workers)
