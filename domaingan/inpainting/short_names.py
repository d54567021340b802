"""``dg.windows`` and ``dg.with_healthy``: the short public names of what is done with windows of hosts."""

from __future__ import annotations

from pathlib import Path

from domaingan.adapters.open_dataset import DatasetSource
from domaingan.banks import Bank
from domaingan.inpainting.windows import add_healthy_windows, sample_windows


def windows(
    dataset: DatasetSource,
    crops: Bank | str | Path,
    n: int,
    seed: int = 0,
    *,
    pasted: bool = False,
    reshaped: bool = False,
) -> Bank:
    """Sample windows of hosts for a generator to paint into; see :func:`domaingan.inpainting.windows.sample_windows`.

    Args:
        dataset: the hosts, labelled or not, or their folder.
        crops: real crops, or their folder; their masks, deformed, are the new masks.
        n: number of windows. Fewer are returned where there is no room; ``info.left_out`` counts them.
        seed: window ``i`` follows from the seed and ``i``.
        pasted: whether the crops are pasted into the windows, deformed as their masks are.
        reshaped: whether some of the masks in scans are mixed from two, or random blobs. Pasted crops keep their masks.

    Returns:
        A bank of entries that are bound to their hosts. :meth:`domaingan.gan.GAN.sample` takes it as ``hosts``.

    Raises:
        DataError: the crops do not fit the hosts, or there is no room at all.
    """
    return sample_windows(dataset, crops, n, seed, pasted=pasted, reshaped=reshaped)


def with_healthy(crops: Bank | str | Path, dataset: DatasetSource, n: int | None = None, seed: int = 0) -> Bank:
    """Add windows without an object to crops; see :func:`domaingan.inpainting.windows.add_healthy_windows`.

    Args:
        crops: real crops with a class condition, or their folder.
        dataset: the hosts that windows are taken from, or their folder.
        n: number of windows. As many as there are crops unless given, and at least 400.
        seed: the windows follow from it.

    Returns:
        A bank of the crops, then the windows under the value ``healthy``.

    Raises:
        DataError: the crops have no class condition, or as of :func:`windows`.
    """
    return add_healthy_windows(crops, dataset, n, seed)
