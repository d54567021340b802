"""Random generators that depend on given numbers alone, never on global state."""

from __future__ import annotations

import torch
from numpy.random import SeedSequence


def make_rng(*numbers: int) -> torch.Generator:
    """Make a random generator on the CPU whose draws depend on these non-negative numbers alone."""
    state = SeedSequence(numbers).generate_state(1, "uint64")[0]
    return torch.Generator().manual_seed(int(state) >> 1)  # manual_seed takes a signed number
