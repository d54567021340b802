"""What generators that paint into hosts made in a fold, measured and shown; kept in the fold's folder.

Columns are compared: ``real`` crops of the training subjects, crops ``pasted`` into their images, and what each
painting generator made. Pictures are of three kinds: the same *windows* of training images in every column (under
``real`` as they are), the *places* of real objects of test subjects, which no generator ever saw, and the *worst* of
what was painted, by the discriminator's score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import HEALTHY_VALUE, Bank
from domaingan.core.files import write_arrays, write_json
from domaingan.core.progress import Progress
from domaingan.core.reading import read_arrays, read_json_object
from domaingan.data import Dataset
from domaingan.evaluation.arms import INPAINTED_SOURCES
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.example_images import MAX_EXAMPLES, collect_entry_examples
from domaingan.evaluation.generated_measures import (
    MAX_PAIRS,
    HeldOutPlaces,
    measure_real_vs_fake_accuracy,
    measure_spread,
)
from domaingan.gan import GAN
from domaingan.gan.conditioning import select_conditioning_crops
from domaingan.gan.networks import count_levels
from domaingan.gan.sampling.rejection import RejectionSampler
from domaingan.inpainting.windows import sample_windows

MAX_WORST_SHOWN = 10
"""So many of those painted that the discriminator scores lowest are shown."""

SCORING_BATCH_SIZE = 64
"""Crops are encoded so many at a time."""

Arrays = dict[str, NDArray[Any]]


def evaluate_generated(
    banks: Mapping[str, Bank], train: Dataset, test: Dataset, config: EvaluationConfig, folder: Path, progress: Progress
) -> tuple[dict[str, Any], Arrays]:
    """Measures and pictures of a fold's painted banks, those that lie in its folder from before and the others.

    Args:
        banks: the fold's, by source.
        train: the training samples at the grid worked in.
        test: the test samples at it; what lies at their real objects' places is measured, and nothing learns from it.
        config: sizes and the seed.
        folder: the fold's.
        progress: told that it goes on.

    Returns:
        For each column what :func:`domaingan.evaluation.generated_measures.spread` measures and, but for ``real``,
        under ``told`` what :func:`domaingan.evaluation.generated_measures.measure_real_vs_fake_accuracy` finds; and
        the pictures, ``KIND:COLUMN``
        with their masks ``KIND_masks:COLUMN``, and ``worst_scores:COLUMN``. Both empty where nothing was painted.
    """
    known, pictures = _read_stored(folder)
    sources = [name for name in INPAINTED_SOURCES if name in banks and (name in known or (folder / name).is_dir())]
    names = ["real", "pasted", *sources] if sources else []
    missing = [name for name in names if name not in known]
    if missing:
        progress.start("telling painted from real")
        bench = _GeneratedEvaluation(banks, train, test, config, folder)
        for name in missing:
            known[name], shown = bench.evaluate_column(name)
            pictures |= shown
        write_arrays(folder / "painted.npz", pictures)
        write_json(folder / "painted.json", known)
    chosen = {key: array for key, array in pictures.items() if key.rpartition(":")[2] in names}
    return {name: known[name] for name in names}, chosen


def _read_stored(folder: Path) -> tuple[dict[str, Any], Arrays]:
    if not (folder / "painted.json").is_file():
        return {}, {}
    return read_json_object(folder / "painted.json"), read_arrays(folder / "painted.npz")


@dataclass
class _GeneratedEvaluation:
    """What is measured and shown of each column."""

    banks: Mapping[str, Bank]
    train: Dataset
    test: Dataset
    config: EvaluationConfig
    folder: Path

    @cached_property
    def places(self) -> HeldOutPlaces | None:
        return HeldOutPlaces.from_test(self.test, self.banks["copy-paste"], self.config.seed)

    @cached_property
    def windows(self) -> dict[bool, Bank]:
        """Windows of the training images, as they are and with crops pasted into them."""
        real, n, seed = self.banks["copy-paste"], min(self.config.gan_samples, MAX_PAIRS), self.config.seed
        return {pasted: sample_windows(self.train, real, n, seed, pasted=pasted) for pasted in (False, True)}

    def evaluate_column(self, name: str) -> tuple[dict[str, Any], Arrays]:
        """What is measured of one column, and its pictures."""
        places, shown = self.places, self.windows[False].take(np.arange(min(MAX_EXAMPLES, len(self.windows[False]))))
        pictures: Arrays = {}
        if name == "real":
            bank, other = self.banks["copy-paste"], None if places is None else places.real
        elif name == "pasted":
            bank, other = self.windows[True], None if places is None else places.paste_training_crops()
            shown = bank.take(np.arange(len(shown)))
        else:
            bank, gan = _select_objects(self.banks[name]), GAN.load(self.folder / name)
            assert gan.config is not None
            hosts = self.windows["paste" in gan.config.network.conditioning].take(np.arange(len(shown)))
            shown = gan.sample(len(shown), self.config.seed, hosts=hosts)
            other = None if places is None else places.inpaint(gan)
            rows, pictures[f"worst_scores:{name}"] = find_lowest_scored(gan, bank, MAX_WORST_SHOWN)
            pictures |= _collect_pictures(bank.take(rows), "worst", name)
        found = measure_spread(bank)
        pictures |= _collect_pictures(shown, "windows", name)
        if places is not None and other is not None:
            rows = np.unique(np.linspace(0, len(other) - 1, MAX_EXAMPLES).round().astype(np.int64))  # of many subjects
            pictures |= _collect_pictures(other.take(rows), "places", name)
            if name != "real":
                found["told"] = measure_real_vs_fake_accuracy(places.real, other, self.config.seed)
        return found, pictures


def find_lowest_scored(gan: GAN, bank: Bank, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Positions and scores of the ``n`` entries that a generator's own discriminator likes least, the worst first.

    Args:
        gan: fitted.
        bank: drawn from it.
        n: how many at most.
    """
    assert gan.config is not None and gan.discriminator is not None
    data = select_conditioning_crops(bank, gan.config, {})[0]
    judge = RejectionSampler(gan.discriminator, count_levels(gan.config), {}, -np.inf)
    parts = np.split(np.arange(len(bank)), range(SCORING_BATCH_SIZE, len(bank), SCORING_BATCH_SIZE))
    scores = np.concatenate([judge.score_stacks(*data.encode(part)) for part in parts])
    rows = np.argsort(scores, kind="stable")[:n]
    return rows, scores[rows]


def _select_objects(bank: Bank) -> Bank:
    """The entries in which an object was painted, and not what is healthy."""
    name = bank.info.domain.class_condition
    values = bank.info.conditions.get(name, [])
    return (
        bank.take(bank.entries[f"condition:{name}"] != values.index(HEALTHY_VALUE)) if HEALTHY_VALUE in values else bank
    )


def _collect_pictures(bank: Bank, kind: str, name: str) -> Arrays:
    return collect_entry_examples(bank, f"{kind}:{name}", f"{kind}_masks:{name}")
