"""The segmenters' networks: a small U-Net for scans, a U-Net on an ImageNet encoder for frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from monai.losses.dice import DiceCELoss
from monai.networks.nets.basic_unet import BasicUNet, UpCat
from torch import Tensor, nn
from torch.nn import functional

from domaingan.baselines.backbones import Backbone
from domaingan.core.errors import DataError
from domaingan.data import Domain, Schema

Loss = Callable[[Tensor, Tensor], Tensor]

IGNORED_TARGET = 255
"""The target value of pixels that no loss counts."""

DECODER_CHANNELS = (128, 96, 64, 32, 16)
"""Channels of the frame network's decoder, from the coarsest; half of the library's own, as an image has 11 classes."""


def build_network(schema: Schema, classes: int, width: int, backbone: Backbone | None) -> nn.Module:
    """The network of a domain: maps ``(B, C, *patch)`` scaled images to ``(B, classes, *patch)`` logits.

    Args:
        schema: says the domain, the dimensions and the channels.
        classes: number of output channels.
        width: channels of the first level of the network for scans; they double three times.
        backbone: encoder of the network for frames.

    Raises:
        DataError: the backbone cannot be built, or its weights do not fit.
    """
    if schema.domain.has_body:
        features = (width, width, 2 * width, 4 * width, 8 * width, width)
        network: nn.Module = BasicUNet(schema.spatial_dims, len(schema.channels), classes, features)
        _replace_layers(network)
        _disable_padding(network)
    else:
        assert backbone is not None
        network = FrameUNet(backbone, classes)
    return network.to(memory_format=torch.channels_last) if schema.spatial_dims == 2 else network


class InstanceNorm(nn.Module):
    """Instance normalisation, item by item as batch normalisation: PyTorch's own undoes the channels-last layout.

    With the copies that this takes, a third of the time of a step in 2D goes away; what comes out is the same but for
    rounding.
    """

    def __init__(self, norm: nn.InstanceNorm2d | nn.InstanceNorm3d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        """From ``(B, C, *spatial)`` to the same shape."""
        items = (
            functional.batch_norm(one, None, None, self.weight, self.bias, True, 0.0, self.eps) for one in x.split(1)
        )
        return torch.cat(list(items))


class Conv3d(nn.Module):
    """A convolution in float32 where the first axis is shorter than the kernel: at the bottom of the U-Net, few voxels.

    In bfloat16 the gradient of the weights is wrong there, and may be no number at all, as oneDNN adds memory to it
    that nobody wrote (PyTorch 2.11 and 2.14, on an AMD EPYC with AVX-512 BF16).
    """

    def __init__(self, conv: nn.Conv3d) -> None:
        super().__init__()
        self.weight, self.bias, self.stride, self.padding = conv.weight, conv.bias, conv.stride, conv.padding

    def forward(self, x: Tensor) -> Tensor:
        """From ``(B, C, *spatial)`` to the same with other channels."""
        if x.shape[2] >= self.weight.shape[2]:
            return functional.conv3d(x, self.weight, self.bias, self.stride, self.padding)
        with torch.autocast(x.device.type, enabled=False):
            return functional.conv3d(x.float(), self.weight, self.bias, self.stride, self.padding).to(x.dtype)


def _replace_layers(network: nn.Module) -> None:
    """Put :class:`InstanceNorm` and :class:`Conv3d` in the places of PyTorch's, with their weights and names."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, (nn.InstanceNorm2d, nn.InstanceNorm3d)):
                setattr(module, name, InstanceNorm(child))
            elif isinstance(child, nn.Conv3d):
                setattr(module, name, Conv3d(child))


def _disable_padding(network: nn.Module) -> None:
    """Patches are multiples of ``Domain.patch_divisor``, so nothing needs padding, which autocast does in float32.

    So all that follows stays in bfloat16: a quarter of the time of a step in 2D, and the same numbers come out.
    """
    for module in network.modules():
        if isinstance(module, UpCat):
            module.is_pad = False


class FrameUNet(nn.Module):
    """segmentation-models-pytorch's Unet on a timm encoder, from RGB in [0, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, classes: int, state: Mapping[str, Tensor] | None = None) -> None:
        import segmentation_models_pytorch as smp

        super().__init__()
        try:
            self.unet = smp.Unet(
                f"tu-{backbone.name}", encoder_weights=None, classes=classes, decoder_channels=DECODER_CHANNELS
            )
        except (RuntimeError, ValueError, KeyError, AttributeError) as error:
            raise DataError(f"backbone {backbone.name!r}: {error}", expected="a timm model with a pyramid") from None
        mean, std = backbone.get_normalisation()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1))

    def load_encoder(self, state: Mapping[str, Tensor]) -> None:
        """Bring the encoder to the weights of a whole timm model; its classifier is not needed."""
        own = self.unet.encoder.model.state_dict()
        self.unet.encoder.model.load_state_dict({name: state[name] for name in own})

    def forward(self, image: Tensor) -> Tensor:
        """From ``(B, 3, H, W)`` in [0, 1], edges multiples of 32, to ``(B, classes, H, W)`` logits."""
        logits: Tensor = self.unet((image - self.mean) / self.std)
        return logits


def make_loss(domain: Domain) -> Loss:
    """Dice + cross-entropy of logits ``(B, classes, *patch)`` and targets ``(B, *patch)``, 255 not counted.

    Of scans the background's Dice is left out; frames may have no background, so that every class counts.
    """
    return _make_scan_loss() if domain.has_body else _make_frame_loss()


def _make_scan_loss() -> Loss:
    criterion = DiceCELoss(include_background=False, softmax=True, to_onehot_y=True, batch=True)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        known = torch.where(target == IGNORED_TARGET, 0, target)[:, None]
        value: Tensor = criterion(_mask_ignored_logits(logits, target), known)
        return value

    return loss


def _mask_ignored_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Logits that are certain of background where the target is ignored, so that nothing is learned there."""
    ignored = (target == IGNORED_TARGET)[:, None]
    if not bool(ignored.any()):
        return logits
    certain = torch.full_like(logits, -20.0)
    certain[:, 0] = 20.0
    return torch.where(ignored, certain, logits)


def _make_frame_loss() -> Loss:
    from segmentation_models_pytorch.losses import DiceLoss

    dice: Any = DiceLoss("multiclass", ignore_index=IGNORED_TARGET)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        value: Tensor = functional.cross_entropy(logits, target, ignore_index=IGNORED_TARGET) + dice(logits, target)
        return value

    return loss


def build_seeded_network(
    schema: Schema, classes: int, seed: int, width: int, backbone: Backbone | None, *, is_pretrained: bool = True
) -> nn.Module:
    """:func:`build_network` with random weights drawn by ``seed``, and the backbone's own where it has any."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(schema, classes, width, backbone)
        if is_pretrained and backbone is not None and isinstance(network, FrameUNet):
            state = backbone.load_weights()  # builds another model, which draws weights as well
            if state is not None:
                network.load_encoder(state)
    return network
