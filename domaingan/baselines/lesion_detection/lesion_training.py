"""Train a detector of lesions on patches, and score it on whole scans."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from domaingan.baselines.batches import OversampledConditions, Patches
from domaingan.baselines.lesion_detection.lesion_boxes import find_lesion_boxes, sort_lesion_values, to_box_order
from domaingan.baselines.lesion_detection.lesion_detector import LesionDetector, LesionDetectorEnsemble
from domaingan.baselines.lesion_detection.lesion_patches import LesionBatch, LesionPatches, collate_lesions
from domaingan.baselines.lesion_detection.lesion_retinanet import (
    LESION_STRIDES,
    LesionNetworkPlan,
    build_lesion_detector,
    plan_anchor,
)
from domaingan.baselines.scored_samples import iterate_scored_samples
from domaingan.baselines.segmentation import BATCH_SIZES, choose_patch_shape
from domaingan.baselines.segmentation_networks import DEFAULT_WIDTH
from domaingan.baselines.step_generator import fork_step_generator
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_loop import TrainingSettings, train_network
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.baselines.unlabelled_hosts import list_labelled
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.metrics.lesion_precision import LesionTruth, jackknife_lesion_precision

PEAK_LEARNING_RATE = 1e-3

MAX_GRADIENT_NORM = 10.0
"""Gradients are clipped to this norm."""


def train_lesion_detector(
    samples: list[Sample],
    schema: Schema,
    augment: TrainingAugmentation,
    *,
    steps: int,
    seed: int,
    width: int | None = None,
    oversampled: OversampledConditions | None = None,
    compute: ComputeSettings = ON_CPU,
    has_average: bool = True,
    progress: ProgressCallback | None = None,
) -> LesionDetector:
    """Train with the detector's own losses, see :func:`domaingan.baselines.training_loop.train_network`.

    Args:
        samples: training samples with masks, as :func:`domaingan.imaging.intensity.with_measurements` returns them.
        schema: names the classes.
        augment: what the arm does to a sample.
        steps: number of optimiser steps.
        seed: seeds weights, batches and the anchors that are trained on.
        width: channels of the network's first level; :data:`DEFAULT_WIDTH` by default.
        oversampled: conditions of samples that are drawn more often than they occur, see :class:`Patches`.
        compute: device, precision and workers; the CPU and float32 by default.
        has_average: whether it predicts with the average of the weights of the last steps.
        progress: called with step, steps and the loss.

    Returns:
        The trained detector, in evaluation mode.

    Raises:
        DataError: there is no lesion to train on, or the loss is no finite number.
    """
    plan = plan_lesion_network(list_labelled(samples), schema, width or DEFAULT_WIDTH)
    network = build_lesion_detector(plan, seed, compute)
    compute.place_network(network, schema.spatial_dims)
    batch_size = BATCH_SIZES[schema.spatial_dims]
    patches = Patches(samples, schema, augment, plan.patch, steps * batch_size, seed, oversampled or {})

    def compute_loss(network: nn.Module, batch: LesionBatch, step: int) -> Tensor:
        images, targets = batch
        with fork_step_generator(seed, step, compute):
            losses: dict[str, Tensor] = network(images, [dict(target) for target in targets])
        return torch.stack(list(losses.values())).sum()

    settings = TrainingSettings(
        "detector of lesions", steps, batch_size, PEAK_LEARNING_RATE, MAX_GRADIENT_NORM, has_average
    )
    items = LesionPatches(patches, plan.values)
    trained = train_network(network, items, compute_loss, settings, compute, collate=collate_lesions, progress=progress)
    return LesionDetector(trained.network, plan, compute, trained.losses)


def plan_lesion_network(samples: list[Sample], schema: Schema, width: int) -> LesionNetworkPlan:
    """Plan a detector from the lesions of its training samples.

    Args:
        samples: training samples with masks.
        schema: names the classes.
        width: channels of the network's first level.

    Raises:
        DataError: there is no lesion that is large enough.
    """
    values = sort_lesion_values(samples, schema)
    edges = []
    for sample in samples:
        if sample.mask is not None:
            found = find_lesion_boxes(sample.mask, values)
            low, high = np.split(found.boxes[found.is_large], 2, axis=1)
            edges.append(high - low)
    if not sum(len(each) for each in edges):
        raise DataError("no lesion to train on", expected=f"training masks with {', '.join(schema.classes)}")
    divisor = max(schema.domain.patch_divisor, LESION_STRIDES[-1])
    patch = choose_patch_shape([sample.shape for sample in samples], divisor)
    return LesionNetworkPlan(schema, values, patch, plan_anchor(np.concatenate(edges)), width)


def score_lesion_detector(
    model: LesionDetector | LesionDetectorEnsemble, test: Dataset, original_test: Dataset
) -> dict[str, dict[str, float]]:
    """Score a detector of lesions on the data's own grid.

    Args:
        model: a trained detector, or several.
        test: test samples at the grid it was trained on.
        original_test: the same samples at the data's own grid, whose masks are the truth.

    Returns:
        For each unit of the scans (a subject) what it contributes, see
        :func:`domaingan.metrics.lesion_precision.jackknife_lesion_precision`.

    Raises:
        DataError: no test sample has a mask.
    """
    schema = original_test.schema
    truths = []
    found = []
    units = []
    for item in iterate_scored_samples(test, original_test, lambda sample: sample.mask is not None):
        detections = model.predict(item.sample)
        factors = np.array(item.original.shape) / np.array(item.sample.shape)
        boxes = to_box_order(to_box_order(detections.boxes) * np.tile(factors, 2).astype(np.float32))
        truths.append(collect_lesion_truth(item.original, schema, model.plan.values))
        found.append(type(detections)(boxes, detections.scores, detections.labels))
        units.append(item.unit)
    if not truths:
        raise DataError("no test sample with a mask", path=original_test.root)
    classes = {name: value for name, value in schema.classes.items() if value in model.plan.values}
    return jackknife_lesion_precision(truths, found, classes, units)


def collect_lesion_truth(sample: Sample, schema: Schema, values: tuple[int, ...]) -> LesionTruth:
    """Collect the true lesions of a sample.

    Args:
        sample: with a mask, at the data's own grid.
        schema: names the values that are ignored.
        values: class values of lesions, the rarest first.

    Returns:
        Their boxes. Lesions that are too small to count, and what is ignored, are marked: what is detected there is
        neither right nor wrong.
    """
    assert sample.mask is not None
    lesions = find_lesion_boxes(sample.mask, values)
    boxes, labels, is_left_out = [lesions.boxes], [lesions.labels], [~lesions.is_large]
    if schema.ignore:
        ignored = find_lesion_boxes(sample.mask, schema.ignore)
        for value in values:
            boxes.append(ignored.boxes)
            labels.append(np.full(len(ignored.boxes), value, np.int64))
            is_left_out.append(np.ones(len(ignored.boxes), dtype=bool))
    return LesionTruth(to_box_order(np.concatenate(boxes)), np.concatenate(labels), np.concatenate(is_left_out))
