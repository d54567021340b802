"""What a blend would do, to look at before anything is written: host, crop and pasted result side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.errors import DataError
from domaingan.grid import as_slices, fullest_slice, slice_axis
from domaingan.pictures import contact_sheet, tile
from domaingan.sample import Dataset, Sample
from domaingan.tissue import intensity_range, to_scaled
from domaingan.transforms.offline import Offline

EDGE = 192
"""About how many pixels a tile is wide."""


def preview(offline: Offline, rows: int = 8) -> NDArray[np.uint8]:
    """Host, crop, host with the crop pasted, and the same with outlines; two such fours in a row.

    Args:
        offline: hosts, bank and seed; one crop is pasted into each host shown.
        rows: how many hosts are shown; drawn by the seed.

    Returns:
        An ``(h, w, 3)`` uint8 picture.

    Raises:
        DataError: no crop found a place in any host that was tried.
    """
    paste, rng = offline.paste, np.random.default_rng(offline.seed)
    hosts = (
        offline.data if paste.bank.info.spatial_dims == offline.data.schema.spatial_dims else as_slices(offline.data)
    )
    tiles: list[NDArray[np.uint8]] = []
    for number in rng.permutation(len(hosts))[: 6 * rows]:
        tiles += _row(offline, hosts, int(number), rng)
        if len(tiles) >= 4 * rows:
            break
    if not tiles:
        raise DataError("no crop found a place", path=paste.bank.path, expected="hosts with room for one")
    return contact_sheet(tiles, 8, ["host", "crop", "pasted", "pasted, outlined"] * (len(tiles) // 4))


def _row(offline: Offline, hosts: Dataset, number: int, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    host = hosts[number]
    after = offline.paste(host, rng)
    placed = [record for record in after.meta["pasted"] if record["place"] is not None]
    if not placed or host.mask is None:
        return []
    crop = offline.paste.bank[placed[0]["index"]]
    domain = offline.paste.bank.info.domain
    added = np.asarray(after.mask) != host.mask
    axis = slice_axis(hosts.records[number]) if host.spatial_dims == 3 else 0
    pictures = [
        _tile(host, host.mask, added, axis, domain),
        tile(crop.image, crop.mask, domain=domain, channel=0, zoom=max(1, EDGE // crop.mask.shape[0])),
        _tile(after, None, added, axis, domain),
        _tile(after, np.asarray(after.mask), added, axis, domain),
    ]
    return pictures


def _tile(sample: Sample, mask: Any, added: NDArray[Any], axis: int, domain: Any) -> NDArray[np.uint8]:
    """The sample, of a volume the slice with most of what was added."""
    image = to_scaled(sample.image, intensity_range(sample, domain))
    if image.ndim == 4:
        most = fullest_slice(added, axis)
        image = np.take(image, most, axis + 1)
        mask = None if mask is None else np.take(mask, most, axis)
    return tile(image, mask, domain=domain, channel=0, zoom=max(1, EDGE // image.shape[1]))
