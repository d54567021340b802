"""Given channels and masks for a model that wants them: real crops in the words of the model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from domaingan.bank import Bank, new_entries
from domaingan.errors import DataError
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops
from domaingan.gan.plan import Wanted, plan


def conditions_for(
    config: GANConfig, n: int, seed: int, hosts: Bank | None, wanted: Mapping[str, Wanted]
) -> tuple[Condition, Bank | None]:
    """What ``n`` crops are conditioned on, and the host of each if the model is shown any: hosts are taken in turn.

    Raises:
        DataError: as :func:`domaingan.gan.plan.plan` and :func:`given_by`; or hosts are missing, or not wanted.
    """
    if not config.given:
        if hosts is not None:
            raise DataError("hosts", expected="none: the model was trained without --given, and is shown nothing")
        return plan(config, n, seed, wanted), None
    if hosts is None:
        raise DataError("no hosts", expected=f"real crops to take {', '.join(config.given)} from")
    data, shown = given_by(hosts, config, wanted)
    rows = np.arange(n) % len(shown)
    return data.encode(rows)[1], shown.take(rows)


def given_by(bank: Bank, config: GANConfig, wanted: Mapping[str, Wanted]) -> tuple[TrainingCrops, Bank]:
    """The crops that show a model what it is given, and the same as a bank: those with the classes ``wanted``.

    Raises:
        DataError: the crops have other channels, classes, size or dimensions, or none is as wanted.
    """
    info = bank.info
    own = (list(config.channels), config.classes, (config.size,) * config.spatial_dims)
    found = (list(info.channels), info.classes, bank.size)
    for what, ours, theirs in zip(("channels", "classes", "size"), own, found, strict=True):
        if ours != theirs:
            raise DataError(f"hosts with {what} {theirs}", path=bank.path or info.source, expected=f"{ours}")
    rows = np.arange(len(bank))
    for name, choice in wanted.items():
        values = [choice] if isinstance(choice, str) else list(choice) if not isinstance(choice, (int, float)) else None
        if values is None or name not in info.conditions:
            raise DataError(f"{name}={choice} with hosts", expected="class conditions: numbers are those of the hosts")
        rows = np.intersect1d(rows, np.concatenate([bank.matching(**{name: str(value)}) for value in values]))
    if not len(rows):
        raise DataError("no host as wanted", path=bank.path or info.source, expected="at least one crop")
    chosen = _in_words_of(bank.take(rows), config)
    return TrainingCrops(chosen, config), chosen


def _in_words_of(bank: Bank, config: GANConfig) -> Bank:
    """The bank with the model's own conditions, in its order; what it has not is unknown."""
    info = bank.info.model_copy(
        update={
            "conditions": {name: list(values) for name, values in config.conditions.items()},
            "numbers": list(config.numbers),
        }
    )
    entries = new_entries(info, len(bank))
    for name in entries.dtype.names or ():
        if name in (bank.entries.dtype.names or ()) and not name.startswith("condition:"):
            entries[name] = bank.entries[name]
    for name, values in config.conditions.items():
        theirs = bank.info.conditions.get(name, [])
        codes = np.array([values.index(value) if value in values else -1 for value in theirs] + [-1])
        if name in bank.info.conditions:
            entries[f"condition:{name}"] = codes[bank.entries[f"condition:{name}"]]
    return Bank(info, bank.images, bank.masks, entries)
