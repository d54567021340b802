"""torchvision's detectors by the name of their builder, with its published weights or those of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.models import detection, get_model, get_model_weights, list_models

from domaingan.core.errors import DataError
from domaingan.core.state_dicts import read_state_dict
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.class_names import COCO91, read_names
from domaingan.robustness_eval.model_specs import ModelOptions
from domaingan.robustness_eval.model_under_test import ModelTask, Picture

PUBLISHED_CLASS_COUNT = 91
"""Classes of the published detectors: COCO's numbers, with the background as 0."""


class TorchvisionDetector:
    """A detector of torchvision.

    Args:
        text: ``NAME`` or ``NAME=WEIGHTS_FILE``, a state dict (``.pth``, ``.safetensors``) of that detector.
        options: class names, where the file has others than COCO's; the lowest score that counts; the device.

    Raises:
        DataError: there is no such detector, or the file is missing, damaged or of another detector.
    """

    task: ModelTask = "detection"
    has_fixed_classes = True

    def __init__(self, text: str, options: ModelOptions) -> None:
        builder, _, file = text.partition("=")
        known = list_models(module=detection)
        if builder not in known:
            raise DataError(f"no torchvision detector {builder!r}", expected=f"one of {', '.join(known)}")
        self.name = builder
        self.threshold = options.min_score
        self.path = Path(file).expanduser() if file else None
        if self.path is None:
            self.network = _load_published(builder)
            class_count = PUBLISHED_CLASS_COUNT
            weights = "its published weights"
        else:
            self.network, class_count = _load_from_file(builder, self.path)
            weights = f"the weights in {self.path.name}"
        self.compute = options.choose_compute()
        self.compute.place_network(self.network.eval(), 2)
        self._lower_own_threshold()
        if options.class_names:
            self.classes = read_names(options.class_names)
        else:
            self.classes = _name_classes(class_count)
        self.description = f"{builder} with {weights}, {class_count - 1} classes and the background"

    def predict(self, image: Picture) -> Detections:
        """Find the boxes in a picture, with torchvision's own thresholds and suppression.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.

        Returns:
            Boxes in pixels whose score is at least ``min_score``; labels in torchvision's numbers.
        """
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
        with torch.inference_mode():
            answer = self.network([self.compute.move_tensor(planes)])[0]
        found = {name: answer[name].cpu().numpy() for name in ("boxes", "scores", "labels")}
        is_selected = found["scores"] >= self.threshold
        boxes = found["boxes"][is_selected].astype(np.float32)
        scores = found["scores"][is_selected].astype(np.float32)
        labels = found["labels"][is_selected].astype(np.int64)
        return Detections(boxes, scores, labels)

    def describe(self) -> list[str]:
        """Say which builder, weights and classes it has."""
        return [f"{self.description}.", f"Scores from {self.threshold:g} on count."]

    def _lower_own_threshold(self) -> None:
        """Lower the detector's own threshold to ours.

        FCOS drops scores below 0.2 by itself: average precision would be that of a higher threshold than is reported.
        """
        for part in (self.network, getattr(self.network, "roi_heads", self.network)):
            if hasattr(part, "score_thresh"):
                part.score_thresh = min(part.score_thresh, self.threshold)


def _name_classes(class_count: int) -> dict[str, int]:
    """Name the classes by COCO, or number them where they are not as many; 0 is the background."""
    if class_count == PUBLISHED_CLASS_COUNT:
        return dict(COCO91)
    return {f"class_{number}": number for number in range(1, class_count)}


def _load_published(builder: str) -> Any:
    """Build a detector with its published weights."""
    try:
        return get_model(builder, weights=get_model_weights(builder).DEFAULT)
    except OSError as error:
        found = f"the weights of {builder} are not here and cannot be fetched ({error})"
        raise DataError(found, expected=f"torchvision:{builder}=WEIGHTS_FILE") from None


def _load_from_file(builder: str, path: Path) -> tuple[Any, int]:
    """Build a detector with the weights of a file; return it with its number of classes, background included."""
    state = read_state_dict(path)
    with torch.device("meta"):
        plain = get_model(builder, weights=None, weights_backbone=None)
    class_count = count_classes(state, plain.state_dict(), path)
    network = get_model(builder, weights=None, weights_backbone=None, num_classes=class_count)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"not the weights of {builder} ({reason})", path=path) from None
    return network, class_count


def count_classes(state: dict[str, torch.Tensor], plain: dict[str, torch.Tensor], path: Path) -> int:
    """Count the classes of a detector's weights, the background included, by the shape of its heads.

    Args:
        state: the weights.
        plain: those of the same detector with 91 classes. An array with a multiple of 91 rows there belongs to a head,
            and its rows grow with the number of classes.
        path: the file, for messages.

    Returns:
        The number of classes on which all heads agree.

    Raises:
        DataError: the heads do not agree: these are weights of another detector.
    """
    heads = [name for name, value in plain.items() if value.ndim and value.shape[0] % PUBLISHED_CLASS_COUNT == 0]
    class_counts: set[int] = set()
    for name in heads:
        row_count = state[name].shape[0] if name in state else 0
        class_count, remainder = divmod(row_count * PUBLISHED_CLASS_COUNT, plain[name].shape[0])
        class_counts.add(0 if remainder else class_count)
    if len(class_counts) != 1 or 0 in class_counts:
        raise DataError("no head of this detector in the weights", path=path, expected=f"{', '.join(heads[:2])}, …")
    return class_counts.pop()
