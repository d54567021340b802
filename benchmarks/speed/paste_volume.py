"""Pasting into whole volumes and patches of them in MONAI, beside MONAI's own random transforms of the same volumes.

    python -m benchmarks.speed.paste_volume DATA

DATA is a folder of 3D scans, such as BraTS's. CPU seconds of one process, one thread, medians; for each way of asking
``RandPasted`` once with scans that were never met and once with the same scan again, as in later epochs. Writes
results/paste-volume.json and prints a table.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.lib.timing import RESULTS, format_table  # sets the number of threads, so before NumPy

# isort: split
import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import RandAffined, RandZoomd

import domaingan as dg
from benchmarks.lib.machine import describe_machine
from domaingan.core.files import write_json
from domaingan.imaging import body_cache

OUT = RESULTS / "paste-volume.json"
REPEATS = 5
PATCH = 96
KEYS = ["image", "label"]

Item = dict[str, MetaTensor]


def load_items(data: str) -> dict[str, list[Item]]:
    """Every scan as a whole, and the patch in its middle."""
    whole: list[Item] = []
    patches: list[Item] = []
    for sample in dg.load(data):
        assert sample.mask is not None
        affine = np.diag([*sample.spacing, 1.0]) if sample.geometry.affine is None else sample.geometry.affine
        arrays = {"image": np.ascontiguousarray(sample.image), "label": np.ascontiguousarray(sample.mask[None])}
        middle = tuple(slice(max(0, n // 2 - PATCH // 2), n // 2 + PATCH // 2) for n in sample.shape)
        for found, where in ((whole, (slice(None),)), (patches, (slice(None), *middle))):
            found.append({k: MetaTensor(torch.from_numpy(a[where].copy()), affine=affine) for k, a in arrays.items()})
    shape = " × ".join(map(str, whole[0]["image"].shape[1:]))
    return {shape: whole, f"{PATCH}³": patches}


def measure_seconds(call: Callable[[Item], Any], scans: list[Item], *, again: bool) -> float:
    """The median of the CPU seconds of a call."""
    times = []
    for turn in range(REPEATS):
        if not again:
            body_cache.clear_cached_bodies()
        scan = scans[0 if again else turn % len(scans)]
        start = time.process_time()
        call(scan)
        times.append(time.process_time() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Time, print and write."""
    data = sys.argv[1]
    torch.set_num_threads(1)
    bank = dg.crops(dg.load(data))
    affine = {"prob": 1.0, "rotate_range": (0.3,) * 3, "scale_range": (0.1,) * 3, "mode": ("bilinear", "nearest")}
    calls: dict[str, Any] = {
        "RandPasted, 1 crop": dg.monai.RandPasted(KEYS, bank, per_image=(1, 1), prob=1.0),
        "RandPasted, 1 to 3 crops": dg.monai.RandPasted(KEYS, bank, prob=1.0),
        "MONAI RandAffined": RandAffined(KEYS, padding_mode="zeros", **affine),
        "MONAI RandZoomd": RandZoomd(KEYS, prob=1.0, min_zoom=0.9, max_zoom=1.1, mode=("trilinear", "nearest")),
    }
    kept: list[dict[str, Any]] = []
    for size, scans in load_items(data).items():
        for name, call in calls.items():
            call.set_random_state(0)
            row = {"size": size, "transform": name, "new": measure_seconds(call, scans, again=False)}
            kept.append(row | {"again": measure_seconds(call, scans, again=True)})
    write_json(OUT, {"machine": describe_machine("monai", "numpy", "scipy", "torch"), "repeats": REPEATS, "rows": kept})
    rows = [[row["size"], row["transform"], f"{row['new']:.3f}", f"{row['again']:.3f}"] for row in kept]
    print(format_table(["scan", "transform", "CPU s, a new scan", "the same again"], rows))


if __name__ == "__main__":
    main()
