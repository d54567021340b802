"""From a generator to a bank: latents, conditions, clean masks, a place and spacing for every entry; scenes too."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from domaingan.bank import Bank, BankInfo, new_entries
from domaingan.cutting import MIN_PIXELS
from domaingan.errors import DataError
from domaingan.gan.config import GANConfig, Template
from domaingan.gan.data import decode
from domaingan.gan.seeds import seeded
from domaingan.tissue import components, contrast, ring, tissue

Wanted = str | Sequence[str] | Mapping[str, float]
"""What a condition shall be: one value, several in equal parts, or values with weights."""

BATCH = 32
"""Crops drawn at a time. Always so many: other batches would be computed with other roundings."""

TRIES = 8
"""How often a crop without a usable mask is drawn again."""

NEAREST = 5
"""A generated entry's place and spacing come from one of so many real crops of its condition, the nearest in size."""


@torch.no_grad()
def calibrated(generator: nn.Module, config: GANConfig, batches: int = 8) -> nn.Module:
    """A copy, ready to draw, whose batch normalisation has the statistics of its own weights.

    The averaged generator's activations are not those of the one that was trained: as in BigGAN (Brock et al.
    2019, https://arxiv.org/abs/1809.11096, "standing statistics") they are measured anew.
    """
    generator = copy.deepcopy(generator).train()
    norms = [module for module in generator.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    device = next(generator.parameters()).device
    rng, kinds = seeded(config.seed, 2), config.combinations()
    size = min(64, max(16, config.batch))
    for batch in range(batches if norms else 0):
        codes = [kinds[(batch * size + i) % len(kinds)] for i in range(size)]
        z = torch.randn(size, config.latent, generator=rng)
        generator(z.to(device), _tensor(codes).to(device))
    return generator.eval()


def _tensor(codes: Sequence[tuple[int, ...]]) -> Tensor:
    return torch.tensor(codes, dtype=torch.int64).reshape(len(codes), -1)


@torch.no_grad()
def paint(generator: nn.Module, config: GANConfig, z: NDArray[np.float32], codes: Sequence[tuple[int, ...]]) -> Tensor:
    """The generator's output ``(n, C + M, *size)`` for latents ``(n, latent)`` and codes, on the CPU."""
    device = next(generator.parameters()).device
    pieces = []
    for start in range(0, len(z), BATCH):
        chunk = torch.from_numpy(z[start : start + BATCH])
        labels = _tensor(codes[start : start + BATCH])
        short = BATCH - len(chunk)
        if short:
            chunk, labels = (torch.cat([part, part[:1].repeat(short, 1)]) for part in (chunk, labels))
        pieces.append(generator(chunk.to(device), labels.to(device)).cpu()[: BATCH - short])
    return torch.cat(pieces)


def spread(config: GANConfig, n: int, wanted: Mapping[str, Wanted]) -> list[tuple[int, ...]]:
    """Condition codes for ``n`` crops: even over what occurs in the training crops, or as ``wanted`` says.

    Raises:
        DataError: a condition or value is unknown, a weight is negative, or no crop had the values together.
    """
    weights = {name: _weights(config, name, choice) for name, choice in wanted.items()}
    kinds, shares = [], []
    for codes in config.combinations():
        named = config.named(codes)
        share = float(np.prod([chosen.get(named.get(name, ""), 0.0) for name, chosen in weights.items()]))
        if share > 0:
            kinds.append(codes)
            shares.append(share)
    if not kinds:
        asked = ", ".join(f"{name}={choice}" for name, choice in wanted.items())
        raise DataError(f"no training crop was {asked}", expected="values that occur together")
    # Several combinations may share what was asked for: they share its weight too.
    keys = [tuple(config.named(codes).get(name) for name in weights) for codes in kinds]
    together = Counter(keys)
    part = np.array([share / together[key] for share, key in zip(shares, keys, strict=True)])
    part /= part.sum()
    given, chosen = np.zeros(len(kinds)), []
    for i in range(n):  # the one furthest behind its share is next
        best = int(np.argmax(part * (i + 1) - given))
        given[best] += 1
        chosen.append(kinds[best])
    return chosen


def _weights(config: GANConfig, name: str, choice: Wanted) -> dict[str, float]:
    if name not in config.conditions:
        known = ", ".join(config.conditions) or "none: the model has no conditions"
        raise DataError(f"no condition {name!r}", expected=f"one of {known}")
    if isinstance(choice, str):
        choice = [choice]
    weights = dict(choice) if isinstance(choice, Mapping) else dict.fromkeys(choice, 1.0)
    for value, weight in weights.items():
        if value not in config.conditions[name]:
            raise DataError(f"no {name}={value}", expected=f"one of {', '.join(config.conditions[name])}")
        if not 0 <= weight < float("inf"):
            raise DataError(f"a weight of {weight} for {name}={value}", expected="a number of at least 0")
    return weights


@dataclass(frozen=True)
class _Draw:
    image: NDArray[np.float16]
    mask: NDArray[np.uint8]
    problem: str = ""
    small: bool = False


def draw_bank(
    generator: nn.Module, config: GANConfig, n: int, seed: int, wanted: Mapping[str, Wanted], source: str = ""
) -> Bank:
    """``n`` generated crops as a bank.

    Of each mask the largest connected component is kept. A crop whose mask is then too small, or lacks the class
    that is its condition, is drawn again, 8 times at most; every draw rejected is counted in ``left_out``. What
    has too small a mask even then is missing from the bank; what lacks its class stays. Crop ``i`` depends on the
    seed, ``i`` and its condition alone. Scenes have no masks and are taken as they come.

    Raises:
        DataError: ``n`` is not positive, a condition is unknown, or no mask was usable at all.
    """
    if n < 1:
        raise DataError(f"n = {n}", expected="at least 1")
    codes = spread(config, n, wanted)
    done: dict[int, _Draw] = {}
    rejected: Counter[str] = Counter()
    left = list(range(n))
    for attempt in range(TRIES):
        again = []
        for i, drawn in _drawn(generator, config, left, codes, (seed, attempt)):
            if not drawn.problem or (attempt == TRIES - 1 and not drawn.small):
                done[i] = drawn
            else:
                rejected[drawn.problem] += 1
                again.append(i)
        left = again
    if not done:
        raise DataError(
            f"none of {n * TRIES} generated masks is usable", expected="a model that was trained for longer"
        )
    return _bank(config, codes, done, rejected, seed, source)


def _drawn(
    generator: nn.Module, config: GANConfig, which: list[int], codes: list[tuple[int, ...]], seed: tuple[int, int]
) -> Iterator[tuple[int, _Draw]]:
    """The crops ``which``, checked; never more than a batch of them in float32 at once."""
    for start in range(0, len(which), BATCH):
        chunk = which[start : start + BATCH]
        z = np.stack([np.random.default_rng([seed[0], i, seed[1]]).standard_normal(config.latent) for i in chunk])
        images, masks = decode(paint(generator, config, z.astype(np.float32), [codes[i] for i in chunk]), config)
        for i, image, mask in zip(chunk, images.astype(np.float16), masks, strict=True):
            yield i, _checked(config, codes[i], image, mask)


def _checked(config: GANConfig, codes: tuple[int, ...], image: NDArray[np.float16], mask: NDArray[np.uint8]) -> _Draw:
    """The crop with a clean mask, and what speaks against it; against a scene nothing does."""
    if config.kind == "scenes":
        return _Draw(image, mask)
    labels, n = components(mask)
    if n > 1:
        mask = np.where(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]), mask, 0).astype(np.uint8)
    least = MIN_PIXELS[config.spatial_dims]
    if np.count_nonzero(mask) < least:
        return _Draw(image, mask, f"draws with a mask under {least} pixels", small=True)
    for value in config.named(codes).values():
        if value in config.classes and not (mask == config.classes[value]).any():
            return _Draw(image, mask, f"draws without the {value} asked for")
    return _Draw(image, mask)


def _bank(
    config: GANConfig,
    codes: Sequence[tuple[int, ...]],
    done: Mapping[int, _Draw],
    rejected: Counter[str],
    seed: int,
    source: str,
) -> Bank:
    info = BankInfo(
        kind=config.kind,
        domain=config.domain,
        spatial_dims=config.spatial_dims,
        channels=list(config.channels),
        classes=dict(config.classes),
        conditions={name: list(values) for name, values in config.conditions.items()},
        subjects=list(config.subjects),
        ground=config.ground,
        generated=True,
        source=source,
        left_out=dict(rejected),
    )
    entries = new_entries(info, len(done))
    order = sorted(done)
    for entry, i in zip(entries, order, strict=True):
        _describe(entry, done[i], config, codes[i], np.random.default_rng([seed, i, TRIES]))
    images = np.stack([done[i].image for i in order])
    return Bank(info, images, np.stack([done[i].mask for i in order]), entries)


def _describe(entry: Any, drawn: _Draw, config: GANConfig, codes: tuple[int, ...], rng: np.random.Generator) -> None:
    """Fill a row of the bank: spacing and place of a real crop alike, radius and contrast as measured."""
    pixels = np.count_nonzero(drawn.mask)
    alike = [template for template in config.templates if template.codes == codes] or list(config.templates)
    edge = _radius(pixels, config.spatial_dims)
    alike.sort(key=lambda template: abs(_radius_pixels(template) - edge))
    template = alike[int(rng.integers(min(NEAREST, len(alike))))]
    entry["spacing"], entry["centre"], entry["depth_mm"] = template.spacing, template.centre, template.depth_mm
    entry["extent"] = template.extent
    for name, code in zip(config.conditions, codes, strict=True):
        entry[f"condition:{name}"] = code
    if config.kind == "scenes":
        return
    entry["radius_mm"] = _radius(pixels * float(np.prod(template.spacing)), config.spatial_dims)
    image = drawn.image.astype(np.float32)
    entry["contrast"] = contrast(image, drawn.mask, ring(drawn.mask, inside=tissue(image)))[0]


def _radius(volume: float, dims: int) -> float:
    """Radius of a disc or ball of this area or volume."""
    return float((volume / np.pi) ** 0.5 if dims == 2 else (3 * volume / (4 * np.pi)) ** (1 / 3))


def _radius_pixels(template: Template) -> float:
    pixel = math.prod(template.spacing) ** (1 / len(template.spacing))
    return float(template.radius_mm / pixel)
