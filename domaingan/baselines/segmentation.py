"""The segmentation baseline: a U-Net, trained on patches or whole frames, applied by sliding window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.batches import OversampledConditions, Patches
from domaingan.baselines.scored_samples import batch_by_shape, iterate_scored_samples
from domaingan.baselines.segmentation_networks import DEFAULT_WIDTH, NetworkPlan, check_network, list_networks
from domaingan.baselines.segmenter_model import Segmenter, SegmenterEnsemble, decide_mask, name_probabilities
from domaingan.baselines.segmenters import build_seeded_network, make_loss
from domaingan.baselines.step_generator import fork_step_generator
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_loop import ComputeLoss, TrainingSettings, train_network
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.baselines.unlabelled_hosts import list_labelled
from domaingan.baselines.validation import VALIDATION_BATCHES
from domaingan.baselines.window_prediction import list_flip_axes
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.metrics.mask_counters import make_counter
from domaingan.metrics.measures import OPTIONAL_GROUPS, MeasureGroup

MAX_PATCH_EDGES = {2: 256, 3: 64}
"""Longest edge of a patch, by dimensions."""

BATCH_SIZES = {2: 8, 3: 2}
"""Patches a step, by dimensions."""

MAX_GRADIENT_NORM = 12.0
"""Gradients are clipped to this norm."""

MAX_SCORED_PIXELS = 16 * 256 * 256
"""Test images of one shape are predicted together up to this many pixels; larger ones each by itself."""


def choose_patch_shape(shapes: list[tuple[int, ...]], divisor: int) -> tuple[int, ...]:
    """Choose the shape of a patch: the median shape, rounded up to multiples of a divisor, up to a longest edge.

    Args:
        shapes: spatial shapes of the training samples.
        divisor: what the network needs each edge to be a multiple of.

    >>> choose_patch_shape([(100, 300), (101, 300)], 16)
    (112, 256)
    """
    patch = []
    for edge in np.median(np.array(shapes), axis=0):
        rounded_up = -(-edge // divisor) * divisor
        patch.append(int(min(rounded_up, MAX_PATCH_EDGES[len(shapes[0])])))
    return tuple(patch)


def train_segmenter(
    samples: list[Sample],
    schema: Schema,
    augment: TrainingAugmentation,
    *,
    steps: int,
    seed: int,
    network: str | None = None,
    width: int | None = None,
    backbone: Backbone | None = None,
    validation: Sequence[Sample] = (),
    oversampled: OversampledConditions | None = None,
    compute: ComputeSettings = ON_CPU,
    has_average: bool = True,
    has_flips: bool = True,
    progress: ProgressCallback | None = None,
) -> Segmenter:
    """Train with Dice + cross-entropy, see :func:`domaingan.baselines.training_loop.train_network`.

    Args:
        samples: training samples, as :func:`domaingan.imaging.intensity.with_measurements` returns them.
        schema: names the classes.
        augment: what the arm does to a sample.
        steps: number of optimiser steps.
        seed: seeds weights and batches.
        network: a key of :data:`domaingan.baselines.segmentation_networks.SEGMENTATION_NETWORKS`; by default the small
            U-Net of the domain.
        width: channels of the first level of a network for scans; :data:`DEFAULT_WIDTH` by default.
        backbone: encoder of a network for frames.
        validation: samples of held-out people, which decide when to stop; none for all steps.
        oversampled: conditions of samples that are drawn more often than they occur, see :class:`Patches`.
        compute: device, precision and workers; the CPU and float32 by default.
        has_average: whether it predicts with the average of the weights of the last steps.
        has_flips: whether its predictions are averaged over mirror images. They are only where classic augmentation
            showed it mirror images in training.
        progress: called with step, steps and the loss.

    Returns:
        The trained segmenter, in evaluation mode.

    Raises:
        DataError: there is nothing to train on, or the loss is no finite number.
    """
    training = prepare_segmenter_training(
        samples,
        schema,
        augment,
        steps=steps,
        seed=seed,
        network=network,
        width=width,
        backbone=backbone,
        oversampled=oversampled,
        compute=compute,
        has_average=has_average,
    )
    trained = train_network(
        training.network,
        training.patches,
        training.compute_loss,
        training.settings,
        compute,
        progress=progress,
        validation_items=training.make_validation_patches(validation, seed) if validation else None,
    )
    is_mirrored = has_flips and augment.classic is not None
    flip_axes = list_flip_axes(schema.domain, schema.spatial_dims) if is_mirrored else ()
    return Segmenter(trained.network, training.plan, compute, flip_axes, trained.losses)


@dataclass(frozen=True)
class SegmenterTraining:
    """What the training of a segmenter consists of, see :func:`domaingan.baselines.training_loop.train_network`.

    Attributes:
        plan: what the network was built from.
        network: with its first weights, on its device.
        patches: the patches of all steps.
        compute_loss: runs the network on a batch of patches.
        settings: how it is optimised.
    """

    plan: NetworkPlan
    network: nn.Module
    patches: Patches
    compute_loss: ComputeLoss
    settings: TrainingSettings

    def make_validation_patches(self, samples: Sequence[Sample], seed: int) -> Patches:
        """Make the patches of held-out people, as they are, on which the loss is measured.

        Args:
            samples: of held-out people.
            seed: seeds the patches.
        """
        plan, length = self.plan, VALIDATION_BATCHES * self.settings.batch_size
        return Patches(list(samples), plan.schema, TrainingAugmentation(), plan.patch, length, seed)


def prepare_segmenter_training(
    samples: list[Sample],
    schema: Schema,
    augment: TrainingAugmentation,
    *,
    steps: int,
    seed: int,
    network: str | None = None,
    width: int | None = None,
    backbone: Backbone | None = None,
    oversampled: OversampledConditions | None = None,
    compute: ComputeSettings = ON_CPU,
    has_average: bool = True,
) -> SegmenterTraining:
    """Prepare the training of a segmenter; the arguments are those of :func:`train_segmenter`.

    Raises:
        DataError: there is nothing to train on, or there is no such network for these samples.
    """
    if not list_labelled(samples):
        raise DataError("no labelled training samples", expected="at least one")
    plan = plan_network(samples, schema, network, width, backbone)
    module = compute.place_network(build_seeded_network(plan, seed), schema.spatial_dims)
    batch_size = BATCH_SIZES[schema.spatial_dims]
    patches = Patches(samples, schema, augment, plan.patch, steps * batch_size, seed, oversampled or {})
    criterion = make_loss(schema.domain)

    def compute_loss(network: nn.Module, batch: list[Tensor], step: int) -> Tensor:
        image, target = batch
        with fork_step_generator(seed, step, compute), compute.autocast():
            logits = network(image).float()
        return criterion(logits, target)

    learning_rate = schema.domain.learning_rate
    settings = TrainingSettings("segmenter", steps, batch_size, learning_rate, MAX_GRADIENT_NORM, has_average)
    return SegmenterTraining(plan, module, patches, compute_loss, settings)


def plan_network(
    samples: list[Sample], schema: Schema, network: str | None, width: int | None, backbone: Backbone | None
) -> NetworkPlan:
    """Plan the network of a training from its samples: their median shape and spacing.

    Args:
        samples: training samples.
        schema: names the classes.
        network: name of a family; None for the default of the domain.
        width: channels of the first level of a network for scans; None for the default.
        backbone: encoder of a network for frames.

    Raises:
        DataError: there is no such network for these samples, or it cannot have this width or backbone.
    """
    domain = schema.domain
    name = network or list_networks(domain)[0]
    check_network(name, domain, width, backbone)
    labelled = list_labelled(samples)
    patch = choose_patch_shape([sample.shape for sample in labelled], domain.patch_divisor)
    spacing = np.median(np.array([sample.spacing for sample in labelled], dtype=float), axis=0)
    chosen_width = None if domain.is_rgb else width or DEFAULT_WIDTH
    return NetworkPlan(name, schema, patch, tuple(spacing.tolist()), chosen_width, backbone)


def score_segmenter(
    model: Segmenter | SegmenterEnsemble,
    test: Dataset,
    original_test: Dataset,
    groups: Sequence[MeasureGroup] = OPTIONAL_GROUPS,
) -> dict[str, dict[str, float]]:
    """Score a segmenter on the data's own grid.

    Args:
        model: a trained segmenter, or several.
        test: test samples at the grid it was trained on.
        original_test: the same samples at the data's own grid, whose masks are the truth.
        groups: which measures are computed, see :data:`domaingan.metrics.measures.OPTIONAL_GROUPS`.

    Returns:
        For each unit (a subject, or a block of time of a drive) its scores, see
        :mod:`domaingan.metrics.scan_counter` and :mod:`domaingan.metrics.frame_counter`.
    """
    counter = make_counter(original_test.schema, groups)
    tested = iterate_scored_samples(test, original_test, lambda sample: sample.mask is not None)
    for batch in batch_by_shape(tested, MAX_SCORED_PIXELS):
        samples = [item.sample for item in batch]
        shapes = [item.original.shape for item in batch]
        for item, probabilities in zip(batch, model.predict_probability_batch(samples, shapes), strict=True):
            mask = decide_mask(probabilities, model.schema)
            counter.add(item.unit, item.original, mask, name_probabilities(probabilities, model.schema))
    return counter.compute_scores()
