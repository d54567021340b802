"""How long the trainings of each arm took, and what they ran on."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

from domaingan.core.devices import choose_device


def add_seconds(totals: dict[str, dict[str, float]], arm: str, seconds: Mapping[str, float]) -> None:
    """Add the seconds of a training to those of its arm.

    Args:
        totals: by arm; changed in place.
        arm: its name.
        seconds: of training and of scoring.

    >>> totals = {}
    >>> add_seconds(totals, "classic", {"train": 2.0, "score": 1.0})
    >>> add_seconds(totals, "classic", {"train": 3.0})
    >>> totals
    {'classic': {'train': 5.0, 'score': 1.0, 'trainings': 2}}
    """
    total = totals.setdefault(arm, {"train": 0.0, "score": 0.0, "trainings": 0})
    total["train"] += seconds.get("train", 0.0)
    total["score"] += seconds.get("score", 0.0)
    total["trainings"] += 1


def sum_seconds(totals: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Sum the seconds of all arms, for ``result.json``.

    Args:
        totals: by arm, see :func:`add_seconds`.

    Returns:
        ``seconds`` of all arms together, and ``arm_seconds``.

    >>> sum_seconds({"classic": {"train": 5.04, "score": 1.0, "trainings": 2}})
    {'seconds': 6.0, 'arm_seconds': {'classic': {'train': 5.0, 'score': 1.0, 'trainings': 2}}}
    """
    total = 0.0
    rows = {}
    for arm, row in totals.items():
        total += row["train"] + row["score"]
        rows[arm] = {name: value if name == "trainings" else round(value, 1) for name, value in row.items()}
    return {"seconds": round(total, 1), "arm_seconds": rows}


def describe_environment(device: str) -> dict[str, str]:
    """Describe what a run was computed with.

    Args:
        device: as in the config.

    Returns:
        Versions of domaingan, Python and PyTorch, and the device.
    """
    chosen = choose_device(device)
    name = torch.cuda.get_device_name(chosen) if chosen.startswith("cuda") else ""
    return {
        "domaingan": version("domaingan"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": f"{chosen} ({name})" if name else chosen,
    }
