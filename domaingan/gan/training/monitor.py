"""Measure from time to time during a training how good and how varied the generated crops are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops
from domaingan.gan.networks import Generator
from domaingan.gan.sampling.generate import generate, recalibrate_batch_norm
from domaingan.gan.seeds import make_rng
from domaingan.metrics.fidelity.features import FeatureExtractor
from domaingan.metrics.fidelity.kid import compute_kid

MIN_HELD_OUT = 20
"""If fewer crops are held out, generated crops are compared with those of the training."""

MAX_COMPARED_CROPS = 200
"""At most this many crops are compared."""


@dataclass
class GeneratorMonitor:
    """Compares generated with real crops.

    Attributes:
        config: the model's.
        crops: the real ones.
        extract: computes the features that they are compared by.
    """

    config: GANConfig
    crops: TrainingCrops
    extract: FeatureExtractor

    def __call__(self, generator: Generator) -> dict[str, float]:
        """Measure KID and diversity of a generator.

        Diversity is the mean distance between the features of two generated crops of the same class conditions,
        relative to that of real crops. A generator that has collapsed has little of it.

        Args:
            generator: the averaged generator.

        Returns:
            ``kid`` with ``kid_error``, and ``diversity``.
        """
        config = self.config
        ready = recalibrate_batch_norm(generator, self.crops)
        rng = make_rng(config.training.seed, 0, 3)
        n = len(self._compared_rows)
        rows = self._compared_rows[torch.randint(n, (n,), generator=rng).numpy()]
        condition = self.crops.encode(rows, self.crops.sample_variation(rows, rng))[1]
        z = torch.randn(n, config.network.latent, generator=rng)
        fake = self._extract_features(generate(ready, config, z, condition))
        distance_to_real = compute_kid(self._real_features, fake)
        real_distance = _measure_distance(self._real_features, self.crops.codes[self._compared_rows])
        fake_distance = _measure_distance(fake, self.crops.codes[rows])
        diversity = fake_distance / real_distance if real_distance else 1.0
        return {"kid": distance_to_real.value, "kid_error": distance_to_real.error, "diversity": diversity}

    @cached_property
    def _compared_rows(self) -> NDArray[np.int64]:
        rows = self.crops.held_out_rows
        if len(rows) < MIN_HELD_OUT:
            rows = self.crops.training_rows
        even = np.linspace(0, len(rows) - 1, min(MAX_COMPARED_CROPS, len(rows)))
        return rows[np.unique(even.astype(int))]

    @cached_property
    def _real_features(self) -> NDArray[np.float32]:
        return self._extract_features(self.crops.encode(self._compared_rows)[0])

    def _extract_features(self, stacks: Tensor) -> NDArray[np.float32]:
        images = stacks[:, : len(self.config.data.channels)]
        return self.extract(((images + 1) / 2).clamp(0, 1).cpu().numpy())


def _measure_distance(features: NDArray[np.float32], kinds: NDArray[np.int64]) -> float:
    """Compute the mean distance between two items of the same kind; 0 if there are none.

    Args:
        features: ``(n, F)``.
        kinds: ``(n, K)`` codes of the class conditions.
    """
    squares = (features**2).sum(axis=1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * features @ features.T, 0))
    is_same = (kinds[:, None] == kinds[None]).all(axis=2) & ~np.eye(len(kinds), dtype=bool)
    return float(distance[is_same].mean()) if is_same.any() else 0.0
