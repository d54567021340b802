"""Resampling of stacks at the points of a grid that can be differentiated twice, as gradient penalties need it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

BILINEAR_MODE, BORDER_PADDING = 0, 1
"""What the operators below call the mode and the padding."""


def resample(x: Tensor, grid: Tensor) -> Tensor:
    """``x`` ``(B, C, *size)`` at the points ``(B, *size, d)`` of a grid, linearly; the border is repeated outside.

    PyTorch's own operator can be differentiated once. As it is linear in ``x``, its backward pass is its transpose, and
    the transpose's backward pass is itself (as in Karras et al. 2020, https://arxiv.org/abs/2006.06676, appendix).
    No gradient flows to the grid.
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
        backward = (
            torch.ops.aten.grid_sampler_2d_backward if gradient.ndim == 4 else torch.ops.aten.grid_sampler_3d_backward
        )
        anything = torch.empty(
            shape, dtype=gradient.dtype, device=gradient.device
        )  # matters for the grid's gradient alone
        out: Tensor = backward(gradient, anything, grid, BILINEAR_MODE, BORDER_PADDING, False, [True, False])[0]
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (grid,) = ctx.saved_tensors
        return _Resample.apply(gradients[0], grid), None, None
