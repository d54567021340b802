"""Features of images: what a network that has never seen the data sees in them. Nothing is downloaded."""

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
"""The network of ``auto`` where its weights are installed: ImageNet's, Apache-2.0, for CPUs."""

FEATURE_SPECS = "auto, random, timm:NAME[=WEIGHTS_FILE] or onnx:FILE:NODE"

FEATURE_BATCH_SIZE = 16
"""Images that are taken through a network at a time: on a CPU the fastest, as they stay in its caches."""


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
        """Features ``(N, F)`` of images ``(N, C, *size)`` in [0, 1]; what lies outside counts as 0 or 1.

        Raises:
            DataError: no images of ``spatial_dims`` dimensions, or one that holds NaN.
        """
        if images.ndim != self.spatial_dims + 2 or not len(images):
            axes = "D, H, W" if self.spatial_dims == 3 else "H, W"
            raise DataError(f"images of shape {tuple(images.shape)}", expected=f"(N, C, {axes})")
        pieces = [
            self._compute_features(images[start : start + FEATURE_BATCH_SIZE])
            for start in range(0, len(images), FEATURE_BATCH_SIZE)
        ]
        return np.concatenate(pieces)

    def _compute_features(self, images: NDArray[np.floating] | Tensor) -> NDArray[np.float32]:
        batch = images.detach() if isinstance(images, Tensor) else torch.from_numpy(np.array(images, np.float32))
        batch = batch.to(self.device, torch.float32)
        if batch.isnan().any():
            raise DataError("NaN in the images", expected="numbers in [0, 1]")
        shown = make_views(batch.clamp(0, 1), self.network.channels, len(self.network.size), self.rgb)
        features = [self.network(resize_pictures(view, self.network.size)).float() for view in shown]
        return torch.cat(features, 1).cpu().numpy()


def make_extractor(
    spec: str = "auto", *, spatial_dims: int = 2, rgb: bool = True, device: str = "cpu"
) -> FeatureExtractor:
    """The extractor that a spec names.

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

        network = RandomFeatures(spatial_dims, device, why=" (no weights installed)" if spec == "auto" else "")
    else:
        raise DataError(f"features {spec!r}", expected=FEATURE_SPECS)
    return FeatureExtractor(network, spatial_dims=spatial_dims, rgb=rgb, device=device)
