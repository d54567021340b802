"""Measures and pictures of what generators inpainted in a fold; stored in the fold's folder.

Columns are compared: ``real`` crops of the training subjects, crops ``pasted`` into their images, and what each
inpainting generator made. There are three kinds of pictures: the same *windows* of training images in every column
(unchanged under ``real``), the *places* of real objects of test subjects, which no generator ever saw, and the *worst*
generated crops by the discriminator's score.
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
"""How many of the generated crops with the lowest scores are shown."""

STORED_NAME = "generated"
"""Name of the files with measures (``.json``) and pictures (``.npz``) in a fold's folder."""

OLD_STORED_NAME = "painted"
"""Their name in runs of older versions, which are still read."""

SCORING_BATCH_SIZE = 64
"""Crops that are scored at a time."""

Arrays = dict[str, NDArray[Any]]


def evaluate_generated(
    banks: Mapping[str, Bank], train: Dataset, test: Dataset, config: EvaluationConfig, folder: Path, progress: Progress
) -> tuple[dict[str, Any], Arrays]:
    """Measure and show the inpainted banks of a fold; what is stored in its folder already is read.

    Args:
        banks: the banks of the fold, by source.
        train: the training samples at the grid worked in.
        test: the test samples at that grid. Only the places of their real objects are used, and nothing learns from
            them.
        config: sizes and the seed.
        folder: the folder of the fold.
        progress: receives the progress.

    Returns:
        Two dictionaries, both empty where nothing was inpainted. The first has for each column the measures of
        :func:`domaingan.evaluation.generated_measures.measure_spread` and, but for ``real``, under
        ``real_vs_fake_accuracy`` those of
        :func:`domaingan.evaluation.generated_measures.measure_real_vs_fake_accuracy`. The second has the pictures
        ``KIND:COLUMN``, their masks ``KIND_masks:COLUMN``, and ``worst_scores:COLUMN``.
    """
    measures, pictures = _read_stored(folder)
    sources = []
    for source in INPAINTED_SOURCES:
        is_trained_here = (folder / source).is_dir()  # else the bank is the user's
        if source in banks and (source in measures or is_trained_here):
            sources.append(source)
    if not sources:
        return {}, {}
    columns = ["real", "pasted", *sources]
    missing = [name for name in columns if name not in measures]
    if missing:
        progress.start("comparing generated and real crops")
        evaluation = _GeneratedEvaluation(banks, train, test, config, folder)
        for name in missing:
            measures[name], column_pictures = evaluation.evaluate_column(name)
            pictures |= column_pictures
        write_arrays(folder / f"{STORED_NAME}.npz", pictures)
        write_json(folder / f"{STORED_NAME}.json", measures)
    shown = {}
    for key, array in pictures.items():
        if key.rpartition(":")[2] in columns:
            shown[key] = array
    return {name: measures[name] for name in columns}, shown


def _read_stored(folder: Path) -> tuple[dict[str, Any], Arrays]:
    """Read the measures and pictures that are stored in a fold's folder; both are empty where there are none."""
    for name in (STORED_NAME, OLD_STORED_NAME):
        if (folder / f"{name}.json").is_file():
            return read_json_object(folder / f"{name}.json"), read_arrays(folder / f"{name}.npz")
    return {}, {}


@dataclass
class _GeneratedEvaluation:
    """Measures and shows each column; what the columns share is made once."""

    banks: Mapping[str, Bank]
    train: Dataset
    test: Dataset
    config: EvaluationConfig
    folder: Path

    @cached_property
    def places(self) -> HeldOutPlaces | None:
        """Places of real objects of test subjects; None where there are none."""
        return HeldOutPlaces.from_test(self.test, self.banks["copy-paste"], self.config.seed)

    @cached_property
    def windows(self) -> Bank:
        """Windows of the training images, as they are."""
        return self._sample_windows(pasted=False)

    @cached_property
    def pasted_windows(self) -> Bank:
        """The same windows with real crops pasted into them."""
        return self._sample_windows(pasted=True)

    def _sample_windows(self, *, pasted: bool) -> Bank:
        n = min(self.config.gan_samples, MAX_PAIRS)
        return sample_windows(self.train, self.banks["copy-paste"], n, self.config.seed, pasted=pasted)

    def evaluate_column(self, name: str) -> tuple[dict[str, Any], Arrays]:
        """Measure one column, and collect its pictures.

        Args:
            name: ``real``, ``pasted``, or a source that inpaints.
        """
        n_shown = min(MAX_EXAMPLES, len(self.windows))
        places = self.places
        pictures: Arrays = {}
        at_places: Bank | None = None
        if name == "real":
            bank = self.banks["copy-paste"]
            shown = _take_first(self.windows, n_shown)
            if places is not None:
                at_places = places.real
        elif name == "pasted":
            bank = self.pasted_windows
            shown = _take_first(bank, n_shown)
            if places is not None:
                at_places = places.paste_training_crops()
        else:
            gan = GAN.load(self.folder / name)
            assert gan.config is not None
            bank = _select_objects(self.banks[name])
            hosts = self.pasted_windows if "paste" in gan.config.network.conditioning else self.windows
            shown = gan.sample(n_shown, self.config.seed, self.config.device, hosts=_take_first(hosts, n_shown))
            if places is not None:
                at_places = places.inpaint(gan, self.config.device)
            worst, scores = find_lowest_scored(gan, bank, MAX_WORST_SHOWN)
            pictures[f"worst_scores:{name}"] = scores
            pictures |= _collect_pictures(bank.take(worst), "worst", name)
        measures = measure_spread(bank)
        pictures |= _collect_pictures(shown, "windows", name)
        if places is not None and at_places is not None:
            pictures |= _collect_pictures(_take_spread(at_places, MAX_EXAMPLES), "places", name)
            if name != "real":
                accuracy = measure_real_vs_fake_accuracy(places.real, at_places, self.config.seed, self.config.device)
                measures["real_vs_fake_accuracy"] = accuracy
        return measures, pictures


def _take_first(bank: Bank, n: int) -> Bank:
    return bank.take(np.arange(n))


def _take_spread(bank: Bank, n: int) -> Bank:
    """Take at most ``n`` entries at equal distances, so that they are from many subjects."""
    positions = np.linspace(0, len(bank) - 1, n).round().astype(np.int64)
    return bank.take(np.unique(positions))


def find_lowest_scored(gan: GAN, bank: Bank, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the entries that a generator's own discriminator scores lowest.

    Args:
        gan: trained.
        bank: sampled from it.
        n: how many at most.

    Returns:
        Positions and scores, the lowest first.
    """
    assert gan.config is not None and gan.discriminator is not None
    data = select_conditioning_crops(bank, gan.config, {})[0]
    sampler = RejectionSampler(gan.discriminator, count_levels(gan.config), {}, -np.inf)
    batches = np.split(np.arange(len(bank)), range(SCORING_BATCH_SIZE, len(bank), SCORING_BATCH_SIZE))
    scores = np.concatenate([sampler.score_stacks(*data.encode(batch)) for batch in batches])
    positions = np.argsort(scores, kind="stable")[:n]
    return positions, scores[positions]


def _select_objects(bank: Bank) -> Bank:
    """Select the entries with a generated object, without those of healthy tissue."""
    name = bank.info.domain.class_condition
    values = bank.info.conditions.get(name, [])
    if HEALTHY_VALUE not in values:
        return bank
    return bank.take(bank.entries[f"condition:{name}"] != values.index(HEALTHY_VALUE))


def _collect_pictures(bank: Bank, kind: str, name: str) -> Arrays:
    return collect_entry_examples(bank, f"{kind}:{name}", f"{kind}_masks:{name}")
