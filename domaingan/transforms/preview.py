"""What a blend would do, to look at before anything is written: host, what is blended in, and result side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend import Paste, Relight
from domaingan.errors import DataError
from domaingan.grid import as_slices, fullest_slice, resize, slice_axis
from domaingan.pictures import Picture, contact_sheet, tile
from domaingan.sample import Dataset, Sample
from domaingan.tissue import intensity_range, to_scaled
from domaingan.transforms.offline import Offline

EDGE = 192
"""About how many pixels a tile is wide."""

Row = list[tuple[Picture, str]]
"""Tiles and their captions."""


def preview(offline: Offline, rows: int = 8) -> Picture:
    """Hosts, crops and results, or hosts, scenes and results, eight or six pictures in a row.

    Pasted: host, crop, the host with the crop in it, and the same with outlines. Relit: host, scene, the host under
    the scene's look.

    Args:
        offline: hosts, bank and seed.
        rows: how many hosts are shown; drawn by the seed.

    Raises:
        DataError: no crop found a place, or no host was to be relit, among those that were tried.
    """
    blender, rng = offline.blender, np.random.default_rng(offline.seed)
    same = blender.bank.info.spatial_dims == offline.data.schema.spatial_dims
    hosts = offline.data if same else as_slices(offline.data)
    shown: list[Row] = []
    for number in rng.permutation(len(hosts))[: 6 * rows]:
        if isinstance(blender, Relight):
            row = _relit(blender, hosts[int(number)], rng)
        else:
            row = _pasted(blender, hosts, int(number), rng)
        shown += [row] if row else []
        if len(shown) == rows:
            break
    if not shown:
        found, wanted = ("crop found a place", "with room for one")
        if isinstance(blender, Relight):
            found, wanted = "host was to be relit", "that have not the wanted look already"
        raise DataError(f"no {found}", path=blender.bank.path, expected=f"hosts {wanted}")
    return contact_sheet([t for row in shown for t, _ in row], 2 * len(shown[0]), [c for row in shown for _, c in row])


def _relit(relight: Relight, host: Sample, rng: np.random.Generator) -> Row:
    after = relight(host, rng)
    record = after.meta["relit"]
    if record is None:
        return []
    scene = relight.bank[record["index"]]
    look = ", ".join(scene.condition.values())
    return [
        (_picture(host.image, None, "frame"), ", ".join(["host", *map(str, host.condition.values())])),
        (_picture(scene.image, None, "frame"), f"scene{': ' if look else ''}{look}"),
        (_picture(after.image, None, "frame"), f"relit, {record['method']} {record['strength']:.2f}"),
    ]


def _pasted(paste: Paste, hosts: Dataset, number: int, rng: np.random.Generator) -> Row:
    host = hosts[number]
    after = paste(host, rng)
    placed = [record for record in after.meta["pasted"] if record["place"] is not None]
    if not placed or host.mask is None:
        return []
    crop = paste.bank[placed[0]["index"]]
    domain = paste.bank.info.domain
    added = np.asarray(after.mask) != host.mask
    axis = slice_axis(hosts.records[number]) if host.spatial_dims == 3 else 0
    return [
        (_tile(host, _own(host, hosts, paste), added, axis, domain), "host"),
        (_picture(crop.image, crop.mask, domain), "crop"),
        (_tile(after, None, added, axis, domain), "pasted"),
        (_tile(after, _own(after, hosts, paste), added, axis, domain), "pasted, outlined"),
    ]


def _own(sample: Sample, hosts: Dataset, paste: Paste) -> NDArray[Any]:
    """The mask of what the bank holds: of a frame in which everything is labelled the objects alone."""
    mask = np.asarray(sample.mask)
    values = [hosts.schema.classes[name] for name in paste.bank.info.classes if name in hosts.schema.classes]
    return np.where(np.isin(mask, values), mask, 0)


def _tile(sample: Sample, mask: Any, added: NDArray[Any], axis: int, domain: Any) -> Picture:
    """The sample, of a volume the slice with most of what was added."""
    image = to_scaled(sample.image, intensity_range(sample, domain))
    if image.ndim == 4:
        most = fullest_slice(added, axis)
        image = np.take(image, most, axis + 1)
        mask = None if mask is None else np.take(mask, most, axis)
    return _picture(image, mask, domain)


def _picture(image: NDArray[np.float32], mask: Any, domain: Any) -> Picture:
    """A tile of about the wanted size; of a scan the first channel."""
    shape = image.shape[1:]
    if (step := shape[0] // EDGE) > 1:
        shape = tuple(n // step for n in shape)
        image, mask = resize(image, shape), None if mask is None else resize(mask, shape, label=True)
    shade = 0 if domain == "scan" else None
    return tile(image, mask, domain=domain, channel=shade, zoom=max(1, EDGE // shape[0]))
