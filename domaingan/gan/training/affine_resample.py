"""Resample stacks at the points of a grid, differentiable twice, as gradient penalties need it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

BILINEAR_MODE, BORDER_PADDING = 0, 1
"""Names of the mode and the padding in the operators below."""


def resample(x: Tensor, grid: Tensor) -> Tensor:
    """Resample ``x`` linearly at the points of a grid; outside, the border is repeated.

    PyTorch's own operator can be differentiated once. As it is linear in ``x``, its backward pass is its transpose, and
    the transpose's backward pass is the operator itself (as in Karras et al. 2020, https://arxiv.org/abs/2006.06676,
    appendix). No gradient flows to the grid.

    Args:
        x: ``(B, C, *size)``.
        grid: ``(B, *size, d)``, as of ``torch.nn.functional.affine_grid``.

    Returns:
        ``(B, C, *size)``.
    """
    out: Tensor = _Resample.apply(x, grid)
    return out


def _sample_grid(x: Tensor, grid: Tensor) -> Tensor:
    return grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


class _Resample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = x.shape
        return _sample_grid(x, grid)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (grid,) = ctx.saved_tensors
        return _Transpose.apply(gradients[0], grid, ctx.shape), None


class _Transpose(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        aten = torch.ops.aten
        backward = aten.grid_sampler_2d_backward if gradient.ndim == 4 else aten.grid_sampler_3d_backward
        # Only the gradient of the grid, which nobody asks for, depends on the values of this one.
        unused = torch.empty(shape, dtype=gradient.dtype, device=gradient.device)
        out: Tensor = backward(gradient, unused, grid, BILINEAR_MODE, BORDER_PADDING, False, [True, False])[0]
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (grid,) = ctx.saved_tensors
        return _Resample.apply(gradients[0], grid), None, None
