"""Pictures of one crop pasted at one place by every method, to be looked at.

    python -m benchmarks.quality.paste_pictures DATA NAME --out FOLDER [--dims 2] [--hosts 4] [--edge 56]
    python -m benchmarks.quality.paste_pictures phantom:medical medical --out benchmarks/results

For a few hosts, three rows each (of volumes three for each plane through what was pasted): the pictures; the same with
the outlines of their labels; and what a method changed outside the pasted object, eight times as bright, with the
mean over the changed pixels and the largest change in grey levels (1/255 of the intensity range). Columns: the crop in
its own surroundings as it lies in the bank (crops are turned, mirrored and resized before they are pasted), the host,
and the methods. Of scans the channel in which the crop stands out most is shown.

Writes FOLDER/paste-methods-NAME.png. Pictures of real data belong to no repository.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.lib import timing  # sets the number of threads, so before NumPy

# isort: split
import numpy as np
from numpy.typing import NDArray

from domaingan import Paste, crops, load, view
from domaingan.core.tiles import Picture, draw_tile, make_contact_sheet, save_png
from domaingan.data import Dataset, Domain, Sample
from domaingan.imaging.intensity import find_nonzero, find_ring, get_intensity_range, measure_contrast, to_scaled
from domaingan.imaging.padded_crops import crop_padded

METHODS = (
    "alpha",
    "feather",
    "soft",
    "laplacian",
    "poisson",
    "poisson-mixed",
    "feather+noise",
    "feather+histogram",
)

LOUDER, CLEAR, LEAST = 8, 8, 30
"""Factor on differences; pixels kept between an object and the picture's edge; fewest pixels of an object."""

Array = NDArray[Any]


@dataclass
class PastePicture:
    """One column of a host: ``(C, *spatial)`` in scaled units, labels ``(*spatial)``, and what was changed outside."""

    title: str
    image: Array
    mask: Array
    changed: Array | None = None

    def take_plane(self, axis: int, index: int) -> PastePicture:
        """A slice of a volume."""
        changed = None if self.changed is None else self.changed.take(index, axis)
        return PastePicture(self.title, self.image.take(index, axis + 1), self.mask.take(index, axis), changed)

    def draw_rows(self, domain: Domain, channel: int | None, zoom: int) -> tuple[Picture, Picture, Picture]:
        """The picture, its outlines, and what was changed; the last one white where there is nothing to compare."""
        plain = draw_tile(self.image, domain=domain.name, channel=channel, zoom=zoom)
        outlined = draw_tile(self.image, self.mask, domain=domain.name, channel=channel, zoom=zoom)
        if self.changed is None:
            return plain, outlined, np.full_like(plain, 255)
        return plain, outlined, draw_tile(LOUDER * self.changed[None], domain=domain.name, channel=0, zoom=zoom)

    def caption(self) -> str:
        """Mean over the changed pixels and largest change, in grey levels."""
        if self.changed is None:
            return ""
        over = 255 * self.changed[self.changed > 0]
        return f"{over.mean():.1f}, max {over.max():.0f}" if len(over) else "0"


@dataclass
class ExampleDrawer:
    """Pastes one crop at one place by every method.

    Attributes:
        data: hosts.
        edge: of the window around the object that is shown, in pixels.
        seed: draws hosts, crops and places.
    """

    data: Dataset
    edge: int
    seed: int

    def __post_init__(self) -> None:
        schema = self.data.schema
        self.bank = crops(self.data, size=1 << (self.edge - 1).bit_length())
        self.pastes = {name: Paste(self.bank, name, (1, 1), schema=schema) for name in METHODS}

    def iterate_examples(self, hosts: int, tries: int = 400) -> Iterator[tuple[list[PastePicture], int | None]]:
        """Columns and the channel shown, host by host."""
        found = 0
        for number in range(tries):
            made = self._draw_example(number)
            if made is not None:
                yield made
                found += 1
            if found == hosts:
                return

    def _draw_example(self, number: int) -> tuple[list[PastePicture], int | None] | None:
        """The columns of a draw; None where nothing was placed, it does not fit the window, or places differ.

        A wider margin around a crop can round its middle, and so its place, to the next pixel.
        """
        domain = self.data.schema.domain
        host = self.data[int(np.random.default_rng((self.seed, number)).integers(len(self.data)))]
        pasted = {
            name: paste(host, np.random.default_rng((self.seed, number, 1))) for name, paste in self.pastes.items()
        }
        first = pasted[METHODS[0]]
        if not first.pasted_crops[0].is_placed:
            return None
        body = find_pasted_pixels(host, first)
        if any((find_pasted_pixels(host, after) != body).any() for after in pasted.values()):
            return None
        spots = np.argwhere(body)
        if len(spots) < LEAST or (np.ptp(spots, axis=0) >= self.edge - 2 * CLEAR).any():
            return None
        corner = (spots.min(axis=0) + spots.max(axis=0)) // 2 - self.edge // 2
        corner = np.clip(corner, 0, np.maximum(np.array(host.shape) - self.edge, 0))
        ends, crop = get_intensity_range(host, domain), self.bank[first.pasted_crops[0].index]
        before = to_scaled(host.image, ends)
        middle = np.array(crop.mask.shape) // 2 - self.edge // 2
        own = PastePicture(
            "crop", crop_padded(crop.image, middle, self.edge), crop_padded(crop.mask, middle, self.edge)
        )
        shown = [own, PastePicture("host", crop_padded(before, corner, self.edge), self._crop_labels(host, corner))]
        for name, after in pasted.items():
            now = to_scaled(after.image, ends)
            changed = np.abs(now - before)
            channel = _find_clearest_channel(crop.image, crop.mask) if domain.has_body else None
            outside = np.where(body, 0, changed.max(axis=0) if channel is None else changed[channel])
            parts = (
                crop_padded(now, corner, self.edge),
                self._crop_labels(after, corner),
                crop_padded(outside, corner, self.edge),
            )
            shown.append(PastePicture(name, *parts))
        return shown, channel

    def _crop_labels(self, sample: Sample, corner: Array) -> Array:
        """A window of a sample's labels; of frames those of objects alone."""
        assert sample.mask is not None
        schema = self.data.schema
        objects = [schema.classes[name] for name in schema.objects]
        mask = np.where(np.isin(sample.mask, objects), sample.mask, 0) if objects else sample.mask
        return crop_padded(mask, corner, self.edge, fill=0)


def find_pasted_pixels(host: Sample, after: Sample) -> Array:
    """Where the last object of a sample can be seen."""
    if after.instances is not None:
        return np.equal(after.instances, after.instances.max())
    assert host.mask is not None and after.mask is not None
    return np.not_equal(after.mask, host.mask)


def _find_clearest_channel(image: Array, mask: Array) -> int:
    """The channel with the most contrast between object and ring."""
    return int(np.abs(measure_contrast(image, mask, find_ring(mask, inside=find_nonzero(image)))).argmax())


def iterate_planes(shown: list[PastePicture]) -> Iterator[list[PastePicture]]:
    """The columns themselves, or the three slices of volumes that hold most of the pasted object."""
    if shown[0].mask.ndim == 2:
        yield shown
        return
    body = shown[-1].mask != shown[1].mask
    for axis in range(3):
        counts = body.sum(axis=tuple(other for other in range(3) if other != axis))
        middle = shown[0].mask.shape[axis] // 2
        yield [one.take_plane(axis, middle if one.title == "crop" else int(counts.argmax())) for one in shown]


def draw_sheet(drawer: ExampleDrawer, hosts: int, zoom: int) -> Picture:
    """The whole picture."""
    tiles: list[Picture] = []
    captions: list[str] = []
    for shown, channel in drawer.iterate_examples(hosts):
        for columns in iterate_planes(shown):
            rows = [one.draw_rows(drawer.data.schema.domain, channel, zoom) for one in columns]
            tiles += [row[kind] for kind in range(3) for row in rows]
            captions += [one.title for one in columns] + [""] * len(columns) + [one.caption() for one in columns]
    return make_contact_sheet(tiles, 2 + len(METHODS), captions)


def main() -> None:
    """Write one picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("name")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dims", type=int)
    parser.add_argument("--spacing", type=float, help="mm")
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--every", type=int, default=1, help="take every so many samples")
    parser.add_argument("--edge", type=int, default=40, help="of the window shown, in pixels")
    parser.add_argument("--zoom", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = view(load(options.data), dims=options.dims, spacing=options.spacing)
    data = data.select(range(0, len(data), options.every)).load_into_memory()
    picture = draw_sheet(ExampleDrawer(data, options.edge, options.seed), options.hosts, options.zoom)
    print(save_png(picture, options.out / f"paste-methods-{options.name}.png"))


if __name__ == "__main__":
    assert timing.RESULTS  # imported for what it sets
    main()
