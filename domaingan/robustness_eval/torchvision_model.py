"""torchvision's detectors by the name of their builder, with its published weights or those of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.models import detection, get_model, get_model_weights, list_models

from domaingan.baselines.weights import read_state_dict
from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.class_names import COCO91, read_names
from domaingan.robustness_eval.model_specs import ModelOptions
from domaingan.robustness_eval.model_under_test import ModelTask, Picture

PUBLISHED_CLASS_COUNT = 91
"""Classes of the detectors as they are published: COCO's numbers with the background as 0."""


class TorchvisionDetector:
    """A detector of torchvision.

    Args:
        text: ``NAME`` or ``NAME=WEIGHTS_FILE``, a state dict (``.pth``, ``.safetensors``) of that detector.
        reading: class names, where the file has others than COCO's; scores that count.

    Raises:
        DataError: there is no such detector, or the file is missing, damaged or of another one.
    """

    task: ModelTask = "detection"
    has_fixed_classes = True

    def __init__(self, text: str, options: ModelOptions) -> None:
        builder, _, file = text.partition("=")
        known = list_models(module=detection)
        if builder not in known:
            raise DataError(f"no torchvision detector {builder!r}", expected=f"one of {', '.join(known)}")
        self.name, self.threshold = builder, options.min_score
        if file:
            self.path: Path | None = Path(file).expanduser()
            self.network, n = _load_from_file(builder, self.path)
        else:
            self.path = None
            self.network, n = _load_published(builder), PUBLISHED_CLASS_COUNT
        self.network.eval()
        for part in (self.network, getattr(self.network, "roi_heads", self.network)):
            # FCOS drops scores below 0.2 unless told: average precision would be that of another threshold than said.
            if hasattr(part, "score_thresh"):
                part.score_thresh = min(part.score_thresh, self.threshold)
        self.classes = read_names(options.class_names) if options.class_names else _name_classes(n)
        self.description = (
            f"{builder} with {f'the weights in {self.path.name}' if self.path else 'its published weights'}"
        )
        self.description += f", {n - 1} classes and the background"

    def predict(self, image: Picture) -> Detections:
        """The boxes in a picture; torchvision's own thresholds and suppression, then ours."""
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
        with torch.inference_mode():
            found = self.network([planes])[0]
        kept = (found["scores"] >= self.threshold).numpy()
        boxes, scores, labels = (found[name].numpy()[kept] for name in ("boxes", "scores", "labels"))
        return Detections(boxes.astype(np.float32), scores.astype(np.float32), labels.astype(np.int64))

    def describe(self) -> list[str]:
        """Builder, weights and classes."""
        return [f"{self.description}.", f"Scores from {self.threshold:g} on count."]


def _name_classes(class_count: int) -> dict[str, int]:
    return dict(COCO91) if class_count == PUBLISHED_CLASS_COUNT else {f"class_{i}": i for i in range(1, class_count)}


def _load_published(builder: str) -> Any:
    try:
        return get_model(builder, weights=get_model_weights(builder).DEFAULT)
    except OSError as error:
        found = f"the weights of {builder} are not here and cannot be fetched ({error})"
        raise DataError(found, expected=f"torchvision:{builder}=WEIGHTS_FILE") from None


def _load_from_file(builder: str, path: Path) -> tuple[Any, int]:
    state = read_state_dict(path)
    with torch.device("meta"):
        plain = get_model(builder, weights=None, weights_backbone=None)
    classes = count_classes(state, plain.state_dict(), path)
    network = get_model(builder, weights=None, weights_backbone=None, num_classes=classes)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"not the weights of {builder} ({reason})", path=path) from None
    return network, classes


def count_classes(state: dict[str, torch.Tensor], plain: dict[str, torch.Tensor], path: Path) -> int:
    """The number of classes of a detector's weights, the background included, read from its head's shape.

    Args:
        state: the weights.
        plain: those of the same detector with 91 classes: what has a multiple of 91 rows there grows with the classes.
        path: the file, for messages.

    Raises:
        DataError: the heads do not agree: it is another detector.
    """
    heads = [name for name, value in plain.items() if value.ndim and value.shape[0] % PUBLISHED_CLASS_COUNT == 0]
    found = {
        state[name].shape[0] * PUBLISHED_CLASS_COUNT // plain[name].shape[0]
        if name in state and (state[name].shape[0] * PUBLISHED_CLASS_COUNT) % plain[name].shape[0] == 0
        else 0
        for name in heads
    }
    if len(found) != 1 or 0 in found:
        raise DataError("no head of this detector in the weights", path=path, expected=f"{', '.join(heads[:2])}, …")
    return found.pop()
