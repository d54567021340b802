"""Take the conditioning input of a generator (masks, channels, hosts) from real crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

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
"""Number conditions that the mask alone decides."""

MAX_SPACING_RATIO = 1.25
"""Pixels of hosts may be larger or smaller than all pixels in the training by at most this factor."""


def prepare_conditions(
    config: GANConfig, n: int, seed: int, hosts: Bank | None, requests: Mapping[str, ConditionRequest]
) -> tuple[Condition, Bank | None]:
    """Prepare the conditions of ``n`` crops, and the host of each if the model is conditioned on one.

    The hosts are used in turn.

    Args:
        config: the model's.
        n: number of crops.
        seed: of the random draws.
        hosts: real crops, for a model that is conditioned on them.
        requests: what the user asks for, by condition.

    Returns:
        The conditions, on the CPU, and a bank with one host for each crop (None without conditioning).

    Raises:
        DataError: as :func:`~domaingan.gan.sampling.sample_conditions.sample_conditions` and
            :func:`select_conditioning_crops`; or hosts are missing, or the model takes none.
    """
    if not config.network.conditioning:
        if hosts is not None:
            raise DataError("hosts", expected="none: the model was trained without --given, and is shown nothing")
        return sample_conditions(config, n, seed, requests), None
    if hosts is None:
        raise DataError("no hosts", expected=f"real crops to take {', '.join(config.network.conditioning)} from")
    crops, selected = select_conditioning_crops(hosts, config, requests, seed)
    rows = np.arange(n) % len(selected)
    return crops.encode(rows)[1], selected.take(rows)


def select_conditioning_crops(
    bank: Bank, config: GANConfig, requests: Mapping[str, ConditionRequest], seed: int = 0
) -> tuple[TrainingCrops, Bank]:
    """Select the crops of a bank that a model can be conditioned on, and that have the requested classes.

    Where the model is conditioned on the mask, crops with a class that it was not trained on are left out and counted.
    A generator that changes hosts can be asked for every number but the mask's own size, and for healthy tissue.

    Args:
        bank: real crops.
        config: the model's.
        requests: what the user asks for, by condition.
        seed: of the requested numbers.

    Returns:
        The selected crops as the networks take them, and as a bank.

    Raises:
        DataError: the crops have other channels, classes, size, dimensions or spacing than the model, or none is as
            requested.
    """
    where = bank.path or bank.info.source
    _check_same_data(bank, config, where)
    _check_spacing(bank, config, where)
    of_generated = {name: request for name, request in requests.items() if _is_generated(name, config, request)}
    of_hosts = {name: request for name, request in requests.items() if name not in of_generated}
    rows = _select_requested(bank, of_hosts)
    left_out = {}
    if MASK in config.network.conditioning:
        is_known = np.array([np.isin(bank.masks[row], config.data.labels).all() for row in rows], dtype=bool)
        if not is_known.all():
            left_out["hosts with a class that was not trained on"] = int((~is_known).sum())
        rows = rows[is_known]
    if not len(rows):
        raise DataError("no host as wanted", path=where, expected="at least one crop, of classes that were trained on")
    selected = with_model_vocabulary(bank.take(rows), config, left_out)
    _set_requested_conditions(selected, config, of_generated, seed)
    return TrainingCrops(selected, config), selected


def restore_conditioning(
    config: GANConfig, host: Crop, image: NDArray[np.float16], mask: NDArray[np.uint8]
) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    """Put the conditioning channels of the host back into a generated crop, bit by bit.

    The networks see them clipped to the range of the training. A healthy crop gets the mask of where it was generated.

    Args:
        config: the model's.
        host: the real crop.
        image: generated, ``(C, *size)`` in scaled units.
        mask: generated, ``(*size)`` of class values.

    Returns:
        The image and the mask.
    """
    host_image = host.image.astype(np.float16)
    if config.is_inpainting:
        is_unchanged = blend_weight(torch.from_numpy(host.mask)[None])[0].numpy() == 0
        return np.where(is_unchanged, host_image, image), host.mask
    is_conditioning = np.reshape(config.is_conditioning[: len(image)], (-1, *[1] * mask.ndim))
    return np.where(is_conditioning, host_image, image), host.mask if MASK in config.network.conditioning else mask


def is_known_spacing(found: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which pixels are about as large, along every axis, as some in the training.

    Args:
        found: ``(n, dims)`` in mm.
        known: ``(m, dims)`` in mm, those of the training.

    Returns:
        ``(n,)``.
    """
    is_off = (found < known.min(axis=0) / MAX_SPACING_RATIO) | (found > known.max(axis=0) * MAX_SPACING_RATIO)
    fits: NDArray[np.bool_] = ~np.any(is_off, axis=1)
    return fits


def with_model_vocabulary(bank: Bank, config: GANConfig, left_out: dict[str, int]) -> Bank:
    """Give a bank the conditions of a model, in the model's order. What the bank does not have becomes unknown.

    Numbers outside the range of the training become the nearest number inside it.

    Args:
        bank: the crops.
        config: the model's.
        left_out: the counts of crops that were left out, for the bank's info.
    """
    changes = {
        "conditions": {name: list(values) for name, values in config.data.conditions.items()},
        "numbers": list(config.data.numbers),
        "left_out": left_out,
    }
    info = bank.info.model_copy(update=changes)
    entries = create_entries(info, len(bank))
    known = bank.entries.dtype.names or ()
    for name in entries.dtype.names or ():
        if name in known and not name.startswith("condition:"):
            entries[name] = bank.entries[name]
    for name, ends in config.data.numbers.items():
        entries[f"number:{name}"] = np.clip(entries[f"number:{name}"], *ends)
    for name, values in config.data.conditions.items():
        if name not in bank.info.conditions:
            continue
        codes = [values.index(value) if value in values else -1 for value in bank.info.conditions[name]]
        to_model_code = np.array([*codes, -1])  # the last one is found by -1, unknown
        entries[f"condition:{name}"] = to_model_code[bank.entries[f"condition:{name}"]]
    return Bank(info, bank.images, bank.masks, entries)


def _check_same_data(bank: Bank, config: GANConfig, where: str | Path) -> None:
    info, data = bank.info, config.data
    pairs: dict[str, tuple[object, object]] = {
        "kind": (info.kind, data.kind),
        "domain": (info.domain, data.domain),
        "channels": (list(info.channels), list(data.channels)),
        "classes": (info.classes, data.classes),
        "size": (bank.size, config.network.shape),
    }
    for what, (found, expected) in pairs.items():
        if found != expected:
            raise DataError(f"hosts with {what} {found}", path=where, expected=f"{expected}, as the model")


def _check_spacing(bank: Bank, config: GANConfig, where: str | Path) -> None:
    """Refuse scans whose pixels have another size than those in the training of a generator that changes hosts."""
    if not config.is_inpainting or not config.data.domain.is_metric or not config.data.crop_records:
        return
    known = np.array([record.spacing for record in config.data.crop_records])
    found = np.asarray(bank.entries["spacing"], dtype=float)
    fits = is_known_spacing(found, known)
    if not fits.all():
        low, high = _format_spacing(known.min(axis=0)), _format_spacing(known.max(axis=0))
        first = _format_spacing(found[~fits][0])
        raise DataError(f"hosts with pixels of {first} mm", path=where, expected=f"{low} to {high} mm, as in training")


def _format_spacing(spacing: NDArray[np.float64]) -> str:
    return " × ".join(f"{edge:.3g}" for edge in spacing)


def _is_generated(name: str, config: GANConfig, request: ConditionRequest) -> bool:
    """Tell whether the generator decides a requested condition, and not the host's mask."""
    if not config.is_inpainting:
        return False
    if request == HEALTHY_VALUE and name in config.data.conditions:
        return config.healthy_codes[list(config.data.conditions).index(name)] >= 0
    return name in config.data.numbers and name not in MASK_NUMBERS


def _set_requested_conditions(
    bank: Bank, config: GANConfig, requests: Mapping[str, ConditionRequest], seed: int
) -> None:
    """Write the requested conditions into the entries of the hosts, in place."""
    of_numbers = {name: request for name, request in requests.items() if name in config.data.numbers}
    sampled = sample_conditions(config, len(bank), seed, of_numbers)
    for position, (name, (low, high)) in enumerate(config.data.numbers.items()):
        if name in requests:
            bank.entries[f"number:{name}"] = low + sampled.numbers[:, position].numpy() * (high - low)
    for name, code in zip(config.data.conditions, config.healthy_codes, strict=True):
        if name in requests:
            bank.entries[f"condition:{name}"] = code


def _select_requested(bank: Bank, requests: Mapping[str, ConditionRequest]) -> NDArray[np.int64]:
    """Find the positions of the crops that have one of the requested values of every condition."""
    rows = np.arange(len(bank))
    for name, request in requests.items():
        values = [request] if isinstance(request, str) else request
        if not isinstance(values, Sequence) or not all(isinstance(value, str) for value in values):
            expected = "values of class conditions: numbers and how often a value occurs are the hosts'"
            raise DataError(f"{name}={request} with hosts", expected=expected)
        matching = [bank.find_matching(**{name: str(value)}) for value in values]
        rows = np.intersect1d(rows, np.concatenate(matching))
    return rows
