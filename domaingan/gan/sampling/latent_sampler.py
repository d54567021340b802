"""From a generator to a bank: latents, clean masks, a place and spacing for every entry; scenes too."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from torch import Tensor

from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.banks.find_objects import MIN_OBJECT_PIXELS
from domaingan.core.errors import DataError
from domaingan.gan.conditioning import restore_conditioning
from domaingan.gan.conditions import Condition
from domaingan.gan.config import MASK, GANConfig
from domaingan.gan.crop_records import CropRecord
from domaingan.gan.data import decode
from domaingan.gan.networks import Generator
from domaingan.gan.sampling.generate import SAMPLING_BATCH, generate
from domaingan.imaging.intensity import (
    compute_equivalent_radius,
    find_nonzero,
    find_ring,
    label_components,
    measure_contrast,
)

MAX_ATTEMPTS = 8
"""How often a crop without a usable mask is drawn again."""

NEAREST_RECORDS = 5
"""A generated entry's place and spacing come from one of so many real crops of its condition, the nearest in size."""

MAX_RADIUS_RATIO = 1.5
"""A mask agrees with the radius asked for if it is off by at most this factor."""

AcceptFunction = Callable[[Tensor, Condition], NDArray[np.bool_]]
"""From stacks and their conditions to whether each may stay."""


def sample_latents(config: GANConfig, seeds: list[tuple[int, ...]], truncation: float | None = None) -> Tensor:
    """``(len(seeds), latent)`` normal numbers, each item's following from its own seed.

    Args:
        config: says how many.
        seeds: for each item.
        truncation: no number lies further from 0 than this: what is drawn is more typical and less varied (Brock et al.
            2019, https://arxiv.org/abs/1809.11096, section 3.1). None for no limit.
    """
    if truncation is not None and not truncation > 0:
        raise DataError(f"truncation {truncation}", expected="a number above 0; about 1 is usual")
    z = np.stack([np.random.default_rng(list(seed)).standard_normal(config.latent) for seed in seeds])
    if truncation is not None:  # the same uniform numbers, squeezed between the limits
        low, high = ndtr(-truncation), ndtr(truncation)
        z = ndtri(low + ndtr(z) * (high - low))
    return torch.from_numpy(z.astype(np.float32))


@dataclass(frozen=True)
class _GeneratedCrop:
    image: NDArray[np.float16]
    mask: NDArray[np.uint8]
    problem: str = ""
    is_too_small: bool = False


def sample_bank(
    generator: Generator,
    config: GANConfig,
    condition: Condition,
    seed: int,
    *,
    truncation: float | None = None,
    accept: AcceptFunction | None = None,
    hosts: Bank | None = None,
    source: str = "",
) -> Bank:
    """A generated crop for each item of ``condition``, as a bank.

    Of each mask the largest connected component is kept. A crop whose mask is then too small, lacks the class that is
    its condition, is far from the radius that is, or is not accepted is drawn again, 8 times at most; every draw
    rejected is counted in ``left_out``. What has too small a mask even then is missing from the bank; the rest stays.
    Crop ``i`` depends on the seed, ``i`` and its condition alone. Scenes have no masks.

    Args:
        generator: calibrated.
        config: the model's.
        condition: on the CPU.
        seed: of the latents.
        truncation: as in :func:`latents`.
        accept: may turn down more.
        hosts: for each item the real crop that its given channels are of; its place and spacing are then the host's.
        source: where the model lies.

    Raises:
        DataError: there is nothing to draw, or no mask was usable at all.
    """
    n = len(condition.codes)
    if n < 1:
        raise DataError(f"n = {n}", expected="at least 1")
    done: dict[int, _GeneratedCrop] = {}
    rejected: Counter[str] = Counter()
    places = _RecordFinder(config)
    waiting = deque((i, 0) for i in range(n))
    while waiting:  # never more than a batch of them in float32 at once; full ones, as a part costs as much as a whole
        chunk = [waiting.popleft() for _ in range(min(SAMPLING_BATCH, len(waiting)))]
        z = sample_latents(config, [(seed, i, attempt) for i, attempt in chunk], truncation)
        on = condition.take(torch.tensor([i for i, _ in chunk]))
        for (i, attempt), draw in zip(chunk, _generate_crops(generator, config, z, on, accept, places), strict=True):
            if not draw.problem or (attempt == MAX_ATTEMPTS - 1 and not draw.is_too_small):
                done[i] = draw
                continue
            rejected[draw.problem] += 1
            if attempt + 1 < MAX_ATTEMPTS:
                waiting.appendleft((i, attempt + 1))
    if not done:
        raise DataError(
            f"none of {n * MAX_ATTEMPTS} generated masks is usable", expected="a model that was trained for longer"
        )
    return _build_bank(config, condition, done, rejected, seed, hosts, source, places)


class _RecordFinder:
    """The real crops' templates, by conditions and size."""

    def __init__(self, config: GANConfig) -> None:
        self.config = config
        self._alike: dict[tuple[int, ...], tuple[list[CropRecord], NDArray[np.float64]]] = {}

    def find_similar(self, codes: tuple[int, ...], pixels: int, rng: np.random.Generator) -> CropRecord:
        """One of the real crops of the same conditions that are nearest in size."""
        if codes not in self._alike:
            every = self.config.templates
            alike = [template for template in every if template.codes == codes] or list(every)
            self._alike[codes] = alike, np.array([_radius_in_pixels(template) for template in alike])
        alike, edges = self._alike[codes]
        nearest = np.abs(edges - compute_equivalent_radius(pixels, self.config.spatial_dims)).argsort(kind="stable")[
            :NEAREST_RECORDS
        ]
        return alike[nearest[int(rng.integers(len(nearest)))]]


def _generate_crops(
    generator: Generator,
    config: GANConfig,
    z: Tensor,
    on: Condition,
    accept: AcceptFunction | None,
    places: _RecordFinder,
) -> Iterator[_GeneratedCrop]:
    stacks = generate(generator, config, z, on)
    accepted = np.ones(len(z), dtype=bool) if accept is None else accept(stacks, on)
    images, masks = decode(stacks, config)
    for i, ok in enumerate(accepted):
        codes, image = tuple(map(int, on.codes[i])), images[i].astype(np.float16)
        draw = _check_crop(config, codes, on.numbers[i], image, masks[i], places)
        yield (
            draw
            if ok or draw.problem
            else _GeneratedCrop(draw.image, draw.mask, "draws that the discriminator scores lowest")
        )


def _check_crop(
    config: GANConfig,
    codes: tuple[int, ...],
    numbers: Tensor,
    image: NDArray[np.float16],
    mask: NDArray[np.uint8],
    places: _RecordFinder,
) -> _GeneratedCrop:
    """The crop with a clean mask, and what speaks against it; against a scene or a given mask nothing does."""
    if config.kind == "scenes" or MASK in config.given:
        return _GeneratedCrop(image, mask)
    labels, n = label_components(mask)
    if n > 1:
        mask = np.where(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]), mask, 0).astype(np.uint8)
    least, pixels = MIN_OBJECT_PIXELS[config.spatial_dims], int(np.count_nonzero(mask))
    if pixels < least:
        return _GeneratedCrop(image, mask, f"draws with a mask under {least} pixels", is_too_small=True)
    for value in config.name_values(codes).values():
        if value in config.classes and not (mask == config.classes[value]).any():
            return _GeneratedCrop(image, mask, f"draws without the {value} asked for")
    if "radius_mm" in config.numbers:
        wanted = _unscale_number(config, "radius_mm", numbers)
        template = places.find_similar(codes, pixels, np.random.default_rng(0))
        found = compute_equivalent_radius(pixels * float(np.prod(template.spacing)), config.spatial_dims)
        if wanted > 0 and not 1 / MAX_RADIUS_RATIO <= found / wanted <= MAX_RADIUS_RATIO:
            return _GeneratedCrop(image, mask, "draws with another radius than asked for")
    return _GeneratedCrop(image, mask)


def _unscale_number(config: GANConfig, name: str, numbers: Tensor) -> float:
    """A number condition in its own unit, NaN where it is not known."""
    low, high = config.numbers[name]
    return low + float(numbers[list(config.numbers).index(name)]) * (high - low)


def _build_bank(
    config: GANConfig,
    condition: Condition,
    done: Mapping[int, _GeneratedCrop],
    rejected: Counter[str],
    seed: int,
    hosts: Bank | None,
    source: str,
    places: _RecordFinder,
) -> Bank:
    info = BankInfo(
        kind=config.kind,
        domain=config.domain,
        spatial_dims=config.spatial_dims,
        channels=list(config.channels),
        classes=dict(config.classes),
        conditions={name: list(values) for name, values in config.conditions.items()},
        numbers=list(config.numbers),
        subjects=list(dict.fromkeys([*config.subjects, *(hosts.subjects if hosts else ())])),
        supporting_classes=config.ground,
        ranges=config.ranges,
        percentiles=config.percentiles,
        hosts=list(hosts.info.hosts) if hosts is not None and config.is_inpainting else [],
        generated=True,
        source=source,
        left_out={**(hosts.info.left_out if hosts else {}), **rejected},
        checksums={**config.checksums, **(hosts.info.checksums if hosts else {})},
    )
    entries, order = create_entries(info, len(done)), sorted(done)
    if hosts is not None:
        done = {
            i: _GeneratedCrop(*restore_conditioning(config, hosts[i], draw.image, draw.mask))
            for i, draw in done.items()
        }
    for entry, i in zip(entries, order, strict=True):
        codes = tuple(map(int, condition.codes[i]))
        for name, code in zip(config.conditions, codes, strict=True):
            entry[f"condition:{name}"] = code
        for name in config.numbers:
            entry[f"number:{name}"] = _unscale_number(config, name, condition.numbers[i])
        if hosts is None:
            rng = np.random.default_rng([seed, i, MAX_ATTEMPTS])
            template = places.find_similar(codes, int(np.count_nonzero(done[i].mask)), rng)
            entry["spacing"] = template.spacing
            entry["centre"] = template.centre
            entry["depth"] = template.depth_mm
            entry["source_size"] = template.extent
        else:
            for name in (
                "spacing",
                "centre",
                "depth",
                "source_size",
                *(("host", "place") if config.is_inpainting else ()),
            ):
                entry[name] = hosts.entries[i][name]
        _measure_entry(entry, done[i], config)
    images = np.stack([done[i].image for i in order])
    return Bank(info, images, np.stack([done[i].mask for i in order]), entries)


def _measure_entry(entry: Any, drawn: _GeneratedCrop, config: GANConfig) -> None:
    """Note an entry's radius and contrast; a scene has none."""
    if config.kind == "scenes":
        return
    pixels = np.count_nonzero(drawn.mask)
    entry["radius_mm"] = compute_equivalent_radius(pixels * float(np.prod(entry["spacing"])), config.spatial_dims)
    image = drawn.image.astype(np.float32)
    entry["contrast"] = measure_contrast(image[:1], drawn.mask, find_ring(drawn.mask, inside=find_nonzero(image)))[0]


def _radius_in_pixels(template: CropRecord) -> float:
    pixel = math.prod(template.spacing) ** (1 / len(template.spacing))
    return float(template.radius_mm / pixel)
