"""Predict class probabilities of whole images: by sliding windows, in batches, averaged over mirror images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    """List the spatial axes along which classic augmentation mirrors images of a domain.

    Args:
        domain: bodies are mirrored along every axis, streets from left to right alone.
        spatial_dims: 2 or 3.

    >>> from domaingan.data import FRAME, SCAN
    >>> list_flip_axes(SCAN, 3), list_flip_axes(FRAME, 2)
    ((0, 1, 2), (1,))
    """
    axes = tuple(range(spatial_dims))
    return axes if domain.has_body else axes[-1:]


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
        flip_axes: spatial axes. Besides the images themselves, their mirror images along each of these axes are
            predicted and turned back; the mean of all is returned.

    Returns:
        ``(B, classes, *spatial)`` float32, which sum to 1 over the classes.
    """
    with torch.inference_mode():
        total = _predict_once(network, images, patch, compute)
        for axis in flip_axes:
            mirrored = _predict_once(network, images.flip(2 + axis), patch, compute)
            total += mirrored.flip(2 + axis)
        return total / (1 + len(flip_axes))


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
