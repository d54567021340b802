"""The base of the transforms: whatever a call draws follows from a seed of its own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import TransformBackends

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.integrations.call_seeds import CallSeeds
from domaingan.integrations.host_info import OneTimeWarnings

SEED_LIMIT = 2**32
"""Seeds of NumPy's ``RandomState`` are below this number."""


class SeededMapTransform(RandomizableTransform, MapTransform):  # type: ignore[misc]
    """A random transform whose draws all follow from one seed a call.

    See :mod:`domaingan.integrations.call_seeds` for the seeds.

    Args:
        keys: of the data that are transformed.
        prob: share of the calls that do anything.
        allow_missing_keys: whether keys may be missing in the data.
    """

    backend: ClassVar[list[TransformBackends]] = [TransformBackends.TORCH, TransformBackends.NUMPY]
    bank: Bank

    def __init__(self, keys: Sequence[Hashable] | Hashable, prob: float, allow_missing_keys: bool) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.seed = 0
        self.call_seeds = CallSeeds()
        self.warnings_once = OneTimeWarnings()

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> SeededMapTransform:
        """Begin anew from a seed, from what a generator draws next, or, without both, from a random seed."""
        super().set_random_state(seed, state)
        is_seeded = seed is not None or state is not None
        self.call_seeds = CallSeeds(self._draw_seed() if is_seeded else None)
        return self

    def start_item(self, image: Any) -> None:
        """Begin a call: set the seed that belongs to this image, and draw.

        Args:
            image: an array or tensor.
        """
        self.R = np.random.RandomState(self.call_seeds.make_seed(image) % SEED_LIMIT)
        self.randomize()

    def randomize(self, data: Any = None) -> None:
        """Draw whether to do anything, and the seed of what is done."""
        super().randomize(None)
        self.seed = self._draw_seed()

    def _draw_seed(self) -> int:
        return int(self.R.randint(SEED_LIMIT, dtype=np.uint32))

    def find_missing_keys(self, data: Mapping[Hashable, Any]) -> list[Hashable]:
        """Find the keys of this transform that the data does not have, or whose value is None.

        Args:
            data: what the transform is called with.

        Raises:
            KeyError: a key is not there, and keys may not be missing.
            DataError: a value is None though keys may not be missing, or is no array or tensor.
        """
        missing = [key for key in self.keys if data.get(key) is None]
        if missing and not self.allow_missing_keys:
            if missing[0] in data:
                raise DataError(f"{missing[0]!r} is None", expected="an array or tensor, or allow_missing_keys=True")
            raise KeyError(f"no {missing[0]!r} in the data of {type(self).__name__}, and allow_missing_keys is False")
        for key in self.keys:
            value = data.get(key)
            if value is not None and not isinstance(value, torch.Tensor | np.ndarray):
                raise DataError(f"{key!r} is a {type(value).__name__}", expected="an array or tensor")
        return missing
