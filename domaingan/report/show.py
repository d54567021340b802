"""Pictures of samples, datasets, banks, crops and GANs. ``dg.show`` is for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from domaingan.banks import Bank, Crop
from domaingan.core.arguments import read_whole_number
from domaingan.core.errors import DataError
from domaingan.core.tiles import Picture, add_legend, draw_tile, make_contact_sheet, save_png
from domaingan.data import FRAME, SCAN, Dataset, Domain, Sample
from domaingan.gan import GAN
from domaingan.imaging.intensity import get_intensity_range, to_scaled

MAX_SHOWN_ENTRIES = 64
"""At most this many entries of a bank are shown."""

MAX_SHOWN_SAMPLES = 8
"""At most this many samples of a dataset are shown, spread evenly over it."""

TILE_HEIGHT = 128
"""Height in pixels at which an entry of a bank is shown."""

SAMPLE_HEIGHT = 256
"""Height in pixels at which a sample is shown."""


def show(what: Any, n: int | None = None, out: str | Path | None = None) -> Image.Image:
    """Draw a picture of what is given: labels are outlined, and a legend names their colours.

    Args:
        what: a dataset, a sample, a bank, a crop or a fitted GAN; or the path of a dataset, bank or model.
        n: the largest number of samples or crops to show; 8 samples or 64 crops if None.
        out: a PNG file to write the picture to as well.

    Returns:
        The picture; notebooks display it.

    Raises:
        DataError: there is nothing to show, or ``what`` is none of these.
    """
    if n is not None:
        n = read_whole_number(n, "n", 1)
    if not isinstance(what, (str, Path, Dataset, Sample, Bank, Crop, GAN)):
        expected = "a Dataset, Sample, Bank, Crop or GAN, or the path of a dataset, bank or model"
        raise DataError(f"a {type(what).__name__}", expected=expected)
    thing = open_path(what) if isinstance(what, (str, Path)) else what
    if isinstance(thing, GAN):
        picture = thing.picture()
    elif isinstance(thing, Bank):
        picture = draw_bank(thing, n or MAX_SHOWN_ENTRIES)
    elif isinstance(thing, Crop):
        picture = draw_tile(thing.image, thing.mask, domain=_guess_domain(thing.image).name, height=SAMPLE_HEIGHT)
    elif isinstance(thing, Sample):
        picture = draw_samples([thing], {}, _guess_domain(thing.image))
    else:
        picture = _draw_dataset(thing, n or MAX_SHOWN_SAMPLES)
    if out is not None:
        save_png(picture, out)
    return Image.fromarray(picture)


def open_path(path: str | Path) -> Dataset | Bank | GAN:
    """Open a bank, a model or a dataset, whichever a path names.

    Raises:
        DataError: it is none of them.
    """
    from domaingan.adapters import load

    folder = Path(path).expanduser()
    if (folder / "bank.json").is_file():
        return Bank.load(folder)
    if (folder / "weights.safetensors").is_file():
        return GAN.load(folder)
    return load(path)


def draw_bank(bank: Bank, n: int = MAX_SHOWN_ENTRIES) -> Picture:
    """Draw entries of a bank, spread evenly over it, with the outlines of their masks, their class and their subject.

    Args:
        bank: crops or scenes.
        n: the largest number of entries to show.

    Raises:
        DataError: the bank is empty.
    """
    if not len(bank):
        raise DataError("an empty bank", path=bank.path, expected="at least one entry")
    chosen = np.unique(np.linspace(0, len(bank) - 1, min(n, len(bank))).round().astype(int))
    tiles: list[Picture] = []
    captions: list[str] = []
    for index in chosen:
        crop = bank[int(index)]
        tiles.append(draw_tile(crop.image, crop.mask, domain=bank.info.domain.name, height=TILE_HEIGHT))
        captions.append(bank.describe_entry(crop))
    columns = 8 if bank.info.domain.is_rgb or len(bank.info.channels) < 3 else 4
    return add_legend(make_contact_sheet(tiles, columns, captions), bank.info.classes)


def draw_samples(samples: Sequence[Sample], classes: dict[str, int], domain: Domain) -> Picture:
    """Draw samples in rows of four, with the outlines of their masks.

    Args:
        samples: at least one.
        classes: the masks' values by name, for the legend.
        domain: of the samples.
    """
    tiles: list[Picture] = []
    captions: list[str] = []
    for sample in samples:
        image = to_scaled(sample.image, get_intensity_range(sample, domain))
        tiles.append(draw_tile(image, sample.mask, domain=domain.name, height=SAMPLE_HEIGHT))
        captions.append(", ".join([sample.name, *map(str, sample.condition.values())]))
    sheet = make_contact_sheet(tiles, 4, captions)
    return add_legend(sheet, classes) if classes else sheet


def _draw_dataset(dataset: Dataset, n: int) -> Picture:
    if not len(dataset):
        raise DataError("no sample", path=dataset.root, expected="at least one")
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(n, len(dataset))).round().astype(int))
    samples = [dataset[int(index)] for index in chosen]
    return draw_samples(samples, dict(dataset.schema.classes), dataset.schema.domain)


def _guess_domain(image: Any) -> Domain:
    """Guess the domain of a single image: three channels in 2D are the colours of a frame."""
    return FRAME if image.ndim == 3 and len(image) == 3 else SCAN
