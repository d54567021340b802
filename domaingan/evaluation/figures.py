"""The pictures of an evaluation, gathered from its first fold and seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.reading import read_arrays, refuse_malformed
from domaingan.evaluation.arms import Arm, augment_for
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.example_images import bank_examples, paste_examples, prediction_examples, relight_examples
from domaingan.evaluation.fold import Prepared


def gathered(fold: Prepared, arms: list[Arm], config: EvaluationConfig) -> dict[str, NDArray[Any]]:
    """The arrays that the report shows: hosts before and after, crops, looks and predictions.

    Args:
        fold: every arm of it was trained with the first seed.
        arms: all of them.
        config: seeds, and the looks wanted.
    """
    rng, schema = np.random.default_rng(config.seed), fold.test.schema
    pictures: dict[str, NDArray[Any]] = {}
    pasting = [arm for arm in arms if arm.sources]
    if pasting:
        arm = next((arm for arm in pasting if "gan" in arm.sources), pasting[0])
        pictures |= paste_examples(fold.train, schema, augment_for(arm, fold.banks, schema, config.looks), rng)
        pictures |= bank_examples(fold.banks["copy-paste"], "real_samples", "real_masks", rng)
        pictures |= bank_examples(fold.banks[arm.sources[0]], "crops", "crop_masks", rng, n=6)
    if "gan" in fold.banks:
        pictures |= bank_examples(fold.banks["gan"], "gan_samples", "gan_masks", rng)
    relighting = [arm for arm in arms if arm.looks]
    if relighting:
        arm = next((arm for arm in relighting if "relight" in arm.looks), relighting[0])
        pictures |= relight_examples(
            fold.train, fold.banks[arm.looks[0]], augment_for(arm, fold.banks, schema, config.looks), config.looks, rng
        )
    predictions, shown = {}, []
    for arm in arms:
        path = fold.folder / f"{arm.name}-seed{config.seed}.npz"
        kept = read_arrays(path)
        with refuse_malformed(path, "what a training wrote: remove it and its .json, and --resume trains again"):
            shown = kept["shown"].tolist()
            predictions[arm.name] = [kept[f"p{i}"] for i in range(len(shown))]
    tested = [fold.test[i] for i in shown]
    return pictures | prediction_examples(tested, schema, [fold.task.truth(s) for s in tested], predictions)
