"""The task of segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.baselines import segmentation
from domaingan.baselines.batches import CLASS_BALANCED_SHARE, LABELLED_SHARE
from domaingan.baselines.segmentation_networks import DEFAULT_WIDTH, check_network, list_networks
from domaingan.baselines.segmenter_model import Segmenter, SegmenterEnsemble
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.core.devices import choose_compute
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.score_tables import Scores
from domaingan.evaluation.tasks.base import (
    describe_backbone,
    describe_validation,
    hold_out_validation,
    parse_backbone,
)
from domaingan.metrics.measures import parse_groups


class SegmentationTask:
    """Masks: a U-Net, scored by Dice (scans) or IoU (frames)."""

    def check(self, config: EvaluationConfig, schema: Schema) -> None:
        """Refuse what cannot be trained, before anything is trained.

        Raises:
            DataError: there is no such network or group of measures, or the network cannot have this width or backbone.
        """
        backbone = parse_backbone(config)
        parse_groups(config.measures)
        check_network(config.network or list_networks(schema.domain)[0], schema.domain, config.width, backbone)

    def check_samples(self, train: Dataset, test: Dataset) -> None:
        """Accept every fold: samples without a mask were left out before."""

    def describe_baseline(self, config: EvaluationConfig, schema: Schema) -> list[str]:
        """Describe the network and how patches are drawn, in sentences for a report."""
        network = config.network or list_networks(schema.domain)[0]
        width = "" if schema.domain.is_rgb else f" of width {config.width or DEFAULT_WIDTH}"
        balance = (
            f"{LABELLED_SHARE:.0%} of the training patches are from labelled samples. Of these, "
            f"{CLASS_BALANCED_SHARE:.0%} lie around a class that is drawn first, each class with the same chance. It "
            "is the same for every arm."
        )
        return [f"The baseline is {network}{width}.", balance, *describe_validation(config), *describe_backbone(config)]

    def train(
        self,
        samples: list[Sample],
        schema: Schema,
        augment: TrainingAugmentation,
        config: EvaluationConfig,
        seed: int,
        callback: ProgressCallback,
    ) -> Segmenter:
        """Train, see :func:`domaingan.baselines.segmentation.train_segmenter`."""
        held_out = hold_out_validation(samples, augment, config, seed)
        return segmentation.train_segmenter(
            held_out.samples,
            schema,
            held_out.augment,
            steps=config.steps,
            seed=seed,
            validation=held_out.validation,
            network=config.network,
            width=config.width,
            backbone=parse_backbone(config),
            oversampled=config.target_conditions,
            compute=choose_compute(config.device, config.precision, config.workers),
            has_average=config.ema,
            has_flips=config.flips,
            progress=callback,
        )

    def load_ensemble(self, paths: Sequence[Path], config: EvaluationConfig) -> SegmenterEnsemble:
        """Load the segmenters of several seeds, which predict the mean of their probabilities."""
        compute = choose_compute(config.device, config.precision)
        return SegmenterEnsemble([Segmenter.load(path, compute) for path in paths])

    def score(
        self,
        model: Segmenter | SegmenterEnsemble,
        test: Dataset,
        original_test: Dataset,
        config: EvaluationConfig,
    ) -> Scores:
        """Score, see :func:`domaingan.baselines.segmentation.score_segmenter`."""
        return segmentation.score_segmenter(model, test, original_test, parse_groups(config.measures))

    def draw_prediction(self, model: Segmenter, sample: Sample) -> NDArray[Any]:
        """Return the predicted mask."""
        return model.predict(sample)

    def draw_truth(self, sample: Sample) -> NDArray[Any]:
        """Return the mask; empty where there is none."""
        return np.zeros(sample.shape, dtype=np.uint8) if sample.mask is None else sample.mask

    def list_drawn_classes(self, schema: Schema) -> dict[str, int]:
        """Return the classes of the masks."""
        return dict(schema.classes)

    def has_labels(self, sample: Sample) -> bool:
        """Return whether there is a mask."""
        return sample.mask is not None
