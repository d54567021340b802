"""Predict class probabilities of whole images: by sliding windows, in batches, averaged over mirror images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import torch
from monai.inferers.utils import sliding_window_inference
from torch import Tensor
from torch.nn import functional

from domaingan.core.devices import ComputeSettings
from domaingan.data import Domain

WINDOW_OVERLAP = 0.25
"""Share of a window's edge that it shares with the next one."""

WINDOW_BATCHES = {2: 16, 3: 4}
"""Windows that are predicted together, by dimensions."""

Network = Callable[[Tensor], Tensor]


def list_flip_axes(domain: Domain, spatial_dims: int) -> tuple[int, ...]:
    """List the spatial axes along which images of a domain are mirrored when they are predicted.

    Classic augmentation mirrors them along these axes, too. A third axis would double the time again.

    Args:
        domain: bodies are mirrored along their first two axes, streets from left to right alone.
        spatial_dims: 2 or 3.

    >>> from domaingan.data import FRAME, SCAN
    >>> list_flip_axes(SCAN, 3), list_flip_axes(FRAME, 2)
    ((0, 1), (1,))
    """
    return (0, 1) if domain.has_body else (spatial_dims - 1,)


def predict_probabilities(
    network: Network,
    images: Tensor,
    patch: tuple[int, ...],
    compute: ComputeSettings,
    flip_axes: Sequence[int] = (),
) -> Tensor:
    """Predict the class probabilities of images of one shape.

    Args:
        network: maps ``(B, C, *patch)`` to class logits.
        images: ``(B, C, *spatial)`` in scaled units, on the device of ``compute``.
        patch: spatial shape of a window.
        compute: device and precision.
        flip_axes: spatial axes. The images are mirrored along every combination of them, predicted and turned back, and
            the mean is returned: of two predictions for one axis, of four for two.

    Returns:
        ``(B, classes, *spatial)`` float32, which sum to 1 over the classes.
    """
    with torch.inference_mode():
        total = _predict_once(network, images, patch, compute)
        for dims in _list_flipped_dims(flip_axes):
            total += _predict_once(network, images.flip(dims), patch, compute).flip(dims)
        return total / 2 ** len(flip_axes)


def _list_flipped_dims(flip_axes: Sequence[int]) -> list[tuple[int, ...]]:
    """List the dimensions of an image batch that each mirror image is flipped along, without the image itself."""
    flipped: list[tuple[int, ...]] = []
    for n_axes in range(1, len(flip_axes) + 1):
        for axes in combinations(flip_axes, n_axes):
            flipped.append(tuple(2 + axis for axis in axes))
    return flipped


def _predict_once(network: Network, images: Tensor, patch: tuple[int, ...], compute: ComputeSettings) -> Tensor:
    shape = images.shape[2:]
    with compute.autocast():
        if all(edge <= window for edge, window in zip(shape, patch, strict=True)):
            logits = _predict_padded(network, images, patch)
        else:
            batch = WINDOW_BATCHES[len(patch)]
            logits = sliding_window_inference(images, patch, batch, network, overlap=WINDOW_OVERLAP, mode="gaussian")
    return logits.float().softmax(1)


def _predict_padded(network: Network, images: Tensor, patch: tuple[int, ...]) -> Tensor:
    """Predict images that are no larger than a window: each lies in the middle of one."""
    padding: list[int] = []
    middle: list[slice] = [slice(None), slice(None)]
    for edge, window in zip(images.shape[2:], patch, strict=True):
        before = (window - edge) // 2
        padding = [before, window - edge - before, *padding]  # the last axis comes first
        middle.append(slice(before, before + edge))
    padded = functional.pad(images, padding) if any(padding) else images
    return network(padded)[tuple(middle)]
