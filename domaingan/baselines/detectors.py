"""The networks of detectors: torchvision's, on a feature pyramid of a timm backbone or as torchvision builds them."""

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
from domaingan.core.devices import ComputeSettings
from domaingan.core.errors import DataError
from domaingan.core.state_dicts import read_state_dict

FrameSize = tuple[int, int]

PYRAMID_STRIDES = (8, 16, 32)
"""Strides of the backbone's features that the pyramid is built on; a level of stride 64 is added. Objects in frames are
small: half of a town's pedestrians are lower than 25 pixels at 240 lines, and are lost at a stride of 16."""

MAX_FROZEN_STRIDE = 4
"""Stride of the features up to which a pretrained backbone is frozen: edges and colours are the same everywhere, and a
step takes two fifths less time."""

PYRAMID_CHANNELS = 96
"""Channels of every level of the pyramid."""

ANCHOR_RATIOS = (0.5, 1.0, 2.0, 3.5)
"""Height to width of the anchors: cars from the side, cars from the front, cyclists, pedestrians."""

DETECTION_LIMITS = {"score_thresh": 0.02, "nms_thresh": 0.5, "detections_per_img": 100}
"""Which boxes are returned; COCO scores at most 100 an image."""


class BackbonePyramid(nn.Module):
    """A timm backbone with a feature pyramid (Lin et al. 2017): levels of stride 8, 16, 32 and 64.

    Args:
        backbone: names the timm model; its weights are not loaded yet.

    Raises:
        DataError: there is no such model, or it has no features at these strides.
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
        """Load the weights of a whole timm model into the backbone; those of its classifier are not used.

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
        """List the backbone's parameters up to :data:`MAX_FROZEN_STRIDE`, in the order of the forward pass."""
        frozen_modules = []
        for feature in self.body.feature_info.info:
            if feature["reduction"] == MAX_FROZEN_STRIDE:
                frozen_modules.append(str(feature["module"]).replace(".", "_"))
        if not frozen_modules:
            return []
        parameters: list[nn.Parameter] = []
        n_early = 0
        for name, parameter in self.body.named_parameters():
            parameters.append(parameter)
            if name.replace(".", "_").startswith(f"{frozen_modules[0]}_"):
                n_early = len(parameters)
        return parameters[:n_early]

    def train(self, mode: bool = True) -> Self:
        """Set the mode, as for any module; a pretrained backbone's normalisation keeps its statistics."""
        super().train(mode)
        if self.is_pretrained:
            for module in self.body.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, image: Tensor) -> OrderedDict[str, Tensor]:
        """Map ``(B, 3, H, W)`` to the levels by name, each ``(B, PYRAMID_CHANNELS, ⌈H / stride⌉, ⌈W / stride⌉)``."""
        features = OrderedDict()
        for number, feature in enumerate(self.body(image)):
            features[str(number)] = feature
        levels: OrderedDict[str, Tensor] = self.fpn(features)
        return levels


def _make_anchors(scales: tuple[float, ...], ratios: tuple[float, ...]) -> AnchorGenerator:
    """Make anchors whose edges are multiples of each level's stride."""
    sizes = []
    for stride in (*PYRAMID_STRIDES, 2 * PYRAMID_STRIDES[-1]):
        sizes.append(tuple(stride * scale for scale in scales))
    return AnchorGenerator(tuple(sizes), (ratios,) * len(sizes))


def _build_ssdlite(pyramid: BackbonePyramid, classes: int) -> nn.Module:
    """Build SSDlite with a feature pyramid: single shot, separable heads (Liu et al. 2016, Sandler et al. 2018)."""
    anchors = _make_anchors((1.0, 1.6, 2.4), ANCHOR_RATIOS)
    anchor_counts = anchors.num_anchors_per_location()
    channels = [PYRAMID_CHANNELS] * len(anchor_counts)
    head = SSDLiteHead(channels, anchor_counts, classes, partial(nn.BatchNorm2d, eps=1e-3))
    return SSD(pyramid, anchors, (1, 1), classes, head=head, iou_thresh=0.4, topk_candidates=200, **DETECTION_LIMITS)


def _build_fcos(pyramid: BackbonePyramid, classes: int) -> nn.Module:
    """Build FCOS, which has no anchors and predicts a box at each point (Tian et al. 2019)."""
    return detection.FCOS(
        pyramid, classes, anchor_generator=_make_anchors((1.0,), (1.0,)), topk_candidates=200, **DETECTION_LIMITS
    )


def _build_retinanet(pyramid: BackbonePyramid, classes: int) -> nn.Module:
    """Build RetinaNet: anchors at every point, with the focal loss (Lin et al. 2017)."""
    return detection.RetinaNet(
        pyramid,
        classes,
        anchor_generator=_make_anchors((1.0, 1.6, 2.4), ANCHOR_RATIOS),
        topk_candidates=200,
        **DETECTION_LIMITS,
    )


def _build_fasterrcnn(pyramid: BackbonePyramid, classes: int) -> nn.Module:
    """Build Faster R-CNN: proposals, each then classified (Ren et al. 2015)."""
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
    "retinanet": _build_retinanet,
    "fasterrcnn": _build_fasterrcnn,
}
"""Detectors that are built on any timm backbone, by name. The names of torchvision's own builders are accepted too,
each with its own backbone."""


def list_torchvision_detectors() -> list[str]:
    """List torchvision's detectors of boxes by their builders' names, such as ``ssdlite320_mobilenet_v3_large``."""
    return [name for name in list_models(module=detection) if not name.startswith(("mask", "keypoint"))]


def check_detector_name(name: str) -> None:
    """Refuse a name that no detector has.

    Raises:
        DataError: no detector has it; the message lists all names.
    """
    names = [*DETECTORS, *list_torchvision_detectors()]
    if name not in names:
        raise DataError(f"no detector {name!r}", expected=f"one of {', '.join(names)}")


def build_detector(
    spec: str, backbone: Backbone | None, classes: int, size: FrameSize, seed: int, *, is_pretrained: bool = True
) -> nn.Module:
    """Build a detector with random weights drawn by a seed, then load the weights that are available.

    Args:
        spec: ``NAME[=WEIGHTS_FILE]``, the name one of :data:`DETECTORS` or of :func:`list_torchvision_detectors`. The
            file is a state dict of that detector; its head may be for other classes, and is then left random.
        backbone: what a detector of :data:`DETECTORS` is built on.
        classes: number of classes, the background included.
        size: height and width that it works at.
        seed: seeds the random weights.
        is_pretrained: whether to load any weights.

    Raises:
        DataError: there is no such detector, or weights cannot be read or do not fit.
    """
    name, _, file = spec.partition("=")
    check_detector_name(name)
    used_backbone = backbone if name in DETECTORS else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _build_network(name, backbone, classes)
        state = used_backbone.load_weights() if used_backbone and is_pretrained and not file else None
    mean, std = network.transform.image_mean, network.transform.image_std
    if used_backbone is not None:
        mean, std = used_backbone.get_normalisation()
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
    """Load all weights but those of a head for another number of classes, which stay random."""
    matching = {}
    target = network.state_dict()
    for name, tensor in target.items():
        if name not in state:
            if not name.endswith("num_batches_tracked"):
                raise DataError(f"no {name!r}", path=path, expected=f"{len(target)} tensors of the detector")
            continue
        found, wanted = tuple(state[name].shape), tuple(tensor.shape)
        if found == wanted:
            matching[name] = state[name]
        elif found[1:] != wanted[1:] or wanted[0] % classes:  # else it is of a head for other classes
            raise DataError(f"{name} {found}", path=path, expected=f"{wanted}")
    network.load_state_dict(matching, strict=False)


class _AutocastBackbone(nn.Module):
    """Runs a backbone under autocast, and returns float32, which matching and suppressing boxes needs."""

    def __init__(self, inner: nn.Module, compute: ComputeSettings) -> None:
        super().__init__()
        self.inner, self.compute = inner, compute

    def forward(self, image: Tensor) -> OrderedDict[str, Tensor]:
        with self.compute.autocast():
            levels: Mapping[str, Tensor] = self.inner(image)
        converted = OrderedDict()
        for name, level in levels.items():
            converted[name] = level.float()
        return converted


@contextmanager
def use_backbone_precision(network: nn.Module, compute: ComputeSettings) -> Iterator[None]:
    """Run the detector's backbone in the precision of ``compute`` inside the block."""
    inner = network.backbone
    if compute.dtype != torch.float32:
        network.backbone = _AutocastBackbone(inner, compute)  # type: ignore[arg-type]
    try:
        yield
    finally:
        network.backbone = inner
