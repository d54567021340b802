"""Layers of the networks for scans that are faster, or more exact in bfloat16, than PyTorch's own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class InstanceNorm(nn.Module):
    """Instance normalisation, computed item by item as batch normalisation.

    PyTorch's own undoes the channels-last layout. Without the copies that this needs, a step in 2D takes a third less
    time; the output is the same but for rounding.

    Args:
        norm: PyTorch's own, whose weights are used.
    """

    def __init__(self, norm: nn.InstanceNorm2d | nn.InstanceNorm3d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(B, C, *spatial)``; the shape stays."""
        items = []
        for item in x.split(1):
            items.append(functional.batch_norm(item, None, None, self.weight, self.bias, True, 0.0, self.eps))
        return torch.cat(items)


class Conv3d(nn.Module):
    """A convolution that runs in float32 where the first axis is shorter than the kernel.

    This is so at the bottom of the U-Net, for few voxels. In bfloat16 the gradient of the weights is wrong there, and
    may be no number at all: oneDNN adds uninitialised memory to it (PyTorch 2.11 and 2.14, on an AMD EPYC with AVX-512
    BF16).

    Args:
        conv: PyTorch's own, whose weights are used.
    """

    def __init__(self, conv: nn.Conv3d) -> None:
        super().__init__()
        self.weight, self.bias, self.stride, self.padding = conv.weight, conv.bias, conv.stride, conv.padding

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``(B, C, *spatial)``; the number of channels and, with a stride, the shape change."""
        if x.shape[2] >= self.weight.shape[2]:
            return functional.conv3d(x, self.weight, self.bias, self.stride, self.padding)
        with torch.autocast(x.device.type, enabled=False):
            return functional.conv3d(x.float(), self.weight, self.bias, self.stride, self.padding).to(x.dtype)


def replace_layers(network: nn.Module) -> None:
    """Replace PyTorch's layers by :class:`InstanceNorm` and :class:`Conv3d`, with the same weights and names.

    Args:
        network: changed in place.
    """
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, (nn.InstanceNorm2d, nn.InstanceNorm3d)):
                setattr(module, name, InstanceNorm(child))
            elif isinstance(child, nn.Conv3d):
                setattr(module, name, Conv3d(child))
