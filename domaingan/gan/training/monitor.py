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
from domaingan.gan.sampling.generate import calibrated, paint
from domaingan.gan.seeds import seeded
from domaingan.metrics.fidelity.features import Extractor
from domaingan.metrics.fidelity.kid import kid

FEWEST = 20
"""With fewer crops held out, what is generated is compared with those trained on."""

MOST = 200
"""At most so many crops are compared."""


@dataclass
class Judge:
    """Compares generated with real crops.

    Attributes:
        config: the model's.
        crops: the real ones.
        extract: what features they are compared by.
    """

    config: GANConfig
    crops: TrainingCrops
    extract: Extractor

    def __call__(self, generator: Generator) -> dict[str, float]:
        """``kid`` with ``kid_error``, and ``diversity``.

        Diversity is the mean distance between the features of two generated crops of the same class conditions, as a
        share of that between real ones: a generator that has collapsed has little of it.
        """
        ready = calibrated(generator, self.crops)
        rng = seeded(self.config.seed, 0, 3)
        chosen = torch.randint(len(self._rows), (len(self._rows),), generator=rng).numpy()
        rows = self._rows[chosen]
        condition = self.crops.encode(rows, self.crops.vary(rows, rng))[1]
        z = torch.randn(len(chosen), self.config.latent, generator=rng)
        fake = self._features(paint(ready, self.config, z, condition))
        found = kid(self._real, fake)
        real_kinds, kinds = self.crops.codes[self._rows], self.crops.codes[self._rows[chosen]]
        spread = _distance(self._real, real_kinds)
        diversity = _distance(fake, kinds) / spread if spread else 1.0
        return {"kid": found.value, "kid_error": found.error, "diversity": diversity}

    @property
    def against(self) -> str:
        """What generated crops are compared with, in words."""
        rows = "held-out crops" if len(self.crops.held) >= FEWEST else "crops trained on (too few are held out)"
        return f"{len(self._rows)} {rows}, features: {self.extract.name}"

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        rows = self.crops.held if len(self.crops.held) >= FEWEST else self.crops.train
        return rows[np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int))]

    @cached_property
    def _real(self) -> NDArray[np.float32]:
        return self._features(self.crops.encode(self._rows)[0])

    def _features(self, stacks: Tensor) -> NDArray[np.float32]:
        images = stacks[:, : len(self.config.channels)]
        return self.extract(((images + 1) / 2).clamp(0, 1).cpu().numpy())


def _distance(features: NDArray[np.float32], kinds: NDArray[np.int64]) -> float:
    """Mean distance between two items of the same kind; 0 if there are none."""
    squares = (features**2).sum(axis=1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * features @ features.T, 0))
    same = (kinds[:, None] == kinds[None]).all(axis=2) & ~np.eye(len(kinds), dtype=bool)
    return float(distance[same].mean()) if same.any() else 0.0
