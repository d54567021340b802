"""A trained detector of lesions: finds boxes in scans, is saved to one file and loaded from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from domaingan.baselines.box_fusion import fuse_detections
from domaingan.baselines.lesion_detection.lesion_boxes import to_box_order
from domaingan.baselines.lesion_detection.lesion_retinanet import (
    DETECTION_SETTINGS,
    LesionNetworkPlan,
    build_lesion_detector,
    list_lesion_labels,
)
from domaingan.baselines.segmenter_model import scale_image
from domaingan.baselines.weights import load_model, load_weights, restore_schema, save_model
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.data import Sample, Schema
from domaingan.metrics.detections import Detections

MODEL_KIND = "lesion detection"
"""What a model file says that it is."""


@dataclass(frozen=True)
class LesionDetector:
    """A trained network with what is needed to apply it.

    Attributes:
        network: MONAI's ``RetinaNetDetector``.
        plan: what it was built from.
        compute: device and precision of its forward pass.
        losses: mean training loss of each bin of steps, ``[(step, loss), …]``.
    """

    network: torch.nn.Module
    plan: LesionNetworkPlan
    compute: ComputeSettings = ON_CPU
    losses: list[tuple[int, float]] = field(default_factory=list)

    @property
    def schema(self) -> Schema:
        """Names the classes."""
        return self.plan.schema

    def predict(self, sample: Sample) -> Detections:
        """Detect the lesions of a scan by a sliding window; overlapping boxes are suppressed over the whole scan.

        Args:
            sample: at the grid that the network was trained on.

        Returns:
            The detections, best first, with boxes in the sample's own pixels or voxels and its class values as labels.
        """
        image = self.compute.move_tensor(torch.from_numpy(scale_image(sample, self.schema)))
        with torch.inference_mode():
            found = self.network([self._pad_to_patch(image)], use_inferer=True)[0]
        limits = np.tile(sample.shape, 2).astype(np.float32)
        boxes = found["boxes"].float().cpu().numpy().clip(0, limits)
        low, high = np.split(boxes, 2, axis=1)
        scores = found["labels_scores"].float().cpu().numpy().astype(np.float32)
        order = np.argsort(-scores, kind="stable")
        is_inside = ((high - low) >= 1).all(axis=1)
        order = order[is_inside[order]]
        values = np.array(list_lesion_labels(self.plan.values))
        labels = values[found["labels"].cpu().numpy()[order].astype(np.int64)]
        return Detections(to_box_order(boxes[order].astype(np.float32)), scores[order], labels.astype(np.int64))

    def _pad_to_patch(self, image: Tensor) -> Tensor:
        """Pad an image that is smaller than a patch at its end, where the levels of the pyramid stay aligned."""
        padding: list[int] = []
        for edge, window in zip(image.shape[1:], self.plan.patch, strict=True):
            padding = [0, max(0, window - edge), *padding]  # the last axis comes first
        return functional.pad(image, padding)

    def save(self, path: Path) -> None:
        """Write weights and plan to one ``.safetensors`` file, atomically."""
        save_model(path, self.network.state_dict(), MODEL_KIND, self.plan.to_dict())

    @classmethod
    def load(cls, path: Path, compute: ComputeSettings = ON_CPU) -> LesionDetector:
        """Load what :meth:`save` wrote; runs no code from the file.

        Args:
            path: the file.
            compute: device and precision; the CPU and float32 by default.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, metadata = load_model(path, MODEL_KIND)
        plan = LesionNetworkPlan(
            restore_schema(metadata),
            tuple(metadata["values"]),
            tuple(metadata["patch"]),
            tuple(metadata["anchor"]),
            metadata["width"],
        )
        network = build_lesion_detector(plan, 0, compute)
        load_weights(network, state, path)
        compute.place_network(network.eval(), plan.schema.spatial_dims)
        return cls(network, plan, compute)


@dataclass(frozen=True)
class LesionDetectorEnsemble:
    """Several detectors of one training set, whose boxes are fused.

    Attributes:
        members: detectors trained with other seeds.
    """

    members: list[LesionDetector]

    @property
    def plan(self) -> LesionNetworkPlan:
        """What each of them was built from."""
        return self.members[0].plan

    def predict(self, sample: Sample) -> Detections:
        """Detect the lesions of a scan, see :func:`domaingan.baselines.box_fusion.fuse_detections`.

        Boxes that overlap as far as one detector would not report twice are one lesion.
        """
        found = [member.predict(sample) for member in self.members]
        return fuse_detections(found, DETECTION_SETTINGS["nms_thresh"])

    @classmethod
    def load(cls, paths: Sequence[Path], compute: ComputeSettings = ON_CPU) -> LesionDetectorEnsemble:
        """Load detectors, see :meth:`LesionDetector.load`."""
        return cls([LesionDetector.load(path, compute) for path in paths])
