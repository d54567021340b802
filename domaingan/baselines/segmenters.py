"""What a segmenter's network is trained with: its weights drawn by a seed, and its loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.losses.dice import DiceCELoss
from torch import Tensor, nn
from torch.nn import functional

from domaingan.baselines.batches import IGNORED_INDEX
from domaingan.baselines.segmentation_networks import SEGMENTATION_NETWORKS, NetworkPlan
from domaingan.baselines.segmentation_networks.encoder_networks import EncoderSegmenter
from domaingan.data import Domain

Loss = Callable[[Tensor, Tensor], Tensor]


def build_seeded_network(plan: NetworkPlan, seed: int, *, is_pretrained: bool = True) -> nn.Module:
    """Build the network of a plan with weights drawn by a seed, and pretrained weights of the backbone if any.

    Args:
        plan: what it is built from.
        seed: seeds the random weights.
        is_pretrained: whether to load the backbone's weights.

    Returns:
        A network on the CPU, in training mode; see
        :class:`domaingan.baselines.segmentation_networks.base.NetworkFamily`.

    Raises:
        DataError: the backbone cannot be built, or its weights do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SEGMENTATION_NETWORKS[plan.network].build(plan)
        if is_pretrained and plan.backbone is not None and isinstance(network, EncoderSegmenter):
            state = plan.backbone.load_weights()  # builds another model, which draws weights as well
            if state is not None:
                network.load_encoder(state)
    return network.to(memory_format=torch.channels_last) if plan.schema.spatial_dims == 2 else network


def make_loss(domain: Domain) -> Loss:
    """Make Dice + cross-entropy of logits ``(B, classes, *patch)`` and class indices ``(B, *patch)``.

    :data:`IGNORED_INDEX` does not count. For scans the background's Dice is left out. Frames may have no background,
    so that every class counts. With logits of several levels, ``(B, heads, classes, *patch)``, the loss is the weighted
    mean over them: each level weighs half as much as the finer one before (Isensee et al. 2021).
    """
    criterion = _make_scan_loss() if domain.has_body else _make_frame_loss()

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        if logits.ndim == target.ndim + 1:
            return criterion(logits, target)
        heads = logits.unbind(1)
        weights = [0.5**level for level in range(len(heads))]
        total = torch.zeros((), device=logits.device)
        for weight, head in zip(weights, heads, strict=True):
            total = total + weight * criterion(head, target)
        return total / sum(weights)

    return loss


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
