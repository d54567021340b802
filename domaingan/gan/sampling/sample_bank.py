"""Sample a bank from a generator: every crop with a usable mask, a place and a spacing. Scenes have no masks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.data import decode_stacks
from domaingan.gan.networks import Generator
from domaingan.gan.sampling.check_crop import CropCheck, GeneratedCrop
from domaingan.gan.sampling.entries import build_bank
from domaingan.gan.sampling.generate import SAMPLING_BATCH, generate
from domaingan.gan.sampling.latents import sample_latents
from domaingan.gan.sampling.record_finder import RecordFinder

MAX_ATTEMPTS = 8
"""How often a crop is generated until it is usable."""

REJECTED_BY_SCORE = "draws that the discriminator scores lowest"

AcceptFunction = Callable[[Tensor, Condition], NDArray[np.bool_]]
"""Decides from stacks and their conditions which of them may stay."""


@dataclass(frozen=True)
class BankSampler:
    """Samples banks from a generator.

    Attributes:
        generator: recalibrated.
        config: the model's.
        seed: of the latents.
        truncation: as in :func:`~domaingan.gan.sampling.latents.sample_latents`.
        accept: may reject further crops, or None.
    """

    generator: Generator
    config: GANConfig
    seed: int
    truncation: float | None = None
    accept: AcceptFunction | None = None

    def sample(self, condition: Condition, hosts: Bank | None = None, source: str = "") -> Bank:
        """Sample a crop for each item of ``condition``, as a bank.

        The largest connected component of each mask is kept. A crop is generated again, up to 8 times, if its mask is
        too small, lacks the class of its condition, is far from the radius of its condition, or is not accepted. Every
        rejected crop is counted in ``left_out``. A crop whose last mask is still too small is missing from the bank; a
        crop with any other problem stays. Crop ``i`` depends on the seed, ``i`` and its condition alone.

        Args:
            condition: the condition of each crop, on the CPU.
            hosts: for each crop the real crop that its conditioning channels are from. Place and spacing are then the
                host's.
            source: where the model lies.

        Raises:
            DataError: there is nothing to sample, or no mask was usable at all.
        """
        n = len(condition.codes)
        if n < 1:
            raise DataError(f"n = {n}", expected="at least 1")
        finder = RecordFinder(self.config)
        check = CropCheck(self.config, finder)
        crops: dict[int, GeneratedCrop] = {}
        rejected: Counter[str] = Counter()
        waiting = deque((i, 0) for i in range(n))
        while waiting:  # full batches: a part of one costs as much as a whole one
            batch = [waiting.popleft() for _ in range(min(SAMPLING_BATCH, len(waiting)))]
            generated = self._generate(batch, condition, check)
            for (i, attempt), crop in zip(batch, generated, strict=True):
                is_last = attempt == MAX_ATTEMPTS - 1
                if not crop.problem or (is_last and not crop.is_too_small):
                    crops[i] = crop
                    continue
                rejected[crop.problem] += 1
                if not is_last:
                    waiting.appendleft((i, attempt + 1))
        if not crops:
            found = f"none of {n * MAX_ATTEMPTS} generated masks is usable"
            raise DataError(found, expected="a model that was trained for longer")
        return build_bank(self.config, condition, crops, rejected, finder, seed=self.seed, hosts=hosts, source=source)

    def _generate(
        self, batch: list[tuple[int, int]], condition: Condition, check: CropCheck
    ) -> Iterator[GeneratedCrop]:
        """Generate and check the crops of a batch, given by their number and attempt."""
        seeds: list[tuple[int, ...]] = [(self.seed, i, attempt) for i, attempt in batch]
        z = sample_latents(self.config, seeds, self.truncation)
        batch_condition = condition.take(torch.tensor([i for i, _ in batch]))
        stacks = generate(self.generator, self.config, z, batch_condition)
        is_accepted: Any = np.ones(len(z), dtype=bool)
        if self.accept is not None:
            is_accepted = self.accept(stacks, batch_condition)
        images, masks = decode_stacks(stacks, self.config)
        for row in range(len(z)):
            codes = tuple(map(int, batch_condition.codes[row]))
            image = images[row].astype(np.float16)
            crop = check(image, masks[row], codes, batch_condition.numbers[row])
            if not is_accepted[row] and not crop.problem:
                crop = replace(crop, problem=REJECTED_BY_SCORE)
            yield crop
