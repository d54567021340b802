"""Random draws that follow from numbers alone, never from global state."""

from __future__ import annotations

import torch
from numpy.random import SeedSequence


def make_rng(*numbers: int) -> torch.Generator:
    """A generator, on the CPU, whose draws follow from these non-negative numbers alone."""
    state = SeedSequence(numbers).generate_state(1, "uint64")[0]
    return torch.Generator().manual_seed(int(state) >> 1)  # manual_seed wants a signed number
