"""segmentation-models-pytorch's networks on a timm encoder, for frames: Unet, DeepLabV3+ and FPN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.segmentation_networks.base import NetworkFamily, NetworkPlan
from domaingan.core.errors import DataError

DECODER_CHANNELS = (128, 96, 64, 32, 16)
"""Channels of the U-Net's decoder, from the coarsest; half of the library's default."""

PYRAMID_CHANNELS = 128
"""Channels of the FPN's pyramid and of DeepLabV3+'s decoder; half of the library's default."""


class EncoderSegmenter(nn.Module):
    """A network of segmentation-models-pytorch on a timm encoder, for RGB in [0, 1].

    Args:
        model_name: a class of that library.
        backbone: names the timm model.
        classes: number of output channels.
        settings: of the network.

    Raises:
        DataError: timm has no such model, or it has no feature pyramid of the kind that the network needs.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model_name: str, backbone: Backbone, classes: int, settings: Mapping[str, Any]) -> None:
        import segmentation_models_pytorch as smp

        super().__init__()
        build = getattr(smp, model_name)
        try:
            self.model = build(f"tu-{backbone.name}", encoder_weights=None, classes=classes, **settings)
        except (RuntimeError, ValueError, KeyError, AttributeError, TypeError, NotImplementedError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            found = f"backbone {backbone.name!r} for {model_name}: {reason}"
            raise DataError(found, expected="a timm model with a pyramid that this network can use") from None
        mean, std = backbone.get_normalisation()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1))

    def load_encoder(self, state: Mapping[str, Tensor]) -> None:
        """Load the weights of a whole timm model into the encoder; those of its classifier are not used."""
        encoder = self.model.encoder.model
        encoder.load_state_dict({name: state[name] for name in encoder.state_dict()})

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(B, 3, H, W)`` in [0, 1], whose edges are multiples of 32, to ``(B, classes, H, W)`` logits."""
        logits: Tensor = self.model((image - self.mean) / self.std)
        return logits


def build_encoder_unet(plan: NetworkPlan) -> nn.Module:
    """Build a U-Net on the encoder (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597).

    Args:
        plan: what it is built from.
    """
    return _build(plan, "Unet", {"decoder_channels": DECODER_CHANNELS})


def build_deeplabv3plus(plan: NetworkPlan) -> nn.Module:
    """Build DeepLabV3+ (Chen et al. 2018, https://arxiv.org/abs/1802.02611): dilated, with little upsampling.

    Args:
        plan: what it is built from.
    """
    return _build(plan, "DeepLabV3Plus", {"decoder_channels": PYRAMID_CHANNELS})


def build_fpn(plan: NetworkPlan) -> nn.Module:
    """Build a feature pyramid network (Kirillov et al. 2019, https://arxiv.org/abs/1901.02446).

    Args:
        plan: what it is built from.
    """
    settings = {"decoder_pyramid_channels": PYRAMID_CHANNELS, "decoder_segmentation_channels": PYRAMID_CHANNELS // 2}
    return _build(plan, "FPN", settings)


def _build(plan: NetworkPlan, model_name: str, settings: Mapping[str, Any]) -> nn.Module:
    assert plan.backbone is not None
    return EncoderSegmenter(model_name, plan.backbone, plan.n_classes, settings)


ENCODER_UNET = NetworkFamily(build_encoder_unet, is_rgb=True)
DEEPLABV3PLUS = NetworkFamily(build_deeplabv3plus, is_rgb=True)
FPN = NetworkFamily(build_fpn, is_rgb=True)
