"""Train a classifier, and score it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.batches import CLASS_BALANCED_SHARE, LABELLED_SHARE, OversampledConditions
from domaingan.baselines.classification.class_images import find_class_objects, fit_sample
from domaingan.baselines.classification.class_items import ClassItem, ObjectImages, SampleImages
from domaingan.baselines.classification.classifier_model import Classifier, ClassifierEnsemble
from domaingan.baselines.classification.classifier_networks import (
    INPUT_MULTIPLE,
    ClassifierPlan,
    build_classifier,
    choose_classifier,
)
from domaingan.baselines.classification.label_rule import ABSENT, PRESENT, LabelRule
from domaingan.baselines.lesion_detection.lesion_boxes import sort_lesion_values
from domaingan.baselines.scored_samples import iterate_scored_samples
from domaingan.baselines.segmentation_networks import DEFAULT_WIDTH
from domaingan.baselines.step_generator import fork_step_generator
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_loop import TrainingSettings, train_network
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.baselines.validation import VALIDATION_BATCHES
from domaingan.baselines.window_prediction import list_flip_axes
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.metrics.classification_scores import jackknife_classification

MAX_INPUT_EDGES = {2: 224, 3: 64}
"""Longest edge of a whole sample that is classified, by dimensions; larger samples are shrunk."""

BATCH_SIZES = {2: 16, 3: 4}
"""Images a step, by dimensions."""

PEAK_LEARNING_RATE = 1e-3

MAX_GRADIENT_NORM = 10.0
"""Gradients are clipped to this norm."""


@dataclass(frozen=True)
class ClassifierRequest:
    """What a classifier is asked for.

    Attributes:
        rule: what the labels are.
        size: edge of the crop around an object.
        network: a key of :data:`domaingan.baselines.classification.classifier_networks.CLASSIFIERS`; None for the
            default of the dimensions.
        width: growth of a DenseNet; None for the default.
        backbone: the timm model of a network that has one.
    """

    rule: LabelRule
    size: int
    network: str | None = None
    width: int | None = None
    backbone: Backbone | None = None


def train_classifier(
    samples: list[Sample],
    schema: Schema,
    augment: TrainingAugmentation,
    request: ClassifierRequest,
    *,
    steps: int,
    seed: int,
    validation: Sequence[Sample] = (),
    oversampled: OversampledConditions | None = None,
    compute: ComputeSettings = ON_CPU,
    has_average: bool = True,
    has_flips: bool = True,
    progress: ProgressCallback | None = None,
) -> Classifier:
    """Train with cross-entropy, see :func:`domaingan.baselines.training_loop.train_network`.

    Args:
        samples: training samples with labels, as :func:`domaingan.imaging.intensity.with_measurements` returns them.
        schema: names the classes.
        augment: what the arm does to a sample.
        request: what is learned, and by which network.
        steps: number of optimiser steps.
        seed: seeds weights and batches.
        validation: samples of held-out people, which decide when to stop; none for all steps.
        oversampled: conditions of samples that are drawn more often than they occur.
        compute: device, precision and workers; the CPU and float32 by default.
        has_average: whether it predicts with the average of the weights of the last steps.
        has_flips: whether its predictions are averaged over mirror images, where classic augmentation showed it some.
        progress: called with step, steps and the loss.

    Returns:
        The trained classifier, in evaluation mode.

    Raises:
        DataError: there are fewer than two labels to train on, or the loss is no finite number.
    """
    plan = plan_classifier(samples, schema, request)
    network = compute.place_network(build_classifier(plan, seed), schema.spatial_dims)
    batch_size = BATCH_SIZES[schema.spatial_dims]
    settings = TrainingSettings("classifier", steps, batch_size, PEAK_LEARNING_RATE, MAX_GRADIENT_NORM, has_average)
    conditions = oversampled or {}
    items = make_items(samples, plan, augment, steps * batch_size, seed, conditions)
    held_out = None
    if validation:
        plain = TrainingAugmentation()
        held_out = make_items(list(validation), plan, plain, VALIDATION_BATCHES * batch_size, seed, {})

    def compute_loss(network: nn.Module, batch: list[Tensor], step: int) -> Tensor:
        images, labels = batch
        with fork_step_generator(seed, step, compute), compute.autocast():
            logits = network(images).float()
        return functional.cross_entropy(logits, labels)

    trained = train_network(
        network, items, compute_loss, settings, compute, progress=progress, validation_items=held_out
    )
    is_mirrored = has_flips and augment.classic is not None
    flip_axes = list_flip_axes(schema.domain, schema.spatial_dims) if is_mirrored else ()
    return Classifier(trained.network, plan, compute, flip_axes, trained.losses, trained.best_step)


def make_items(
    samples: list[Sample],
    plan: ClassifierPlan,
    augment: TrainingAugmentation,
    length: int,
    seed: int,
    oversampled: OversampledConditions,
) -> TorchDataset[ClassItem]:
    """Make the images that a classifier learns from, or is validated on.

    Args:
        samples: with labels.
        plan: what the labels are, and what the network sees.
        augment: what the arm does to a sample.
        length: number of images.
        seed: seeds every image, together with its number.
        oversampled: conditions of samples that are drawn more often than they occur.
    """
    if plan.rule.kind == "object":
        label_values = [plan.schema.classes[name] for name in plan.labels]
        return ObjectImages(
            samples, plan.schema, augment, plan.values, label_values, plan.shape[0], length, seed, oversampled
        )
    fitted = [fit_sample(sample, plan.shape) for sample in samples]
    return SampleImages(fitted, plan.schema, augment, plan.rule, plan.labels, plan.shape, length, seed, oversampled)


def plan_classifier(samples: list[Sample], schema: Schema, request: ClassifierRequest) -> ClassifierPlan:
    """Plan a classifier from its training samples: labels, their shares, and the shape that it sees.

    Args:
        samples: training samples with labels.
        schema: names the classes.
        request: what is learned, and by which network.

    Raises:
        DataError: there are fewer than two labels to train on, or the network cannot have what is asked for.
    """
    rule = request.rule
    network = choose_classifier(request.network, schema.spatial_dims, request.width, request.backbone)
    values = sort_lesion_values(samples, schema) if rule.kind == "object" else ()
    counts = count_labels(samples, schema, rule, values)
    if len(counts) < 2:
        found = f"{', '.join(counts) or 'no'} label of {rule.text!r} in the training samples"
        raise DataError(found, expected="at least two labels to tell apart")
    labels = sorted(counts, key=lambda label: (-counts[label], label))
    if rule.kind == "presence":
        labels = [ABSENT, PRESENT]
    if rule.kind == "object":
        shape: tuple[int, ...] = (request.size,) * schema.spatial_dims
    else:
        shape = choose_input_shape([sample.shape for sample in samples])
    width = None if network == "timm" else request.width or DEFAULT_WIDTH
    log_priors = compute_log_priors([counts[label] for label in labels])
    return ClassifierPlan(network, schema, rule, tuple(labels), shape, log_priors, values, width, request.backbone)


def count_labels(samples: Sequence[Sample], schema: Schema, rule: LabelRule, values: Sequence[int]) -> Counter[str]:
    """Count the labels of samples, or of the objects in them.

    Args:
        samples: those without a label are left out.
        schema: names the classes.
        rule: what the labels are.
        values: of a rule for objects the class values, the rarest first.
    """
    counts: Counter[str] = Counter()
    names = {value: name for name, value in schema.classes.items()}
    for sample in samples:
        if rule.kind == "object":
            counts.update(names[found.value] for found in find_class_objects(sample, schema, values))
        elif rule.read(sample):
            counts[rule.read(sample)] += 1
    return counts


def choose_input_shape(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Choose the shape that a classifier sees: the median shape, shrunk to the longest edge, in multiples of 32.

    Args:
        shapes: spatial shapes of the training samples.

    >>> choose_input_shape([(720, 960)]), choose_input_shape([(240, 240, 100)])
    ((192, 224), (64, 64, 32))
    """
    median = np.median(np.array(shapes), axis=0)
    factor = min(1.0, MAX_INPUT_EDGES[len(shapes[0])] / median.max())
    chosen = []
    for edge in median * factor:
        chosen.append(int(-(-edge // INPUT_MULTIPLE) * INPUT_MULTIPLE))
    return tuple(chosen)


def compute_log_priors(counts: Sequence[int]) -> tuple[float, ...]:
    """Compute what corrects probabilities for balanced draws: the log of true share over drawn share of each label.

    Args:
        counts: training images of each label.

    >>> compute_log_priors([1, 1])
    (0.0, 0.0)
    """
    shares = np.array(counts, dtype=float) / sum(counts)
    balanced = LABELLED_SHARE * CLASS_BALANCED_SHARE
    drawn = (1 - balanced) * shares + balanced / len(counts)
    return tuple(np.log(shares / drawn).round(6).tolist())


def score_classifier(
    model: Classifier | ClassifierEnsemble, test: Dataset, original_test: Dataset
) -> dict[str, dict[str, float]]:
    """Score a classifier over all test samples.

    Slices that are classified by a column of their volume count as one: their probabilities are averaged.

    Args:
        model: a trained classifier, or several.
        test: test samples at the grid it was trained on.
        original_test: the same samples at the data's own grid.

    Returns:
        For each unit of the samples (a subject, or a block of time) what it contributes, see
        :func:`domaingan.metrics.classification_scores.jackknife_classification`.

    Raises:
        DataError: no test sample has a label.
    """
    answers = collect_answers(model, test, original_test)
    if not answers:
        raise DataError("no test sample with a label", path=original_test.root)
    units = [unit for unit, _, _ in answers]
    truth = np.array([label for _, label, _ in answers])
    probabilities = np.stack([row for _, _, row in answers])
    positions = {label: position for position, label in enumerate(model.plan.labels)}
    return jackknife_classification(truth, probabilities, positions, units)


Answer = tuple[str, int, NDArray[np.float64]]
"""The unit, the position of the true label, and the probabilities."""


def collect_answers(model: Classifier | ClassifierEnsemble, test: Dataset, original_test: Dataset) -> list[Answer]:
    """Collect the true label and the probabilities of each test sample or object.

    Args:
        model: a trained classifier, or several.
        test: test samples at the grid it was trained on.
        original_test: the same samples at the data's own grid.
    """
    rule, labels = model.plan.rule, model.plan.labels
    names = {value: name for name, value in model.plan.schema.classes.items()}
    answers: dict[Any, list[Answer]] = {}
    for item in iterate_scored_samples(test, original_test, lambda sample: True):
        if rule.kind == "object":
            for number, (found, row) in enumerate(model.predict_objects(item.sample)):
                object_key = (item.sample.name, item.sample.source.index, number)
                answers[object_key] = [(item.unit, labels.index(names[found.value]), row)]
            continue
        label = rule.read(item.original)
        if not label:
            continue
        source = item.sample.source
        is_slice_of_volume = rule.kind == "column" and bool(source.parent)
        key: Any = source.parent if is_slice_of_volume else (source.name, source.index)
        answers.setdefault(key, []).append((item.unit, labels.index(label), model.predict(item.sample)))
    averaged = []
    for rows in answers.values():
        mean = np.mean([row for _, _, row in rows], axis=0)
        averaged.append((rows[0][0], rows[0][1], mean))
    return averaged
