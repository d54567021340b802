"""Which entry of a bank is pasted next: rare classes more often than they occur, bound entries only in their host."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.core.errors import DataError


@dataclass(frozen=True, eq=False)
class EntrySampler:
    """Draw entries of a bank: those that are bound to a host for this host alone, the others for every host.

    Attributes:
        free: positions in the bank of entries that are bound to no host.
        cumulative_weights: their weights added up, so that drawing from a large bank is a binary search.
        bound: for each host's name the positions and the weights of the entries that are bound to it.
    """

    free: NDArray[np.int64]
    cumulative_weights: NDArray[np.float64]
    bound: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]

    @classmethod
    def from_bank(cls, bank: Bank, entries: NDArray[np.int64]) -> EntrySampler:
        """Build a sampler of some of a bank's entries.

        Args:
            bank: crops.
            entries: their positions in the bank.
        """
        hosts = bank.entries["host"][entries]
        weights = _compute_inverse_sqrt_weights(bank, entries)
        order = np.flatnonzero(hosts >= 0)
        order = order[np.argsort(hosts[order], kind="stable")]
        host_codes, starts = np.unique(hosts[order], return_index=True)
        bound = {}
        if len(host_codes):
            for code, positions in zip(host_codes, np.split(order, starts[1:]), strict=True):
                bound[bank.info.hosts[int(code)]] = (entries[positions], weights[positions])
        is_free = hosts < 0
        return cls(entries[is_free], np.cumsum(weights[is_free]), bound)

    def restrict_to(self, allowed: NDArray[np.bool_]) -> EntrySampler:
        """Return a sampler of some of the same entries.

        Args:
            allowed: for each entry of the bank whether it may be drawn.
        """
        free_weights = np.diff(self.cumulative_weights, prepend=0.0)
        is_kept = allowed[self.free]
        bound = {}
        for host, (positions, weights) in self.bound.items():
            is_allowed = allowed[positions]
            bound[host] = (positions[is_allowed], weights[is_allowed])
        return EntrySampler(self.free[is_kept], np.cumsum(free_weights[is_kept]), bound)

    def has_entries(self, host: str) -> bool:
        """Whether there is any entry for a host, by its name."""
        return len(self.free) > 0 or (host in self.bound and len(self.bound[host][0]) > 0)

    def draw_entry(self, rng: np.random.Generator, host: str = "", used: Collection[int] = ()) -> int | None:
        """Draw an entry that may go into a host. Each of those made for it is drawn only once.

        Args:
            rng: source of the draw.
            host: the name of a sample.
            used: positions that went into it before.

        Returns:
            The entry's position in the bank; None where there is none, or none left.
        """
        nothing = (self.free[:0], self.cumulative_weights[:0])
        bound, weights = self.bound.get(host, nothing)
        is_unused = ~np.isin(bound, list(used))
        bound = bound[is_unused]
        bound_cumulative = np.cumsum(weights[is_unused])
        free_total = _get_total(self.cumulative_weights)
        total = free_total + _get_total(bound_cumulative)
        if not total:
            return None
        drawn = rng.random() * total
        if drawn < free_total:
            return _search(self.free, self.cumulative_weights, drawn)
        return _search(bound, bound_cumulative, drawn - free_total)


def _get_total(cumulative_weights: NDArray[np.float64]) -> float:
    """Return the sum of weights that are added up."""
    return float(cumulative_weights[-1]) if len(cumulative_weights) else 0.0


def _search(positions: NDArray[np.int64], cumulative_weights: NDArray[np.float64], drawn: float) -> int:
    """Return the position whose weight a drawn number falls into."""
    index = int(cumulative_weights.searchsorted(drawn, side="right"))
    return int(positions[min(index, len(positions) - 1)])


def select_entries(bank: Bank, only: Sequence[str]) -> NDArray[np.int64]:
    """Find the entries with one of these values of a class condition.

    Where classes nest, a class may be part of objects that are called by a rarer one, and no entry has its name. Then
    it is looked for in the masks.

    Args:
        bank: crops.
        only: values of one condition, or names of classes. Empty for all entries.

    Returns:
        Positions in the bank.

    Raises:
        DataError: no condition has these values, no mask these classes, or no entry has one of them.
    """
    if not only:
        entries: NDArray[np.int64] = np.arange(len(bank))
    else:
        names = _find_conditions(bank, only)
        positions = [_find_entries_by_value(bank, names, value) for value in only]
        entries = np.unique(np.concatenate(positions))
    if not len(entries):
        raise DataError("no crops to paste", path=bank.path, expected="at least one")
    return entries


def _find_conditions(bank: Bank, only: Sequence[str]) -> list[str]:
    """Find the conditions that have all these values, names of classes aside."""
    classes = set(bank.info.classes)
    known = set(classes)
    names = []
    for name, values in bank.info.conditions.items():
        known.update(values)
        if set(only) <= {*values, *classes}:
            names.append(name)
    if not names:
        expected = f"one of {', '.join(sorted(known))}"
        raise DataError(f"no class {', '.join(only)}", path=bank.path, expected=expected)
    return names


def _find_entries_by_value(bank: Bank, names: Sequence[str], value: str) -> NDArray[np.int64]:
    """Find the entries that have a value of a condition, or whose masks hold the class of this name."""
    for name in names:
        if value in bank.info.conditions[name]:
            entries = np.asarray(bank.find_matching(**{name: value}), dtype=np.int64)
            if len(entries) or value not in bank.info.classes:
                return entries
    class_value = bank.info.classes[value]
    holding = []
    for position in range(len(bank)):
        if (np.asarray(bank.masks[position]) == class_value).any():
            holding.append(position)
    return np.array(holding, dtype=np.int64)


def _compute_inverse_sqrt_weights(bank: Bank, entries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight each entry by the inverse square root of how often its class occurs, so that rare classes come up."""
    weights = np.ones(len(entries))
    conditions = list(bank.info.conditions)
    if conditions:
        codes = bank.entries[f"condition:{conditions[0]}"][entries]
        unique_codes, counts = np.unique(codes, return_counts=True)
        count_by_code = dict(zip(unique_codes.tolist(), counts.tolist(), strict=True))
        weights = np.array([count_by_code[int(code)] ** -0.5 for code in codes])
    return weights / weights.sum()
