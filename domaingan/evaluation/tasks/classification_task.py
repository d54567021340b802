"""The task of classification: of samples by a label, or of crops by the class of their object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from domaingan.baselines.classification.label_rule import ABSENT, PRESENT, LabelRule
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.core.devices import choose_compute
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.score_tables import Scores
from domaingan.evaluation.tasks.base import describe_backbone, describe_validation, hold_out_validation, parse_backbone

if TYPE_CHECKING:
    from domaingan.baselines.classification.class_images import ClassObject
    from domaingan.baselines.classification.classification_training import ClassifierRequest
    from domaingan.baselines.classification.classifier_model import Classifier, ClassifierEnsemble

FRAME_SHARE = 0.04
"""Labels are drawn as frames around images and objects; this is their width as a share of the longest edge."""

MAX_LABELS = 50
"""A column of more values than this holds no labels."""


class ClassificationTask:
    """Labels: a timm model or DenseNet, scored by AUROC, AUPRC, balanced accuracy and calibration.

    Args:
        config: names the label.
        schema: of the samples.

    Raises:
        DataError: there is no such label.
    """

    def __init__(self, config: EvaluationConfig, schema: Schema) -> None:
        self.rule = LabelRule.parse(config.label, schema)
        self.schema = schema
        labels = {"column": config.label_values, "presence": [ABSENT, PRESENT], "object": []}[self.rule.kind]
        self._drawn_values = {label: number for number, label in enumerate(labels, start=1)}

    def check(self, config: EvaluationConfig, schema: Schema) -> None:
        """Refuse what cannot be trained, before anything is trained.

        Raises:
            DataError: there is no such network, it cannot have this width or backbone, or an arm changes images in a
                way that leaves their label unknown.
        """
        from domaingan.baselines.classification.classifier_networks import choose_classifier

        choose_classifier(config.network, schema.spatial_dims, config.width, parse_backbone(config))
        if config.hosts is not None:
            raise DataError("further hosts for classification", expected="no hosts: their labels are not known")
        for arm in config.parsed_arms:
            if arm.has_unlabelled_people:
                found = f"arm {arm.name} with hosts that are not labelled, for classification"
                raise DataError(found, expected="crops=, people=, ratio= or repeat=")
        if self.rule.kind != "column":
            return
        if len(config.label_values) > MAX_LABELS:
            found = f"{len(config.label_values)} values in the column {self.rule.name!r}"
            raise DataError(found, path=config.data, expected=f"at most {MAX_LABELS} labels; numbers are none")
        for arm in config.parsed_arms:
            if arm.sources or arm.has_weather:
                found = f"arm {arm.name}: it may change what the column {self.rule.name!r} says of an image"
                raise DataError(
                    found, expected="arms none and classic; or --label presence:CLASS, which follows a paste"
                )

    def check_samples(self, train: Dataset, test: Dataset) -> None:
        """Refuse a fold whose training samples do not have two labels, or whose test samples have another one.

        Raises:
            DataError: labels are missing or unknown.
        """
        trained, tested = self._list_labels(train), self._list_labels(test)
        if len(trained) < 2:
            found = f"{', '.join(sorted(trained)) or 'no label'} alone as {self.rule.text!r} in the training samples"
            raise DataError(found, path=train.root, expected="at least two labels to tell apart")
        if not tested:
            raise DataError(f"no {self.rule.text!r} in any test sample", path=test.root, expected=", ".join(trained))
        unknown = sorted(tested - trained)
        if unknown:
            found = f"{self.rule.text}={unknown[0]} in the test alone"
            raise DataError(found, path=test.root, expected=f"one of {', '.join(sorted(trained))}")

    def _list_labels(self, part: Dataset) -> set[str]:
        if self.rule.kind == "column":
            return {str(record.condition.get(self.rule.name, "")) for record in part.records} - {""}
        labels: set[str] = set()
        for sample in part:
            labels |= self._read_labels(sample)
        return labels

    def _read_labels(self, sample: Sample) -> set[str]:
        """Read the label of a sample, or those of its objects."""
        if self.rule.kind != "object":
            return {self.rule.read(sample)} - {""}
        from domaingan.baselines.classification.class_images import find_class_objects
        from domaingan.baselines.lesion_detection.lesion_boxes import sort_lesion_values

        names = {value: name for name, value in self.schema.classes.items()}
        values = sort_lesion_values([sample], self.schema)
        return {names[found.value] for found in find_class_objects(sample, self.schema, values)}

    def describe_baseline(self, config: EvaluationConfig, schema: Schema) -> list[str]:
        """Describe what is classified, and by which network, in sentences for a report."""
        network = config.network or ("timm" if schema.spatial_dims == 2 else "densenet")
        notes = [f"The baseline is {network}, trained on {self._describe_images(config.size)}."]
        notes.append(
            "A third of the training images are drawn by label, each label with the same chance, and probabilities are "
            "corrected for it; what an arm pastes is not corrected for. It is the same for every arm."
        )
        if self.rule.kind == "object":
            notes.append(
                "An arm that pastes replaces half of the real crops by pasted objects of the same class, each cut out "
                "of the training image that it was pasted into."
            )
        return [*notes, *describe_validation(config), *describe_backbone(config)]

    def _describe_images(self, size: int) -> str:
        if self.rule.kind == "object":
            return f"crops of {size} pixels around each object, which is classified by its class"
        if self.rule.kind == "presence":
            return f"whole samples, classified by whether their mask holds {self.rule.name}, also after a paste"
        return f"whole samples, classified by the column {self.rule.name}"

    def train(
        self,
        samples: list[Sample],
        schema: Schema,
        augment: TrainingAugmentation,
        config: EvaluationConfig,
        seed: int,
        callback: ProgressCallback,
    ) -> Classifier:
        """Train, see :func:`domaingan.baselines.classification.classification_training.train_classifier`."""
        from domaingan.baselines.classification import classification_training

        held_out = hold_out_validation(samples, augment, config, seed, self._read_labels)
        return classification_training.train_classifier(
            held_out.samples,
            schema,
            held_out.augment,
            self._make_request(config),
            steps=config.steps,
            seed=seed,
            validation=held_out.validation,
            oversampled=config.target_conditions,
            compute=choose_compute(config.device, config.precision, config.workers, is_float32_on_cpu=True),
            has_average=config.ema,
            has_flips=config.flips,
            progress=callback,
        )

    def _make_request(self, config: EvaluationConfig) -> ClassifierRequest:
        from domaingan.baselines.classification.classification_training import ClassifierRequest

        return ClassifierRequest(self.rule, config.size, config.network, config.width, parse_backbone(config))

    def load_ensemble(self, paths: Sequence[Path], config: EvaluationConfig) -> ClassifierEnsemble:
        """Load the classifiers of several seeds, which predict the mean of their probabilities."""
        from domaingan.baselines.classification.classifier_model import ClassifierEnsemble

        compute = choose_compute(config.device, config.precision, is_float32_on_cpu=True)
        return ClassifierEnsemble.load(paths, compute)

    def score(
        self,
        model: Classifier | ClassifierEnsemble,
        test: Dataset,
        original_test: Dataset,
        config: EvaluationConfig,
    ) -> Scores:
        """Score, see :func:`domaingan.baselines.classification.classification_training.score_classifier`."""
        from domaingan.baselines.classification import classification_training

        return classification_training.score_classifier(model, test, original_test)

    def list_drawn_classes(self, schema: Schema) -> dict[str, int]:
        """List what the values of drawn masks mean."""
        return dict(schema.classes) if self.rule.kind == "object" else dict(self._drawn_values)

    def draw_prediction(self, model: Classifier, sample: Sample) -> NDArray[Any]:
        """Draw the predicted label as a frame around the image, or those of the objects as frames around them."""
        if self.rule.kind == "object":
            named = []
            for found, row in model.predict_objects(sample):
                named.append((found, self.schema.classes[model.plan.labels[int(row.argmax())]]))
            return draw_object_frames(named, sample.shape)
        label = model.plan.labels[int(model.predict(sample).argmax())]
        return draw_image_frame(self._drawn_values[label], sample.shape)

    def draw_truth(self, sample: Sample) -> NDArray[Any]:
        """Draw the true label in the same way."""
        if self.rule.kind == "object":
            from domaingan.baselines.classification.class_images import find_class_objects
            from domaingan.baselines.lesion_detection.lesion_boxes import sort_lesion_values

            objects = find_class_objects(sample, self.schema, sort_lesion_values([sample], self.schema))
            return draw_object_frames([(found, found.value) for found in objects], sample.shape)
        label = self.rule.read(sample)
        return draw_image_frame(self._drawn_values.get(label, 0), sample.shape)

    def has_labels(self, sample: Sample) -> bool:
        """Return whether the label is known; a sample without an object has labels too."""
        if self.rule.kind == "object":
            return sample.mask is not None or sample.boxes is not None
        return bool(self.rule.read(sample))


def draw_image_frame(value: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Draw a frame along the border of an image; of a volume in every slice.

    Args:
        value: of the frame's pixels.
        shape: spatial shape.
    """
    mask = np.full(shape, value, dtype=np.uint8)
    width = max(1, round(FRAME_SHARE * max(shape[:2])))
    mask[width:-width, width:-width] = 0
    return mask


def draw_object_frames(objects: list[tuple[ClassObject, int]], shape: tuple[int, ...]) -> NDArray[Any]:
    """Draw a frame around each object, one pixel wide; of a volume in every slice of the object.

    Args:
        objects: the objects and the values of their frames.
        shape: spatial shape.
    """
    highest = max([value for _, value in objects], default=0)
    mask = np.zeros(shape, dtype=np.min_scalar_type(highest))
    for found, value in objects:
        low = np.maximum(found.low - 1, 0)
        high = np.minimum(found.high + 1, shape)
        frame = np.full(high - low, value, dtype=mask.dtype)
        frame[1:-1, 1:-1] = 0
        part = mask[tuple(map(slice, low.tolist(), high.tolist()))]
        part[frame > 0] = value
    return mask
