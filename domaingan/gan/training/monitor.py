"""How good and how varied what the generator draws is, measured now and then while it is trained."""

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
"""With fewer crops held out, what is generated is compared with those trained on."""

MAX_COMPARED_CROPS = 200
"""At most so many crops are compared."""


@dataclass
class GeneratorMonitor:
    """Compares generated with real crops.

    Attributes:
        config: the model's.
        crops: the real ones.
        extract: what features they are compared by.
    """

    config: GANConfig
    crops: TrainingCrops
    extract: FeatureExtractor

    def __call__(self, generator: Generator) -> dict[str, float]:
        """``kid`` with ``kid_error``, and ``diversity``.

        Diversity is the mean distance between the features of two generated crops of the same class conditions, as a
        share of that between real ones: a generator that has collapsed has little of it.
        """
        ready = recalibrate_batch_norm(generator, self.crops)
        rng = make_rng(self.config.seed, 0, 3)
        chosen = torch.randint(len(self._compared_rows), (len(self._compared_rows),), generator=rng).numpy()
        rows = self._compared_rows[chosen]
        condition = self.crops.encode(rows, self.crops.sample_variation(rows, rng))[1]
        z = torch.randn(len(chosen), self.config.latent, generator=rng)
        fake = self._extract_features(generate(ready, self.config, z, condition))
        found = compute_kid(self._real_features, fake)
        real_kinds, kinds = self.crops.codes[self._compared_rows], self.crops.codes[self._compared_rows[chosen]]
        spread = _measure_distance(self._real_features, real_kinds)
        diversity = _measure_distance(fake, kinds) / spread if spread else 1.0
        return {"kid": found.value, "kid_error": found.error, "diversity": diversity}

    @property
    def against(self) -> str:
        """What generated crops are compared with, in words."""
        rows = (
            "held-out crops"
            if len(self.crops.held_out_rows) >= MIN_HELD_OUT
            else "crops trained on (too few are held out)"
        )
        return f"{len(self._compared_rows)} {rows}, features: {self.extract.name}"

    @cached_property
    def _compared_rows(self) -> NDArray[np.int64]:
        rows = self.crops.held_out_rows if len(self.crops.held_out_rows) >= MIN_HELD_OUT else self.crops.training_rows
        return rows[np.unique(np.linspace(0, len(rows) - 1, min(MAX_COMPARED_CROPS, len(rows))).astype(int))]

    @cached_property
    def _real_features(self) -> NDArray[np.float32]:
        return self._extract_features(self.crops.encode(self._compared_rows)[0])

    def _extract_features(self, stacks: Tensor) -> NDArray[np.float32]:
        images = stacks[:, : len(self.config.channels)]
        return self.extract(((images + 1) / 2).clamp(0, 1).cpu().numpy())


def _measure_distance(features: NDArray[np.float32], kinds: NDArray[np.int64]) -> float:
    """Mean distance between two items of the same kind; 0 if there are none."""
    squares = (features**2).sum(axis=1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * features @ features.T, 0))
    same = (kinds[:, None] == kinds[None]).all(axis=2) & ~np.eye(len(kinds), dtype=bool)
    return float(distance[same].mean()) if same.any() else 0.0
