"""The ``config.json`` of a model folder with other values, as somebody may have edited it."""

from __future__ import annotations

import copy
from typing import Any


def change_config(config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the content of a ``config.json`` with other values of some fields, each in the part that has it."""
    changed = copy.deepcopy(config)
    for name, value in changes.items():
        parts = [part for part in changed.values() if isinstance(part, dict) and name in part]
        (parts[0] if parts else changed)[name] = value
    return changed
