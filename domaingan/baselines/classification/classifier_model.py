"""A trained classifier: probabilities of labels for samples or objects; saved to one file and loaded from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.classification.class_images import (
    ClassObject,
    Image,
    clip_image,
    crop_object_image,
    find_class_objects,
    fit_sample,
    pad_sample_image,
)
from domaingan.baselines.classification.classifier_networks import ClassifierPlan, build_classifier
from domaingan.baselines.classification.label_rule import LabelRule
from domaingan.baselines.weights import load_model, load_weights, restore_schema, save_model
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.data import Sample, Schema

MODEL_KIND = "classification"
"""What a model file says that it is."""

MAX_BATCH = 16
"""Images that are classified at a time."""


@dataclass(frozen=True)
class Classifier:
    """A trained network with what is needed to apply it.

    Attributes:
        network: maps ``(B, C, *shape)`` scaled images to logits of labels.
        plan: what it was built from.
        compute: device and precision of its forward pass.
        flip_axes: spatial axes along which images are mirrored; predictions are averaged over the mirror images.
        losses: mean training loss of each bin of steps, ``[(step, loss), …]``.
        best_step: the step whose weights were taken by the validation; None without one.
    """

    network: torch.nn.Module
    plan: ClassifierPlan
    compute: ComputeSettings = ON_CPU
    flip_axes: tuple[int, ...] = ()
    losses: list[tuple[int, float]] = field(default_factory=list)
    best_step: int | None = None

    @property
    def schema(self) -> Schema:
        """Names the classes of the masks."""
        return self.plan.schema

    def predict(self, sample: Sample) -> NDArray[np.float64]:
        """Predict the probabilities of a sample's labels.

        Args:
            sample: at the grid that the network was trained on.

        Returns:
            ``(labels,)`` in the order of ``plan.labels``; they sum to 1.
        """
        fitted = fit_sample(sample, self.plan.shape)
        image = clip_image(pad_sample_image(fitted, self.plan.shape, self.schema))
        return self.classify_images([image])[0]

    def predict_objects(self, sample: Sample) -> list[tuple[ClassObject, NDArray[np.float64]]]:
        """Predict the probabilities of the classes of each object whose place is known.

        Args:
            sample: at the grid that the network was trained on, with a mask or boxes.

        Returns:
            The objects and their probabilities, in the order of ``plan.labels``.
        """
        return self.classify_objects(sample, find_class_objects(sample, self.schema, self.plan.values))

    def classify_objects(
        self, sample: Sample, objects: Sequence[ClassObject]
    ) -> list[tuple[ClassObject, NDArray[np.float64]]]:
        """Classify the crops around objects, see :meth:`predict_objects`.

        Args:
            sample: at the grid that the network was trained on.
            objects: in that sample.
        """
        images = []
        for found in objects:
            images.append(clip_image(crop_object_image(sample, found, self.plan.shape[0], self.schema)))
        return list(zip(objects, self.classify_images(images), strict=True))

    def classify_images(self, images: list[Image]) -> NDArray[np.float64]:
        """Classify images that are as a network sees them.

        Shares of the labels that were raised by balanced draws are corrected for (Elkan 2001); what an arm pasted is
        not.

        Args:
            images: each ``(C, *shape)``.

        Returns:
            ``(N, labels)`` probabilities.
        """
        rows = [np.zeros((0, len(self.plan.labels)))]
        shift = torch.tensor(self.plan.log_priors)
        for start in range(0, len(images), MAX_BATCH):
            batch = self.compute.move_tensor(torch.from_numpy(np.stack(images[start : start + MAX_BATCH])))
            total = self._predict_logits(batch).add(shift).softmax(1)
            for axis in self.flip_axes:
                total += self._predict_logits(batch.flip(2 + axis)).add(shift).softmax(1)
            rows.append((total / (1 + len(self.flip_axes))).double().numpy())
        return np.concatenate(rows)

    def _predict_logits(self, batch: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode(), self.compute.autocast():
            logits: torch.Tensor = self.network(batch)
        return logits.float().cpu()

    def save(self, path: Path) -> None:
        """Write weights and plan to one ``.safetensors`` file, atomically."""
        plan = self.plan
        metadata: dict[str, Any] = {
            "network": plan.network,
            "schema": plan.schema.to_dict(),
            "label": plan.rule.text,
            "labels": plan.labels,
            "shape": plan.shape,
            "log_priors": plan.log_priors,
            "values": plan.values,
            "width": plan.width,
            "backbone": None if plan.backbone is None else plan.backbone.name,
            "flip_axes": self.flip_axes,
        }
        save_model(path, self.network.state_dict(), MODEL_KIND, metadata)

    @classmethod
    def load(cls, path: Path, compute: ComputeSettings = ON_CPU) -> Classifier:
        """Load what :meth:`save` wrote; runs no code from the file.

        Args:
            path: the file.
            compute: device and precision; the CPU and float32 by default.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, metadata = load_model(path, MODEL_KIND)
        schema = restore_schema(metadata)
        plan = ClassifierPlan(
            metadata["network"],
            schema,
            LabelRule.parse(metadata["label"], schema),
            tuple(metadata["labels"]),
            tuple(metadata["shape"]),
            tuple(metadata["log_priors"]),
            tuple(metadata["values"]),
            metadata["width"],
            None if metadata["backbone"] is None else Backbone(metadata["backbone"]),
        )
        network = build_classifier(plan, 0, is_pretrained=False)
        load_weights(network, state, path)
        compute.place_network(network.eval(), schema.spatial_dims)
        return cls(network, plan, compute, tuple(metadata["flip_axes"]))


@dataclass(frozen=True)
class ClassifierEnsemble:
    """Several classifiers of one training set, which predict the mean of their probabilities.

    Attributes:
        members: classifiers trained with other seeds; their plans agree on the labels.
    """

    members: list[Classifier]

    @property
    def plan(self) -> ClassifierPlan:
        """What the first of them was built from."""
        return self.members[0].plan

    def predict(self, sample: Sample) -> NDArray[np.float64]:
        """Predict the probabilities of a sample's labels, see :meth:`Classifier.predict`."""
        rows = []
        for member in self.members:
            rows.append(self._sort_columns(member, member.predict(sample)[None])[0])
        mean: NDArray[np.float64] = np.mean(rows, axis=0)
        return mean

    def predict_objects(self, sample: Sample) -> list[tuple[ClassObject, NDArray[np.float64]]]:
        """Predict the probabilities of each object, see :meth:`Classifier.predict_objects`."""
        objects = find_class_objects(sample, self.plan.schema, self.plan.values)
        if not objects:
            return []
        rows = []
        for member in self.members:
            found = np.stack([row for _, row in member.classify_objects(sample, objects)])
            rows.append(self._sort_columns(member, found))
        return list(zip(objects, np.mean(rows, axis=0), strict=True))

    def _sort_columns(self, member: Classifier, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sort the columns of a member: with other people held out its labels may have another order."""
        order = [member.plan.labels.index(label) for label in self.plan.labels]
        return rows[:, order]

    @classmethod
    def load(cls, paths: Sequence[Path], compute: ComputeSettings = ON_CPU) -> ClassifierEnsemble:
        """Load classifiers, see :meth:`Classifier.load`."""
        return cls([Classifier.load(path, compute) for path in paths])
