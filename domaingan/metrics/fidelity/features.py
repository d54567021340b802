"""Features of images, computed by a network that was not trained on the data. Nothing is downloaded."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaingan.core.errors import DataError
from domaingan.core.timm_weights import TimmModel
from domaingan.metrics.fidelity.picture_views import make_views, resize_pictures

DEFAULT_NETWORK = "tf_efficientnet_lite0"
"""The network of ``auto`` where its weights are installed: trained on ImageNet, Apache-2.0, made for CPUs."""

FEATURE_SPECS = "auto, random, timm:NAME[=WEIGHTS_FILE] or onnx:FILE:NODE"

FEATURE_BATCH_SIZE = 16
"""Images in a batch. On a CPU this is the fastest, as they stay in its caches."""


class FeatureNetwork(Protocol):
    """What an :class:`FeatureExtractor` needs of a network.

    Attributes:
        name: what its features are, in words.
        channels: of a picture; None where it takes any number.
        size: of a picture, ``(H, W)``, or ``(D, H, W)`` where it takes volumes.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def channels(self) -> int | None: ...  # noqa: D102
    @property
    def size(self) -> tuple[int, ...]: ...  # noqa: D102
    def __call__(self, pictures: Tensor) -> Tensor: ...  # noqa: D102


class FeatureExtractor:
    """Turns images into vectors of features, the same ones every time.

    A network sees pictures of its own size and number of channels. Images with as many channels go in as they are;
    of others every channel is a grey picture by itself, and their features stand side by side. Volumes are shown to
    a network for pictures as three slices of every channel, through the middle across each axis.

    Args:
        network: what computes the features.
        spatial_dims: 2 for images ``(N, C, H, W)``, 3 for volumes ``(N, C, D, H, W)``.
        rgb: three channels are the colours of a picture; False where they are a scan's, each of its own kind.
        device: where the network is.

    Attributes:
        name: what the features are, in words.
    """

    def __init__(
        self, network: FeatureNetwork, *, spatial_dims: int = 2, rgb: bool = True, device: str = "cpu"
    ) -> None:
        self.network, self.spatial_dims, self.rgb, self.device = network, spatial_dims, rgb, device
        self.name = network.name

    @torch.no_grad()
    def __call__(self, images: NDArray[np.floating] | Tensor) -> NDArray[np.float32]:
        """Compute the features of images.

        Args:
            images: ``(N, C, *size)`` in [0, 1]; what lies outside is clipped.

        Returns:
            ``(N, F)``.

        Raises:
            DataError: no images of ``spatial_dims`` dimensions, or one that holds NaN.
        """
        if images.ndim != self.spatial_dims + 2 or not len(images):
            axes = "D, H, W" if self.spatial_dims == 3 else "H, W"
            raise DataError(f"images of shape {tuple(images.shape)}", expected=f"(N, C, {axes})")
        pieces = []
        for start in range(0, len(images), FEATURE_BATCH_SIZE):
            pieces.append(self._compute_features(images[start : start + FEATURE_BATCH_SIZE]))
        return np.concatenate(pieces)

    def _compute_features(self, images: NDArray[np.floating] | Tensor) -> NDArray[np.float32]:
        batch = images.detach() if isinstance(images, Tensor) else torch.from_numpy(np.array(images, np.float32))
        batch = batch.to(self.device, torch.float32)
        if batch.isnan().any():
            raise DataError("NaN in the images", expected="numbers in [0, 1]")
        network = self.network
        views = make_views(batch.clamp(0, 1), network.channels, len(network.size), self.rgb)
        features = []
        for view in views:
            features.append(network(resize_pictures(view, network.size)).float())
        return torch.cat(features, 1).cpu().numpy()


def make_extractor(
    spec: str = "auto", *, spatial_dims: int = 2, rgb: bool = True, device: str = "cpu"
) -> FeatureExtractor:
    """Make the extractor that a spec names.

    Args:
        spec: ``auto`` for efficientnet-lite0 with ImageNet weights where the extra ``pretrained`` is installed, else
            ``random``; ``random`` for fixed random convolutions; ``timm:NAME[=WEIGHTS_FILE]``;
            ``onnx:FILE:NODE`` for an output or an inner tensor of an ONNX file, computed on the CPU.
        spatial_dims: 2 or 3.
        rgb: three channels are the colours of a picture, see :class:`FeatureExtractor`.
        device: torch's name of it, such as ``cuda``.

    Raises:
        DataError: the spec names nothing, or what it names cannot be read or has no weights.
    """
    kind, _, rest = spec.partition(":")
    if spec == "auto" and TimmModel(DEFAULT_NETWORK).has_packaged_weights:
        kind, spec = "timm", f"timm:{DEFAULT_NETWORK}"
    network: FeatureNetwork
    if kind == "timm":
        from domaingan.metrics.fidelity.timm_features import TimmFeatures

        network = TimmFeatures(spec, device)
    elif kind == "onnx" and rest:
        from domaingan.metrics.fidelity.onnx_features import OnnxFeatures

        network = OnnxFeatures(rest, spatial_dims)
    elif spec in ("auto", "random"):
        from domaingan.metrics.fidelity.random_features import RandomFeatures

        note = " (no weights installed)" if spec == "auto" else ""
        network = RandomFeatures(spatial_dims, device, note)
    else:
        raise DataError(f"features {spec!r}", expected=FEATURE_SPECS)
    return FeatureExtractor(network, spatial_dims=spatial_dims, rgb=rgb, device=device)
