"""The pictures of an evaluation, collected from its first fold and seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.core.reading import read_arrays, refuse_malformed
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.example_images import (
    collect_bank_examples,
    collect_paste_examples,
    collect_prediction_examples,
    collect_relight_examples,
)
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.plan import name_training

Arrays = dict[str, NDArray[Any]]


def collect_figures(fold: FoldContext, config: EvaluationConfig) -> Arrays:
    """Collect the arrays that the report shows: hosts before and after, crops, styles and predictions.

    Args:
        fold: the first fold; every arm was trained with the first seed.
        config: arms, seeds and the target conditions.

    Raises:
        DataError: what a training wrote cannot be read.
    """
    rng = np.random.default_rng(config.seed)
    schema, conditions = fold.test.schema, config.target_conditions
    pictures: Arrays = {}
    pasting = _choose_arm([arm for arm in config.parsed_arms if arm.paste_sources], "gan")
    if pasting is not None:
        augment = build_augmentation(pasting, fold.banks, schema, conditions)
        shown_bank = fold.banks[pasting.name_bank(pasting.paste_sources[0])]
        pictures |= collect_paste_examples(fold.train_samples, schema, augment, rng)
        pictures |= collect_bank_examples(_choose_real_bank(fold, shown_bank), "real_samples", "real_masks", rng)
        pictures |= collect_bank_examples(shown_bank, "crops", "crop_masks", rng, n=6)
    if "gan" in fold.banks:
        pictures |= collect_bank_examples(fold.banks["gan"], "gan_samples", "gan_masks", rng)
    relighting = _choose_arm([arm for arm in config.parsed_arms if arm.relight_sources], "relight")
    if relighting is not None:
        augment = build_augmentation(relighting, fold.banks, schema, conditions)
        scenes = fold.banks[relighting.name_bank(relighting.relight_sources[0])]
        pictures |= collect_relight_examples(fold.train_samples, scenes, augment, conditions, rng)
    return pictures | _collect_predictions(fold, config)


def _choose_arm(arms: list[Arm], source: str) -> Arm | None:
    """Choose the first arm with a source, else the first, else None; those without modifiers come first."""
    ordered = sorted(arms, key=lambda arm: arm.has_modifiers)
    for arm in ordered:
        if source in arm.sources:
            return arm
    return ordered[0] if ordered else None


def _choose_real_bank(fold: FoldContext, shown: Bank) -> Bank:
    """Choose a bank of real crops: that of all training people, else that which is shown."""
    return fold.banks.get("copy-paste", shown)


def _collect_predictions(fold: FoldContext, config: EvaluationConfig) -> Arrays:
    predictions: dict[str, list[NDArray[Any]]] = {}
    positions: list[int] = []
    for arm in config.parsed_arms:
        path = fold.folder / f"{name_training(arm, config.seed)}.npz"
        stored = read_arrays(path)
        with refuse_malformed(path, "what a training wrote: remove it and its .json, and --resume trains again"):
            positions = stored["shown"].tolist()
            predictions[arm.name] = [stored[f"p{number}"] for number in range(len(positions))]
    samples = [fold.test[position] for position in positions]
    truths = [fold.task.draw_truth(sample) for sample in samples]
    return collect_prediction_examples(samples, fold.test.schema, truths, predictions)
