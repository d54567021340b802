"""Which entry of a bank is pasted next: by class, rare ones more often than they occur, and only where it belongs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.core.errors import DataError

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class EntrySampler:
    """What is drawn from: free entries for every host, and for some hosts those that were made for them.

    Attributes:
        free: positions of free entries in the bank.
        chances: their weights added up: drawing is a search, however large the bank.
        bound: for each host's name the positions and the weights of its own entries.
    """

    free: NDArray[np.int64]
    cumulative_weights: NDArray[np.float64]
    bound: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]

    @classmethod
    def from_bank(cls, bank: Bank, entries: NDArray[np.int64]) -> EntrySampler:
        """From these entries of a bank."""
        hosts, weights = bank.entries["host"][entries], _compute_inverse_sqrt_weights(bank, entries)
        order = np.flatnonzero(hosts >= 0)
        order = order[np.argsort(hosts[order], kind="stable")]
        codes, starts = np.unique(hosts[order], return_index=True)
        parts = np.split(order, starts[1:]) if len(codes) else []
        bound = {bank.info.hosts[int(c)]: (entries[p], weights[p]) for c, p in zip(codes, parts, strict=True)}
        return cls(entries[hosts < 0], np.cumsum(weights[hosts < 0]), bound)

    def restrict_to(self, allowed: NDArray[np.bool_]) -> EntrySampler:
        """The same drawing from some of the bank's entries alone.

        Args:
            allowed: for each entry of the bank whether it may be drawn.
        """
        weights = np.diff(self.cumulative_weights, prepend=0.0)
        keep = allowed[self.free]
        bound = {host: (own[allowed[own]], chances[allowed[own]]) for host, (own, chances) in self.bound.items()}
        return EntrySampler(self.free[keep], np.cumsum(weights[keep]), bound)

    def has_entries(self, host: str) -> bool:
        """Whether there is any entry for a host, by its name."""
        return len(self.free) > 0 or len(self.bound.get(host, ([], []))[0]) > 0

    def draw_entry(self, rng: np.random.Generator, host: str = "", used: Collection[int] = ()) -> int | None:
        """The position of an entry that may go into ``host``; each of those made for it only once.

        Args:
            rng: source of the draw.
            host: the name of a sample.
            used: positions that went into it before.

        Returns:
            None where there is none (left).
        """
        own, weights = self.bound.get(host, (self.free[:0], self.cumulative_weights[:0]))
        fresh = ~np.isin(own, list(used))
        own, weights = own[fresh], np.cumsum(weights[fresh])
        free, bound = (float(part[-1]) if len(part) else 0.0 for part in (self.cumulative_weights, weights))
        if not free + bound:
            return None
        spot = rng.random() * (free + bound)
        entries, chances, spot = (
            (self.free, self.cumulative_weights, spot) if spot < free else (own, weights, spot - free)
        )
        return int(entries[min(int(chances.searchsorted(spot, side="right")), len(entries) - 1)])


def select_entries(bank: Bank, only: Sequence[str]) -> NDArray[np.int64]:
    """Positions of the entries with one of these values of a class condition; all of them where none is named.

    A class that no entry is called by, as it is always a part of objects that are called by a rarer one, is looked for
    in their masks.

    Raises:
        DataError: no condition has these values, nor any mask these classes, or no entry has one.
    """
    if not only:
        found = np.arange(len(bank))
    else:
        names = [name for name, values in bank.info.conditions.items() if set(only) <= {*values, *bank.info.classes}]
        if not names:
            known = {value for values in bank.info.conditions.values() for value in values} | {*bank.info.classes}
            raise DataError(
                f"no class {', '.join(only)}", path=bank.path, expected=f"one of {', '.join(sorted(known))}"
            )
        found = np.unique(np.concatenate([_find_entries_by_value(bank, names, value) for value in only]))
    if not len(found):
        raise DataError("no crops to paste", path=bank.path, expected="at least one")
    return found


def _find_entries_by_value(bank: Bank, names: Sequence[str], value: str) -> NDArray[np.int64]:
    """Positions of the entries that have a value of a condition, or whose masks hold the class of this name."""
    for name in names:
        if value in bank.info.conditions[name]:
            found = np.asarray(bank.find_matching(**{name: value}), dtype=np.int64)
            if len(found) or value not in bank.info.classes:
                return found
    label = bank.info.classes[value]
    holds = [i for i in range(len(bank)) if (np.asarray(bank.masks[i]) == label).any()]
    return np.array(holds, dtype=np.int64)


def _compute_inverse_sqrt_weights(bank: Bank, entries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Drawing weights: each value of the first condition by the square root of its count, so that rare ones come up."""
    weights = np.ones(len(entries))
    for name in list(bank.info.conditions)[:1]:
        codes = bank.entries[f"condition:{name}"][entries]
        counts = np.unique(codes, return_counts=True)
        by_code = dict(zip(counts[0].tolist(), counts[1].tolist(), strict=True))
        weights = np.array([by_code[int(code)] ** -0.5 for code in codes])
    return weights / weights.sum()
