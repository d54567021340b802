"""Build a bank of generated crops: its info, and an entry for each crop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.gan.conditioning import restore_conditioning
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.sampling.check_crop import GeneratedCrop, unscale_number
from domaingan.gan.sampling.record_finder import RecordFinder
from domaingan.imaging.intensity import compute_equivalent_radius, find_nonzero, find_ring, measure_contrast

RECORD_STREAM = 8
"""Tells the random draw of a crop's record from other draws."""

PLACE_COLUMNS = ("spacing", "centre", "depth", "source_size")
"""Columns of an entry that come from a training crop, or from the host."""


def build_bank(
    config: GANConfig,
    condition: Condition,
    crops: Mapping[int, GeneratedCrop],
    rejected: Counter[str],
    finder: RecordFinder,
    *,
    seed: int,
    hosts: Bank | None,
    source: str,
) -> Bank:
    """Build the bank of the crops that were generated.

    Args:
        config: the model's.
        condition: the condition of every crop that was asked for, on the CPU.
        crops: the usable ones, by their position in ``condition``.
        rejected: how many crops were rejected, by reason.
        finder: finds place and spacing of a crop without a host.
        seed: of the draws of place and spacing.
        hosts: the host of every crop that was asked for, if there are hosts.
        source: where the model lies.
    """
    info = _describe_bank(config, hosts, rejected, source)
    positions = sorted(crops)
    entries = create_entries(info, len(positions))
    images, masks = [], []
    for entry, i in zip(entries, positions, strict=True):
        image, mask = crops[i].image, crops[i].mask
        codes = tuple(map(int, condition.codes[i]))
        for name, code in zip(config.data.conditions, codes, strict=True):
            entry[f"condition:{name}"] = code
        for name in config.data.numbers:
            entry[f"number:{name}"] = unscale_number(config, name, condition.numbers[i])
        if hosts is None:
            rng = np.random.default_rng([seed, i, RECORD_STREAM])
            record = finder.find_similar(codes, int(np.count_nonzero(mask)), rng)
            for name in PLACE_COLUMNS:
                entry[name] = getattr(record, name)
        else:
            image, mask = restore_conditioning(config, hosts[i], image, mask)
            host_columns = ("host", "place") if config.is_inpainting else ()
            for name in (*PLACE_COLUMNS, *host_columns):
                entry[name] = hosts.entries[i][name]
        if config.data.kind == "crops":
            _measure_entry(entry, image, mask)
        images.append(image)
        masks.append(mask)
    return Bank(info, np.stack(images), np.stack(masks), entries)


def _describe_bank(config: GANConfig, hosts: Bank | None, rejected: Counter[str], source: str) -> BankInfo:
    data, provenance = config.data, config.provenance
    host_subjects = hosts.subjects if hosts else ()
    host_checksums = hosts.info.checksums if hosts else {}
    left_out = hosts.info.left_out if hosts else {}
    return BankInfo(
        kind=data.kind,
        domain=data.domain,
        spatial_dims=config.network.spatial_dims,
        channels=list(data.channels),
        classes=dict(data.classes),
        conditions={name: list(values) for name, values in data.conditions.items()},
        numbers=list(data.numbers),
        subjects=list(dict.fromkeys([*provenance.subjects, *host_subjects])),
        supporting_classes=data.supporting_classes,
        ranges=data.ranges,
        percentiles=data.percentiles,
        hosts=list(hosts.info.hosts) if hosts is not None and config.is_inpainting else [],
        generated=True,
        source=source,
        left_out={**left_out, **rejected},
        checksums={**provenance.checksums, **host_checksums},
    )


def _measure_entry(entry: Any, image: Any, mask: Any) -> None:
    """Write an entry's radius and contrast, in place."""
    pixels = np.count_nonzero(mask)
    entry["radius_mm"] = compute_equivalent_radius(pixels * float(np.prod(entry["spacing"])), mask.ndim)
    scaled = image.astype(np.float32)
    around = find_ring(mask, inside=find_nonzero(scaled))
    entry["contrast"] = measure_contrast(scaled[:1], mask, around)[0]
