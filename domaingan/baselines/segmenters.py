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
from domaingan.baselines.batches import IGNORED_INDEX
from domaingan.core.errors import DataError
from domaingan.data import Domain, Schema

Loss = Callable[[Tensor, Tensor], Tensor]

DECODER_CHANNELS = (128, 96, 64, 32, 16)
"""Channels of the frame network's decoder, from the coarsest; half of the library's default."""


def build_network(schema: Schema, classes: int, width: int, backbone: Backbone | None) -> nn.Module:
    """Build the network of a domain: it maps ``(B, C, *patch)`` scaled images to ``(B, classes, *patch)`` logits.

    Args:
        schema: names the domain, the dimensions and the channels.
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
        """Convolve ``(B, C, *spatial)``; only the number of channels changes."""
        if x.shape[2] >= self.weight.shape[2]:
            return functional.conv3d(x, self.weight, self.bias, self.stride, self.padding)
        with torch.autocast(x.device.type, enabled=False):
            return functional.conv3d(x.float(), self.weight, self.bias, self.stride, self.padding).to(x.dtype)


def _replace_layers(network: nn.Module) -> None:
    """Replace PyTorch's layers by :class:`InstanceNorm` and :class:`Conv3d`, with the same weights and names."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, (nn.InstanceNorm2d, nn.InstanceNorm3d)):
                setattr(module, name, InstanceNorm(child))
            elif isinstance(child, nn.Conv3d):
                setattr(module, name, Conv3d(child))


def _disable_padding(network: nn.Module) -> None:
    """Disable padding, which autocast does in float32.

    Patches are multiples of ``Domain.patch_divisor``, so that nothing needs padding. All that follows then stays in
    bfloat16: a step in 2D takes a quarter less time, and the output is the same.
    """
    for module in network.modules():
        if isinstance(module, UpCat):
            module.is_pad = False


class FrameUNet(nn.Module):
    """segmentation-models-pytorch's Unet on a timm encoder, for RGB in [0, 1].

    Args:
        backbone: names the timm model.
        classes: number of output channels.

    Raises:
        DataError: timm has no such model, or it has no feature pyramid.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, classes: int) -> None:
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
        """Load the weights of a whole timm model into the encoder; those of its classifier are not used."""
        encoder = self.unet.encoder.model
        encoder.load_state_dict({name: state[name] for name in encoder.state_dict()})

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(B, 3, H, W)`` in [0, 1], whose edges are multiples of 32, to ``(B, classes, H, W)`` logits."""
        logits: Tensor = self.unet((image - self.mean) / self.std)
        return logits


def make_loss(domain: Domain) -> Loss:
    """Make Dice + cross-entropy of logits ``(B, classes, *patch)`` and class indices ``(B, *patch)``.

    :data:`IGNORED_INDEX` does not count. For scans the background's Dice is left out. Frames may have no background,
    so that every class counts.
    """
    return _make_scan_loss() if domain.has_body else _make_frame_loss()


def _make_scan_loss() -> Loss:
    criterion = DiceCELoss(include_background=False, softmax=True, to_onehot_y=True, batch=True)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        without_ignored = torch.where(target == IGNORED_INDEX, 0, target)[:, None]
        value: Tensor = criterion(_mask_ignored_logits(logits, target), without_ignored)
        return value

    return loss


def _mask_ignored_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Set logits to certain background where the target is ignored, so that nothing is learned there."""
    is_ignored = (target == IGNORED_INDEX)[:, None]
    if not bool(is_ignored.any()):
        return logits
    certain = torch.full_like(logits, -20.0)
    certain[:, 0] = 20.0
    return torch.where(is_ignored, certain, logits)


def _make_frame_loss() -> Loss:
    from segmentation_models_pytorch.losses import DiceLoss

    dice: Any = DiceLoss("multiclass", ignore_index=IGNORED_INDEX)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        cross_entropy = functional.cross_entropy(logits, target, ignore_index=IGNORED_INDEX)
        value: Tensor = cross_entropy + dice(logits, target)
        return value

    return loss


def build_seeded_network(
    schema: Schema, classes: int, seed: int, width: int, backbone: Backbone | None, *, is_pretrained: bool = True
) -> nn.Module:
    """Build the network of a domain with weights drawn by a seed, and pretrained weights of the backbone if any.

    Args:
        schema: see :func:`build_network`.
        classes: see there.
        seed: seeds the random weights.
        width: see there.
        backbone: see there.
        is_pretrained: whether to load the backbone's weights.

    Raises:
        DataError: see there.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(schema, classes, width, backbone)
        if is_pretrained and backbone is not None and isinstance(network, FrameUNet):
            state = backbone.load_weights()  # builds another model, which draws weights as well
            if state is not None:
                network.load_encoder(state)
    return network
