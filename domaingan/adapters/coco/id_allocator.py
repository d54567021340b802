"""Ids of images and annotations in a COCO file that is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domaingan.adapters.annotations.stored_values import normalize_id, parse_whole_number


class IdAllocator:
    """Gives out ids that are free beside those of some files.

    Args:
        listed: images or annotations of the files. What is no JSON object is skipped.
    """

    def __init__(self, listed: Iterable[Any]) -> None:
        n_ids = 0
        numbers = []
        for entry in listed:
            if not isinstance(entry, dict):
                continue
            n_ids += 1
            number = parse_whole_number(normalize_id(entry.get("id")))
            if number is not None:
                numbers.append(number)
        self.highest = max(numbers, default=0)
        self.is_text = n_ids > 0 and not numbers
        self.taken_ids: set[str] = set()

    def keep_or_replace(self, value: Any) -> Any:
        """Keep an id that nothing has yet; replace any other.

        Args:
            value: as a file holds it.

        Returns:
            The id as it is, or a new one.
        """
        key = normalize_id(value)
        if key is None or key in self.taken_ids:
            return self.allocate()
        self.taken_ids.add(key)
        return value

    def allocate(self) -> int | str:
        """Allocate the next number, as a text where all ids are texts."""
        self.highest += 1
        self.taken_ids.add(str(self.highest))
        return str(self.highest) if self.is_text else self.highest
