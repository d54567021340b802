"""The detectors' networks: torchvision's, on a feature pyramid over a timm backbone or as torchvision builds them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torchvision.models import detection, get_model, list_models
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.weights import read_state_dict
from domaingan.core.errors import DataError

FrameSize = tuple[int, int]

PYRAMID_STRIDES = (8, 16, 32)
"""Of the backbone's features that the pyramid is built on; a level of stride 64 is added. Objects in frames are small:
half of a town's pedestrians are lower than 25 pixels at 240 lines, and a stride of 16 would lose them."""

MAX_FROZEN_STRIDE = 4
"""Stride of the features up to which a trained backbone stays as it is: edges and colours are the same everywhere, and
it saves two fifths of a step."""

PYRAMID_CHANNELS = 96
"""Channels of every level of the pyramid."""

ANCHOR_RATIOS = (0.5, 1.0, 2.0, 3.5)
"""Height to width of the anchors: cars from the side, from the front, cyclists, people."""

DETECTION_LIMITS = {"score_thresh": 0.02, "nms_thresh": 0.5, "detections_per_img": 100}
"""What counts as found: COCO scores at most 100 boxes a picture."""


class BackbonePyramid(nn.Module):
    """A timm backbone with a feature pyramid on it (Lin et al. 2017): levels of stride 8, 16, 32 and 64.

    Args:
        backbone: names the timm model; its weights are not loaded yet.

    Raises:
        DataError: it has no features at these strides.
    """

    def __init__(self, backbone: Backbone) -> None:
        import timm

        super().__init__()
        try:
            reductions = timm.create_model(backbone.name, features_only=True).feature_info.reduction()
            chosen = [reductions.index(stride) for stride in PYRAMID_STRIDES]
            self.body = timm.create_model(backbone.name, features_only=True, out_indices=chosen)
        except (RuntimeError, ValueError, KeyError, AttributeError) as error:
            expected = f"a timm model with features at strides {', '.join(map(str, PYRAMID_STRIDES))}"
            raise DataError(f"backbone {backbone.name!r}: {error}", expected=expected) from None
        self.fpn = FeaturePyramidNetwork(self.body.feature_info.channels(), PYRAMID_CHANNELS, LastLevelMaxPool())
        self.out_channels = PYRAMID_CHANNELS
        self.is_pretrained = False

    def load_body(self, state: Mapping[str, Tensor]) -> None:
        """Bring the backbone to the weights of a whole timm model; its classifier is not needed.

        Up to :data:`MAX_FROZEN_STRIDE` they stay so, and so do all the statistics of its normalisation, which a few
        frames a batch would only blur (as is usual for detectors: He et al. 2016, Ren et al. 2015).
        """
        # timm joins the names of what it flattens by underscores: stages.0 becomes stages_0.
        joined = {name.replace(".", "_"): value for name, value in state.items()}
        self.body.load_state_dict({name: joined[name.replace(".", "_")] for name in self.body.state_dict()})
        self.is_pretrained = True
        for parameter in self._list_early_parameters():
            parameter.requires_grad_(False)

    def _list_early_parameters(self) -> list[nn.Parameter]:
        """The backbone's parameters up to :data:`MAX_FROZEN_STRIDE`, in the order in which a frame passes them."""
        named = dict(self.body.named_parameters())
        last = [
            str(i["module"]).replace(".", "_")
            for i in self.body.feature_info.info
            if i["reduction"] == MAX_FROZEN_STRIDE
        ]
        ends = [n for n, name in enumerate(named) if last and name.replace(".", "_").startswith(f"{last[0]}_")]
        return list(named.values())[: ends[-1] + 1] if ends else []

    def train(self, mode: bool = True) -> Self:
        """As of any module, but that a trained backbone's normalisation keeps its statistics."""
        super().train(mode)
        if self.is_pretrained:
            for module in self.body.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, image: Tensor) -> OrderedDict[str, Tensor]:
        """From ``(B, 3, H, W)`` to the levels by name, each ``(B, PYRAMID_CHANNELS, ⌈H / stride⌉, ⌈W / stride⌉)``."""
        levels: OrderedDict[str, Tensor] = self.fpn(OrderedDict((str(i), x) for i, x in enumerate(self.body(image))))
        return levels


def _make_anchors(scales: tuple[float, ...], ratios: tuple[float, ...]) -> AnchorGenerator:
    """Anchors of these multiples of each level's stride."""
    strides = (*PYRAMID_STRIDES, 2 * PYRAMID_STRIDES[-1])
    return AnchorGenerator(tuple(tuple(s * scale for scale in scales) for s in strides), (ratios,) * len(strides))


def _build_ssdlite(pyramid: BackbonePyramid, classes: int) -> nn.Module:
    """Single shot, separable heads (Liu et al. 2016, Sandler et al. 2018), as "SSDlite with FPN" is known."""
    anchors = _make_anchors((1.0, 1.6, 2.4), ANCHOR_RATIOS)
    each = anchors.num_anchors_per_location()
    head = SSDLiteHead([PYRAMID_CHANNELS] * len(each), each, classes, partial(nn.BatchNorm2d, eps=1e-3))
    return SSD(pyramid, anchors, (1, 1), classes, head=head, iou_thresh=0.4, topk_candidates=200, **DETECTION_LIMITS)


def _build_fcos(pyramid: BackbonePyramid, classes: int) -> nn.Module:
    """Without anchors, a box a point (Tian et al. 2019)."""
    return detection.FCOS(
        pyramid, classes, anchor_generator=_make_anchors((1.0,), (1.0,)), topk_candidates=200, **DETECTION_LIMITS
    )


def _build_fasterrcnn(pyramid: BackbonePyramid, classes: int) -> nn.Module:
    """Proposals, then a look at each (Ren et al. 2015)."""
    return detection.FasterRCNN(
        pyramid,
        classes,
        rpn_anchor_generator=_make_anchors((2.0,), ANCHOR_RATIOS),
        rpn_pre_nms_top_n_train=1000,
        rpn_post_nms_top_n_train=500,
        rpn_pre_nms_top_n_test=500,
        rpn_post_nms_top_n_test=200,
        rpn_batch_size_per_image=128,
        box_batch_size_per_image=128,
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2"], output_size=7, sampling_ratio=2),
        **{f"box_{name}": value for name, value in DETECTION_LIMITS.items()},
    )


DETECTORS: dict[str, Callable[[BackbonePyramid, int], nn.Module]] = {
    "ssdlite": _build_ssdlite,
    "fcos": _build_fcos,
    "fasterrcnn": _build_fasterrcnn,
}
"""Detectors that stand on any timm backbone, by name. torchvision's own builders go by their names as well, each with
its own backbone."""


def list_torchvision_detectors() -> list[str]:
    """torchvision's detectors of boxes by the names of their builders, such as ``ssdlite320_mobilenet_v3_large``."""
    return [name for name in list_models(module=detection) if not name.startswith(("mask", "keypoint"))]


def check_detector_name(name: str) -> None:
    """Refuse what is no detector's name.

    Raises:
        DataError: the names that there are.
    """
    known = [*DETECTORS, *list_torchvision_detectors()]
    if name not in known:
        raise DataError(f"no detector {name!r}", expected=f"one of {', '.join(known)}")


def build_detector(
    spec: str, backbone: Backbone | None, classes: int, size: FrameSize, seed: int, *, is_pretrained: bool = True
) -> nn.Module:
    """A detector with random weights drawn by ``seed``, then those that are given.

    Args:
        spec: ``NAME[=WEIGHTS_FILE]``, the name one of :data:`DETECTORS` or of :func:`list_torchvision_detectors`. The
            file is a state dict of that detector; its head may be for other classes, and is then left random.
        backbone: what :data:`DETECTORS` stand on.
        classes: number of classes, the background included.
        size: height and width that it works at.
        seed: seeds what is random.
        pretrained: whether to read weights at all.

    Raises:
        DataError: there is no such detector, or weights cannot be read or do not fit.
    """
    name, _, file = spec.partition("=")
    check_detector_name(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _build_network(name, backbone, classes)
        state = backbone.load_weights() if backbone and name in DETECTORS and is_pretrained and not file else None
    mean, std = network.transform.image_mean, network.transform.image_std
    if name in DETECTORS and backbone is not None:
        mean, std = backbone.get_normalisation()
    if state is not None:
        network.backbone.load_body(state)
    if file and is_pretrained:
        _load_matching_weights(network, read_state_dict(Path(file).expanduser()), classes, Path(file))
    network.transform = GeneralizedRCNNTransform(min(size), max(size), mean, std, fixed_size=(size[1], size[0]))
    return network.to(memory_format=torch.channels_last)


def _build_network(name: str, backbone: Backbone | None, classes: int) -> Any:
    if name in DETECTORS:
        if backbone is None:
            raise DataError(f"detector {name!r} without a backbone", expected="timm:NAME[=WEIGHTS_FILE]")
        return DETECTORS[name](BackbonePyramid(backbone), classes)
    return get_model(name, weights=None, weights_backbone=None, num_classes=classes)


def _load_matching_weights(network: nn.Module, state: Mapping[str, Tensor], classes: int, path: Path) -> None:
    """Load all weights but those of a head for another number of classes."""
    own = network.state_dict()
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    if missing:
        raise DataError(f"no {missing[0]!r}", path=path, expected=f"{len(own)} tensors of the detector")
    other = {name for name in own if name in state and state[name].shape != own[name].shape}
    for name in other:
        if state[name].shape[1:] != own[name].shape[1:] or own[name].shape[0] % classes:
            raise DataError(f"{name} {tuple(state[name].shape)}", path=path, expected=f"{tuple(own[name].shape)}")
    network.load_state_dict({name: state[name] for name in own if name in state and name not in other}, strict=False)


class _AutocastBackbone(nn.Module):
    """Runs a backbone under autocast and hands on float32: matching and suppressing boxes needs it."""

    def __init__(self, inner: nn.Module, precision: torch.dtype) -> None:
        super().__init__()
        self.inner, self.precision = inner, precision

    def forward(self, image: Tensor) -> OrderedDict[str, Tensor]:
        with torch.autocast("cpu", dtype=self.precision):
            levels: Mapping[str, Tensor] = self.inner(image)
        return OrderedDict((name, level.float()) for name, level in levels.items())


@contextmanager
def use_backbone_precision(network: nn.Module, precision: torch.dtype) -> Iterator[None]:
    """Inside the block the detector's backbone runs in this precision."""
    inner = network.backbone
    if precision != torch.float32:
        network.backbone = _AutocastBackbone(inner, precision)  # type: ignore[arg-type]
    try:
        yield
    finally:
        network.backbone = inner
