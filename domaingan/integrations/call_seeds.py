"""Give each call of a transform its own seed, in pipelines of other libraries and in the workers of any loader.

A worker process starts with a copy of the transform, and a loader starts new workers in every epoch. A generator that
is copied with the transform would draw the same numbers in each worker and in each epoch. Therefore every call has its
own seed. The seed follows from the pipeline's seed, the item, and how often the item was loaded. It does not depend on
the worker.
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
"""Number of items whose calls are counted across processes; of more items, the oldest may be forgotten."""

MAX_PROBES = 8
"""Number of slots in the table that an item may use."""

COUNT_BITS = 24
"""Number of bits of a slot that hold the count; the other bits identify the item."""

MAX_EPOCHS = 1024
"""Number of epochs that get a number; a later epoch uses its loader's seed instead."""

LOADER_MODULES = ("torch.utils.data._utils.fetch", "torch.utils.data.dataset")
"""The modules of PyTorch that ask a dataset for items by index."""

FINGERPRINT_GRID = 24
"""Number of pixels along each axis from which an image is recognised."""


class CallSeeds:
    """Give every call of a transform its own seed.

    An item is identified by the index that PyTorch's loader asks its dataset for, and by the image itself. Memory that
    forked and spawned workers share counts how often each item was loaded. A worker also knows its epoch from the
    loader's seed. So items that were prefetched but never used change nothing.

    Args:
        seed: all seeds follow from it; by default a random one.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._reset(seed)

    def _reset(self, seed: int | None) -> None:
        self.is_seeded = seed is not None
        self.base_seed = int.from_bytes(os.urandom(8), "little") if seed is None else int(seed)
        self._counts = RawArray(ctypes.c_uint64, COUNTER_SLOTS)
        self._loaders = RawArray(ctypes.c_uint64, MAX_EPOCHS)

    def __getstate__(self) -> dict[str, Any]:
        """Return the shared memory for a worker that is being spawned, and the seed alone for copies and files."""
        if get_spawning_popen() is not None:
            return self.__dict__
        return {"seed": self.base_seed if self.is_seeded else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "seed" in state:
            self._reset(state["seed"])
        else:
            self.__dict__ |= state

    def make_seed(self, image: Any) -> int:
        """Make the seed of this call.

        Args:
            image: the array or tensor that the transform is called with.

        Returns:
            A number from 0 to 2 ** 63 - 1.
        """
        item = hash_values(find_loader_index(), fingerprint_image(image))
        epoch = self._find_epoch()
        is_again = self._count_visit(hash_values(item, epoch)) > 0
        # The visit numbers are the same with new workers in each epoch, with persistent workers and without workers.
        # The first visit in an epoch is numbered by the epoch. Further ones (a second view, or an image that a stream
        # repeats) are counted separately and added.
        repeats_key = hash_values(item, "more")
        repeats = self._count_visit(repeats_key) + 1 if is_again else self._get_count(repeats_key)
        visit = epoch + repeats
        return hash_values(self.base_seed, item, visit) >> 1

    def _find_epoch(self) -> int:
        """Find the number of the epoch that this worker was started for; 0 outside of workers."""
        loader_seed = find_loader_seed()
        if loader_seed is None:
            return 0
        for number, stored_seed in enumerate(self._loaders):
            if stored_seed in (0, loader_seed):
                self._loaders[number] = loader_seed
                return number
        return loader_seed

    def _count_visit(self, key: int) -> int:
        """Count a key once more, and return how often all processes together had counted it before."""
        tag = (key >> COUNT_BITS) or 1
        for probe in range(MAX_PROBES):
            slot = (key + probe) % COUNTER_SLOTS
            stored = self._counts[slot]
            if stored == 0 or stored >> COUNT_BITS == tag:
                before = stored & ((1 << COUNT_BITS) - 1)
                self._counts[slot] = (tag << COUNT_BITS) | (before + 1)
                return int(before)
        self._counts[key % COUNTER_SLOTS] = (tag << COUNT_BITS) | 1
        return 0

    def _get_count(self, key: int) -> int:
        """Get how often all processes together have counted a key."""
        tag = (key >> COUNT_BITS) or 1
        for probe in range(MAX_PROBES):
            stored = int(self._counts[(key + probe) % COUNTER_SLOTS])
            if stored >> COUNT_BITS == tag:
                return stored & ((1 << COUNT_BITS) - 1)
        return 0


def hash_values(*values: Any) -> int:
    """Hash values to a 64-bit number that is the same in every process.

    Args:
        values: integers, bytes, texts, and tuples of them.

    Returns:
        A number from 0 to 2 ** 64 - 1.
    """
    digest = hashlib.blake2b(repr(values).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def fingerprint_image(image: Any) -> bytes:
    """Compute bytes that identify an image or volume, from its shape and a coarse grid of its values.

    Args:
        image: an array or a tensor. Axes of length 1 do not count as part of the shape.

    Returns:
        8 bytes.
    """
    steps = [slice(None, None, max(1, size // FINGERPRINT_GRID)) for size in image.shape]
    part = image[tuple(steps)]
    if hasattr(part, "detach"):  # a tensor, whose type NumPy may not have
        part = part.detach().cpu().double().numpy()
    values: NDArray[Any] = np.ascontiguousarray(part)
    shape = [int(n) for n in image.shape if n > 1]
    key = repr(shape).encode()[:64]
    return hashlib.blake2b(values.tobytes(), digest_size=8, key=key).digest()


def find_loader_seed() -> int | None:
    """Find the seed that PyTorch's loader gave all workers of this epoch.

    Returns:
        A number from 1 to 2 ** 63; None outside of the loader's workers.
    """
    data = sys.modules.get("torch.utils.data")
    info = None if data is None else data.get_worker_info()
    return None if info is None else int(info.seed - info.id) % 2**63 + 1


def find_loader_index() -> int | None:
    """Find the index that PyTorch's loader is asking its dataset for.

    PyTorch does not pass the index to a transform. It is read from the local variables of the calling functions.

    Returns:
        The index; None if it is not found.
    """
    index = None
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals.get("__name__") in LOADER_MODULES:
            candidate = frame.f_locals.get("idx", frame.f_locals.get("possibly_batched_index"))
            if isinstance(candidate, int):
                index = candidate
    return index
