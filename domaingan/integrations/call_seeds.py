"""Where a transform's draws come from, in the pipelines of other libraries and in the workers of any loader.

A worker process begins with a copy of the transform, and a loader starts new ones in every epoch: a generator that
goes on from where the copy was would draw the same in each worker, and in each epoch again. Here every call has a seed
of its own instead. It follows from the pipeline's seed, the item, and how often that was asked for, so that nothing
depends on which worker has it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from multiprocessing.context import get_spawning_popen
from multiprocessing.sharedctypes import RawArray
from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNTER_SLOTS = 2**17
"""Items whose calls are counted between processes; of more, the oldest may be forgotten."""

MAX_PROBES = 8
"""Places that an item may have in the table."""

COUNT_BITS = 24
"""Of a place in the table, the bits that count; the others say whose count it is."""

MAX_EPOCHS = 1024
"""Epochs that are told apart by number; of more, each goes by its loader's seed."""

LOADER_MODULES = ("torch.utils.data._utils.fetch", "torch.utils.data.dataset")
"""Where PyTorch asks for items by their positions."""

FINGERPRINT_GRID = 24
"""Pixels an axis by which an image is recognised."""


class CallSeeds:
    """Gives every call of a transform a seed of its own.

    The item is the position that PyTorch's loader asks its dataset for, and the image itself. How often it was asked
    for is counted in memory that forked and spawned workers share. A worker also knows its epoch by the loader's seed,
    so that what it fetched ahead and nobody used changes nothing.

    Args:
        seed: all seeds follow from it; a random one unless given.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._reset(seed)

    def _reset(self, seed: int | None) -> None:
        self.is_seeded = seed is not None
        self.base_seed = int.from_bytes(os.urandom(8), "little") if seed is None else int(seed)
        self._counts = RawArray(ctypes.c_uint64, COUNTER_SLOTS)
        self._loaders = RawArray(ctypes.c_uint64, MAX_EPOCHS)

    def __getstate__(self) -> dict[str, Any]:
        """Workers that are being spawned share the memory; copies and files begin anew."""
        if get_spawning_popen() is not None:
            return self.__dict__
        return {"seed": self.base_seed if self.is_seeded else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "seed" in state:
            self._reset(state["seed"])
        else:
            self.__dict__ |= state

    def make_seed(self, image: Any) -> int:
        """The seed of this call, from 0 to 2 ** 63 - 1.

        Args:
            image: what the transform is called for: an array or a tensor.
        """
        item = hash_values(find_loader_index(), fingerprint_image(image))
        epoch = self._find_epoch()
        is_again = self._count_visit(hash_values(item, epoch)) > 0
        # Visits are numbered through, whether new workers have each epoch, old ones or none: one an epoch goes by the
        # epoch, what came oftener (a second view, an image that a stream repeats) is counted besides.
        more = hash_values(item, "more")
        visit = epoch + (self._count_visit(more) + 1 if is_again else self._get_count(more))
        return hash_values(self.base_seed, item, visit) >> 1

    def _find_epoch(self) -> int:
        """Which iteration of a loader this worker was started for; 0 outside of workers."""
        loader = find_loader_seed()
        if loader is None:
            return 0
        for number, known in enumerate(self._loaders):
            if known in (0, loader):
                self._loaders[number] = loader
                return number
        return loader

    def _count_visit(self, key: int) -> int:
        """How often this key was counted before, in all processes together."""
        tag = (key >> COUNT_BITS) or 1
        for probe in range(MAX_PROBES):
            place = (key + probe) % COUNTER_SLOTS
            stored = self._counts[place]
            if stored == 0 or stored >> COUNT_BITS == tag:
                before = stored & ((1 << COUNT_BITS) - 1)
                self._counts[place] = (tag << COUNT_BITS) | (before + 1)
                return int(before)
        self._counts[key % COUNTER_SLOTS] = (tag << COUNT_BITS) | 1
        return 0

    def _get_count(self, key: int) -> int:
        """How often this key was counted, in all processes together."""
        tag = (key >> COUNT_BITS) or 1
        for probe in range(MAX_PROBES):
            stored = int(self._counts[(key + probe) % COUNTER_SLOTS])
            if stored >> COUNT_BITS == tag:
                return stored & ((1 << COUNT_BITS) - 1)
        return 0


def hash_values(*values: Any) -> int:
    """A number of 64 bits that follows from integers, bytes, texts and tuples of them, in every process alike."""
    return int.from_bytes(hashlib.blake2b(repr(values).encode(), digest_size=8).digest(), "little")


def fingerprint_image(image: Any) -> bytes:
    """Bytes by which an image or volume is recognised: its shape and a grid of its values; axes of 1 are none."""
    steps = [slice(None, None, max(1, size // FINGERPRINT_GRID)) for size in image.shape]
    part = image[tuple(steps)]
    if hasattr(part, "detach"):  # a tensor, of which NumPy may not have the type
        part = part.detach().cpu().double().numpy()
    values: NDArray[Any] = np.ascontiguousarray(part)
    return hashlib.blake2b(
        values.tobytes(), digest_size=8, key=repr([int(n) for n in image.shape if n > 1]).encode()[:64]
    ).digest()


def find_loader_seed() -> int | None:
    """The seed that PyTorch's loader gave all workers of this epoch; None outside of its workers."""
    data = sys.modules.get("torch.utils.data")
    info = None if data is None else data.get_worker_info()
    return None if info is None else int(info.seed - info.id) % 2**63 + 1


def find_loader_index() -> int | None:
    """The position that PyTorch's loader is asking its dataset for; None if it cannot be told.

    PyTorch tells its workers nothing of it, but the functions that called this one do.
    """
    index, frame = None, sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals.get("__name__") in LOADER_MODULES:
            asked = frame.f_locals.get("idx", frame.f_locals.get("possibly_batched_index"))
            index = asked if isinstance(asked, int) else index
    return index
