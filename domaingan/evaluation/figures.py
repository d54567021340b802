"""The pictures of an evaluation, gathered from its first fold and seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.reading import read_arrays, refuse_malformed
from domaingan.evaluation.arms import Arm, build_augmentation
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.example_images import (
    collect_bank_examples,
    collect_paste_examples,
    collect_prediction_examples,
    collect_relight_examples,
)
from domaingan.evaluation.fold import FoldContext


def collect_figures(fold: FoldContext, arms: list[Arm], config: EvaluationConfig) -> dict[str, NDArray[Any]]:
    """The arrays that the report shows: hosts before and after, crops, looks and predictions.

    Args:
        fold: every arm of it was trained with the first seed.
        arms: all of them.
        config: seeds, and the looks wanted.
    """
    rng, schema = np.random.default_rng(config.seed), fold.test.schema
    pictures: dict[str, NDArray[Any]] = {}
    pasting = [arm for arm in arms if arm.paste_sources]
    if pasting:
        arm = next((arm for arm in pasting if "gan" in arm.paste_sources), pasting[0])
        pictures |= collect_paste_examples(
            fold.train_samples, schema, build_augmentation(arm, fold.banks, schema, config.looks), rng
        )
        pictures |= collect_bank_examples(fold.banks["copy-paste"], "real_samples", "real_masks", rng)
        pictures |= collect_bank_examples(fold.banks[arm.paste_sources[0]], "crops", "crop_masks", rng, n=6)
    if "gan" in fold.banks:
        pictures |= collect_bank_examples(fold.banks["gan"], "gan_samples", "gan_masks", rng)
    relighting = [arm for arm in arms if arm.relight_sources]
    if relighting:
        arm = next((arm for arm in relighting if "relight" in arm.relight_sources), relighting[0])
        pictures |= collect_relight_examples(
            fold.train_samples,
            fold.banks[arm.relight_sources[0]],
            build_augmentation(arm, fold.banks, schema, config.looks),
            config.looks,
            rng,
        )
    predictions, shown = {}, []
    for arm in arms:
        path = fold.folder / f"{arm.name}-seed{config.seed}.npz"
        kept = read_arrays(path)
        with refuse_malformed(path, "what a training wrote: remove it and its .json, and --resume trains again"):
            shown = kept["shown"].tolist()
            predictions[arm.name] = [kept[f"p{i}"] for i in range(len(shown))]
    tested = [fold.test[i] for i in shown]
    return pictures | collect_prediction_examples(
        tested, schema, [fold.task.draw_truth(s) for s in tested], predictions
    )
