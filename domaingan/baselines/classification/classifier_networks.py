"""The classifiers' networks: any timm model in 2D, MONAI's DenseNet in 2D and 3D."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from monai.networks.nets.densenet import DenseNet
from torch import Tensor, nn

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.classification.label_rule import LabelRule
from domaingan.core.errors import DataError
from domaingan.data import Schema

DENSE_BLOCKS = (6, 12, 24, 16)
"""Layers of the blocks of DenseNet-121 (Huang et al. 2017, https://arxiv.org/abs/1608.06993)."""

MAX_NORM_GROUPS = 8
"""Channels are normalised in this many groups (Wu and He 2018, https://arxiv.org/abs/1803.08494), or as many as divide
the width. Batches of four volumes are too small for batch normalisation: where they are alike, gradients overflow."""

INPUT_MULTIPLE = 32
"""Both networks halve their input five times."""


@dataclass(frozen=True)
class ClassifierPlan:
    """What a classifier is built from.

    Attributes:
        network: a key of :data:`CLASSIFIERS`.
        schema: names the dimensions and the channels.
        rule: what the labels are.
        labels: the labels, the rarest of the training last.
        shape: spatial shape that it sees.
        log_priors: for each label the logarithm of its share among the training images over its share among the draws.
        values: of a rule for objects the class values, the rarest first.
        width: growth of a DenseNet; its first level has twice as many channels.
        backbone: the timm model.
    """

    network: str
    schema: Schema
    rule: LabelRule
    labels: tuple[str, ...]
    shape: tuple[int, ...]
    log_priors: tuple[float, ...]
    values: tuple[int, ...] = ()
    width: int | None = None
    backbone: Backbone | None = None


class TimmClassifier(nn.Module):
    """A timm model for images of any number of channels; RGB in [0, 1] is normalised as its weights expect.

    Args:
        backbone: names the timm model.
        channels: of the images.
        classes: number of outputs.
        shape: height and width of the images.

    Raises:
        DataError: the model cannot be built for such images.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, channels: int, classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model = _create_timm_model(backbone, channels, classes, shape)
        mean, std = backbone.get_normalisation() if channels == 3 else ((0.5,) * channels, (0.5,) * channels)
        self.register_buffer("mean", torch.tensor(mean).reshape(1, channels, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, channels, 1, 1))

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Load the weights of a whole timm model, but for its classifier.

        Where images have another number of channels, each gets the mean of the weights for red, green and blue.

        Args:
            state: the weights by timm's names.
        """
        own = self.model.state_dict()
        matching = {}
        for name, tensor in state.items():
            target = own[name]
            if tensor.shape == target.shape:
                matching[name] = tensor
            elif tensor.ndim == 4 and tensor.shape[1] == 3 and tensor.shape[0] == target.shape[0]:
                channels = target.shape[1]
                matching[name] = tensor.sum(1, keepdim=True).expand(-1, channels, -1, -1) / channels
        self.model.load_state_dict(matching, strict=False)

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(B, C, H, W)`` to ``(B, classes)`` logits."""
        logits: Tensor = self.model((image - self.mean) / self.std)
        return logits


def _create_timm_model(backbone: Backbone, channels: int, classes: int, shape: tuple[int, ...]) -> Any:
    """Create a timm model; those that work at one size only are told the size."""
    import timm

    settings = {"pretrained": False, "in_chans": channels, "num_classes": classes}
    try:
        try:
            return timm.create_model(backbone.name, img_size=shape, **settings)
        except TypeError:  # it has no such argument, and takes images of any size
            return timm.create_model(backbone.name, **settings)
    except (RuntimeError, ValueError, KeyError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        expected = f"a timm model that classifies images of {' × '.join(map(str, shape))}"
        raise DataError(f"backbone {backbone.name!r}: {reason}", expected=expected) from None


def _build_timm(plan: ClassifierPlan) -> nn.Module:
    assert plan.backbone is not None
    return TimmClassifier(plan.backbone, len(plan.schema.channels), len(plan.labels), plan.shape)


def _build_densenet(plan: ClassifierPlan) -> nn.Module:
    assert plan.width is not None
    network: nn.Module = DenseNet(
        plan.schema.spatial_dims,
        len(plan.schema.channels),
        len(plan.labels),
        init_features=2 * plan.width,
        growth_rate=plan.width,
        block_config=DENSE_BLOCKS,
        norm=("group", {"num_groups": math.gcd(plan.width, MAX_NORM_GROUPS)}),
    )
    return network


CLASSIFIERS: dict[str, Callable[[ClassifierPlan], nn.Module]] = {"timm": _build_timm, "densenet": _build_densenet}
"""Classifiers by name: ``timm`` in 2D on any backbone, ``densenet`` in 2D and 3D of any width."""


def choose_classifier(network: str | None, dims: int, width: int | None, backbone: Backbone | None) -> str:
    """Choose the network, and refuse what it cannot have.

    Args:
        network: a key of :data:`CLASSIFIERS`; None for ``timm`` in 2D and ``densenet`` in 3D.
        dims: 2 or 3.
        width: growth of a DenseNet; None for a timm model.
        backbone: the timm model; None for a DenseNet.

    Raises:
        DataError: there is no such network in these dimensions, or it does not have what is asked for.
    """
    chosen = network or ("timm" if dims == 2 else "densenet")
    names = ["timm", "densenet"] if dims == 2 else ["densenet"]
    if chosen not in names:
        raise DataError(f"network {chosen!r} for classification in {dims}D", expected=f"one of {', '.join(names)}")
    if chosen == "timm" and width is not None:
        raise DataError(f"width {width} for network 'timm'", expected="a backbone, which decides its width")
    if chosen == "densenet" and backbone is not None:
        raise DataError(f"backbone {backbone.name!r} for network 'densenet'", expected="a width: it has no backbone")
    return chosen


def build_classifier(plan: ClassifierPlan, seed: int, *, is_pretrained: bool = True) -> nn.Module:
    """Build the network of a plan with weights drawn by a seed, and pretrained weights of the backbone if any.

    Args:
        plan: what it is built from.
        seed: seeds the random weights.
        is_pretrained: whether to load the backbone's weights.

    Raises:
        DataError: the network cannot be built, or its weights do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = CLASSIFIERS[plan.network](plan)
        if is_pretrained and plan.backbone is not None and isinstance(network, TimmClassifier):
            state = plan.backbone.load_weights()
            if state is not None:
                network.load_backbone(state)
    return network
