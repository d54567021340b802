"""Given channels and masks for a model that wants them: real crops in the words of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from domaingan.banks import HEALTHY_VALUE, Bank, Crop, create_entries
from domaingan.core.errors import DataError
from domaingan.gan.conditions import Condition
from domaingan.gan.config import MASK, GANConfig
from domaingan.gan.data import TrainingCrops
from domaingan.gan.inpainting import blend_weight
from domaingan.gan.sampling.sample_conditions import ConditionRequest, sample_conditions

MASK_NUMBERS = ("radius_mm", "volume_mm3")
"""Numbers that a mask has, whatever is painted into it."""

MAX_SPACING_RATIO = 1.25
"""The pixels of hosts may be larger or smaller than any trained on by at most this factor."""


def prepare_conditions(
    config: GANConfig, n: int, seed: int, hosts: Bank | None, requests: Mapping[str, ConditionRequest]
) -> tuple[Condition, Bank | None]:
    """What ``n`` crops are conditioned on, and the host of each if the model is shown any: hosts are taken in turn.

    Raises:
        DataError: as :func:`domaingan.gan.sampling.sample_conditions.plan` and :func:`given_by`; or hosts are missing,
            or not wanted.
    """
    if not config.given:
        if hosts is not None:
            raise DataError("hosts", expected="none: the model was trained without --given, and is shown nothing")
        return sample_conditions(config, n, seed, requests), None
    if hosts is None:
        raise DataError("no hosts", expected=f"real crops to take {', '.join(config.given)} from")
    data, shown = select_conditioning_crops(hosts, config, requests, seed)
    rows = np.arange(n) % len(shown)
    return data.encode(rows)[1], shown.take(rows)


def select_conditioning_crops(
    bank: Bank, config: GANConfig, requests: Mapping[str, ConditionRequest], seed: int = 0
) -> tuple[TrainingCrops, Bank]:
    """The crops that show a model what it is given, and the same as a bank: those with the classes ``wanted``.

    Where the mask is given, crops with a class in it that the model never saw are left out, and counted. A generator
    that paints into hosts can be asked for any number but the mask's own size, and for what is healthy.

    Raises:
        DataError: the crops have other channels, classes, size, dimensions or spacing, or none is as wanted.
    """
    info, where = bank.info, bank.path or bank.info.source
    ours = (config.kind, config.domain, list(config.channels), config.classes, (config.size,) * config.spatial_dims)
    theirs = (info.kind, info.domain, list(info.channels), info.classes, bank.size)
    for what, own, found in zip(("kind", "domain", "channels", "classes", "size"), ours, theirs, strict=True):
        if own != found:
            raise DataError(f"hosts with {what} {found}", path=where, expected=f"{own}, as the model")
    _check_spacing(bank, config)
    rows, n = (
        _select_requested(bank, {name: w for name, w in requests.items() if not _is_generated(name, config, w)}),
        0,
    )
    if MASK in config.given:
        known = np.array([np.isin(bank.masks[row], config.labels).all() for row in rows], dtype=bool)
        n, rows = int((~known).sum()), rows[known]
    if not len(rows):
        raise DataError("no host as wanted", path=where, expected="at least one crop, of classes that were trained on")
    chosen = with_model_vocabulary(
        bank.take(rows), config, {"hosts with a class that was not trained on": n} if n else {}
    )
    _set_requested_conditions(
        chosen, config, {name: w for name, w in requests.items() if _is_generated(name, config, w)}, seed
    )
    return TrainingCrops(chosen, config), chosen


def restore_conditioning(
    config: GANConfig, host: Crop, image: NDArray[np.float16], mask: NDArray[np.uint8]
) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    """Image and mask with what was given as it is in the host, to the bit: the networks see it cut off at its range.

    What is healthy has the mask of where it was painted.
    """
    if config.is_inpainting:
        kept = blend_weight(torch.from_numpy(host.mask)[None])[0].numpy() == 0
        return np.where(kept, host.image.astype(np.float16), image), host.mask
    given = np.reshape(config.is_conditioning[: len(image)], (-1, *[1] * mask.ndim))
    return np.where(given, host.image.astype(np.float16), image), host.mask if MASK in config.given else mask


def is_known_spacing(found: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of some pixels ``(n, dims)`` are about as large as some that were trained on, in mm along every axis."""
    off = (found < known.min(axis=0) / MAX_SPACING_RATIO) | (found > known.max(axis=0) * MAX_SPACING_RATIO)
    fits: NDArray[np.bool_] = ~np.any(off, axis=1)
    return fits


def _check_spacing(bank: Bank, config: GANConfig) -> None:
    """What paints into scans knows how large their pixels were."""
    if not config.is_inpainting or not config.domain.is_metric or not config.templates:
        return
    known = np.array([template.spacing for template in config.templates])
    found = np.asarray(bank.entries["spacing"], dtype=float)
    fits = is_known_spacing(found, known)
    if not fits.all():
        said = " × ".join(f"{value:.3g}" for value in found[~fits][0])
        low, high = (" × ".join(f"{value:.3g}" for value in ends) for ends in (known.min(axis=0), known.max(axis=0)))
        expected = f"{low} to {high} mm, as in training"
        raise DataError(f"hosts with pixels of {said} mm", path=bank.path or bank.info.source, expected=expected)


def _is_generated(name: str, config: GANConfig, request: ConditionRequest) -> bool:
    """Whether what is asked for is a matter of what is painted, and not of the mask that is given."""
    if not config.is_inpainting:
        return False
    if request == HEALTHY_VALUE and name in config.conditions:
        return config.healthy_codes[list(config.conditions).index(name)] >= 0
    return name in config.numbers and name not in MASK_NUMBERS


def _set_requested_conditions(
    bank: Bank, config: GANConfig, requests: Mapping[str, ConditionRequest], seed: int
) -> None:
    """The hosts' entries under the conditions asked for, in place."""
    asked = sample_conditions(config, len(bank), seed, {n: w for n, w in requests.items() if n in config.numbers})
    for position, (name, (low, high)) in enumerate(config.numbers.items()):
        if name in requests:
            bank.entries[f"number:{name}"] = low + asked.numbers[:, position].numpy() * (high - low)
    for name, code in zip(config.conditions, config.healthy_codes, strict=True):
        if name in requests:
            bank.entries[f"condition:{name}"] = code


def _select_requested(bank: Bank, requests: Mapping[str, ConditionRequest]) -> NDArray[np.int64]:
    """Positions of the crops that have one of the values wanted of each condition."""
    rows = np.arange(len(bank))
    for name, choice in requests.items():
        values = [choice] if isinstance(choice, str) else choice
        if not isinstance(values, Sequence) or not all(isinstance(value, str) for value in values):
            expected = "values of class conditions: numbers and how often a value occurs are the hosts'"
            raise DataError(f"{name}={choice} with hosts", expected=expected)
        rows = np.intersect1d(rows, np.concatenate([bank.find_matching(**{name: str(value)}) for value in values]))
    return rows


def with_model_vocabulary(bank: Bank, config: GANConfig, left_out: dict[str, int]) -> Bank:
    """The bank with the model's own conditions, in its order; what it has not is unknown.

    A number beyond those trained on becomes the nearest of them.
    """
    info = bank.info.model_copy(
        update={
            "conditions": {name: list(values) for name, values in config.conditions.items()},
            "numbers": list(config.numbers),
            "left_out": left_out,
        }
    )
    entries = create_entries(info, len(bank))
    for name in entries.dtype.names or ():
        if name in (bank.entries.dtype.names or ()) and not name.startswith("condition:"):
            entries[name] = bank.entries[name]
    for name, ends in config.numbers.items():
        entries[f"number:{name}"] = np.clip(entries[f"number:{name}"], *ends)
    for name, values in config.conditions.items():
        theirs = bank.info.conditions.get(name, [])
        codes = np.array([values.index(value) if value in values else -1 for value in theirs] + [-1])
        if name in bank.info.conditions:
            entries[f"condition:{name}"] = codes[bank.entries[f"condition:{name}"]]
    return Bank(info, bank.images, bank.masks, entries)
