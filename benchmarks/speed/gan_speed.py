"""How fast the GAN room trains and draws, beside the loop of PyTorch's DCGAN example.

    python -m benchmarks.speed.gan_speed [--out FILE.json] [--cells NAME …] [--repeat N] [--busy CORES]

Every cell runs in a process of its own, its sides in turns, a step (or as many as take half a second) of each at a
time; medians, least and most of ``N`` turns. Peak memory is that of one more process for each side. Cells that FILE
holds already are measured again only if they are named, or if other processes kept more than ``CORES`` busy meanwhile:
on an idle machine it is close to 0. Beside FILE a page with the tables is written. About half an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.lib.machine import count_busy_seconds, describe_machine, measure_resident_memory
from benchmarks.lib.pages import update_page
from benchmarks.speed.gan_speed_page import format_blocks
from domaingan.core.files import write_json
from domaingan.core.reading import read_json

OUT = Path(__file__).parents[1] / "results" / "gan-speed.json"
MIN_TURN_SECONDS = 0.5
"""Seconds that a turn of one side takes at least."""
STEPS_WEIGHED = 4
"""Steps after which a process has grown as large as it will."""
LOSSES = ("nonsaturating", "minimax", "least-squares", "hinge", "wgan-gp", "relativistic")
MANY_CROPS = 100_000


@dataclass(frozen=True)
class SpeedCell:
    """Some sides that are timed together.

    Attributes:
        sides: from a folder for banks to what builds each.
        threads: of PyTorch.
        memory: measure the peak memory of each side too.
    """

    sides: Callable[[Path], Mapping[str, Callable[[], Any]]]
    threads: int = 1
    memory: bool = False


def make_sides_against_loop(
    dims: int, size: int, batch: int, width: int, n: int
) -> Callable[[Path], dict[str, Callable[[], Any]]]:
    """Ours in both precisions, the loop with our networks and with its own, and the device's peak."""

    def sides(folder: Path) -> dict[str, Callable[[], Any]]:
        import torch

        from benchmarks.speed.gan_sides import (
            make_bank,
            make_loop_with_our_networks,
            make_loop_with_own_networks,
            make_matmul,
            make_our_training,
        )

        path = make_bank(folder, n, dims, size)
        how: dict[str, Any] = {"width": width, "batch": batch, "loss": "nonsaturating"}  # as the example
        return {
            "ours, bf16": lambda: make_our_training(path, "bf16-mixed", **how),
            "ours, float32": lambda: make_our_training(path, "32", **how),
            "loop, our networks": lambda: make_loop_with_our_networks(path, **how),
            "loop, its own networks": lambda: make_loop_with_own_networks(path, **how),
            "matmul, bf16": lambda: make_matmul(torch.bfloat16),
            "matmul, float32": lambda: make_matmul(torch.float32),
        }

    return sides


def make_sides_by_loss(folder: Path) -> dict[str, Callable[[], Any]]:
    """Every loss, in bf16."""
    from benchmarks.speed.gan_sides import make_bank, make_our_training

    path = make_bank(folder, 2000, 2, 64)
    return {loss: lambda loss=loss: make_our_training(path, "bf16-mixed", width=64, loss=loss) for loss in LOSSES}  # type: ignore[misc]


def make_sides_by_size(folder: Path) -> dict[str, Callable[[], Any]]:
    """Every edge, with the default width."""
    from benchmarks.speed.gan_sides import make_bank, make_our_training

    paths = {size: make_bank(folder, 200, 2, size) for size in (32, 64, 128)}
    return {f"{size}": lambda path=path: make_our_training(path, "bf16-mixed") for size, path in paths.items()}  # type: ignore[misc]


def make_sides_by_crops(folder: Path) -> dict[str, Callable[[], Any]]:
    """Few and many crops, kept in memory and read ahead, with the default width."""
    from benchmarks.speed.gan_sides import make_bank, make_our_training

    few, some, many = (make_bank(folder, n, 2, 64) for n in (100, 1000, MANY_CROPS))
    return {
        "100, in memory": lambda: make_our_training(few, "bf16-mixed"),
        "1,000, in memory": lambda: make_our_training(some, "bf16-mixed"),
        "100, read ahead": lambda: make_our_training(few, "bf16-mixed", max_resident_bytes=0, cold=True),
        "1,000, read ahead": lambda: make_our_training(some, "bf16-mixed", max_resident_bytes=0, cold=True),
        "100,000, read ahead": lambda: make_our_training(many, "bf16-mixed", cold=True),
    }


def make_sampling_cell(width: int) -> Callable[[Path], Mapping[str, Callable[[], Any]]]:
    """``GAN.sample`` and the bare forward pass."""

    def sides(folder: Path) -> Mapping[str, Callable[[], Any]]:
        from benchmarks.speed.gan_sides import make_bank, make_sampling_sides

        return make_sampling_sides(make_bank(folder, 200, 2, 64), 512, 200, width)

    return sides


CELLS: dict[str, SpeedCell] = {
    "64x64, 1 thread": SpeedCell(make_sides_against_loop(2, 64, 64, 64, 2000), memory=True),
    "64x64, 2 threads": SpeedCell(make_sides_against_loop(2, 64, 64, 64, 2000), threads=2),
    "losses": SpeedCell(make_sides_by_loss),
    "32x32x32, 1 thread": SpeedCell(make_sides_against_loop(3, 32, 16, 32, 100), memory=True),
    "32x32x32, 2 threads": SpeedCell(make_sides_against_loop(3, 32, 16, 32, 100), threads=2),
    "64x64x64, 1 thread": SpeedCell(make_sides_against_loop(3, 64, 8, 32, 50), memory=True),
    "64x64x64, 2 threads": SpeedCell(make_sides_against_loop(3, 64, 8, 32, 50), threads=2),
    "sample, width 32": SpeedCell(make_sampling_cell(32)),
    "sample, width 64": SpeedCell(make_sampling_cell(64)),
    "size": SpeedCell(make_sides_by_size, memory=True),
    "crops": SpeedCell(make_sides_by_crops, memory=True),
}


# ---------------------------------------------------------------- in the process of a cell


def time_cell(cell: SpeedCell, folder: Path, repeat: int) -> dict[str, Any]:
    """For each side images and FLOP a step, and the seconds a step took in each turn."""
    from torch.utils.flop_counter import FlopCounterMode

    sides = {name: make() for name, make in cell.sides(folder).items()}
    rows: dict[str, dict[str, Any]] = {}
    for name, side in sides.items():
        with FlopCounterMode(display=False) as counter:
            side.step()
        started = time.perf_counter()
        side.step()
        once = time.perf_counter() - started
        steps = max(1, round(MIN_TURN_SECONDS / once))
        rows[name] = {"images": side.images, "flop": counter.get_total_flops(), "notes": side.notes}
        rows[name] |= {"steps": steps, "seconds": []}
    for _ in range(repeat):
        for name, side in sides.items():
            started = time.perf_counter()
            for _ in range(rows[name]["steps"]):
                side.step()
            rows[name]["seconds"].append((time.perf_counter() - started) / rows[name]["steps"])
    for side in sides.values():
        side.done()
    return rows


def weigh_cell(cell: SpeedCell, folder: Path, name: str, repeat: int) -> dict[str, float]:
    """GiB of memory that one side takes: at most, and after some steps."""
    side = cell.sides(folder)[name]()
    for _ in range(min(repeat, STEPS_WEIGHED)):
        side.step()
    now = measure_resident_memory()
    side.done()
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, **now}


def run_child(args: argparse.Namespace) -> None:
    """Measure and print as JSON."""
    import torch

    cell = CELLS[args.child]
    torch.set_num_threads(cell.threads)
    found = (
        weigh_cell(cell, args.folder, args.side, args.repeat)
        if args.side
        else time_cell(cell, args.folder, args.repeat)
    )
    print(json.dumps(found))


# ---------------------------------------------------------------- outside


def call_child(name: str, folder: Path, repeat: int, side: str = "") -> dict[str, Any]:
    """A fresh process for a cell, or one of its sides."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.gan_speed",
        "--child",
        name,
        "--side",
        side,
        "--repeat",
        str(repeat),
    ]
    threads = {"OMP_NUM_THREADS": str(CELLS[name].threads)}
    done = subprocess.run(
        [*command, "--folder", str(folder)], env=os.environ | threads, stdout=subprocess.PIPE, check=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_cell(name: str, folder: Path, repeat: int) -> dict[str, Any]:
    """All numbers of a cell."""
    load, began = os.getloadavg()[0], time.perf_counter()
    before = count_busy_seconds(), _count_own_seconds()
    sides = call_child(name, folder, repeat)
    seconds = time.perf_counter() - began
    others = (count_busy_seconds() - before[0] - (_count_own_seconds() - before[1])) / seconds
    for side in sides if CELLS[name].memory else ():
        if not side.startswith("matmul"):
            sides[side]["gib"] = call_child(name, folder, repeat, side)
    about = {"threads": CELLS[name].threads, "repeat": repeat, "load_before": round(load, 2)}
    return {**about, "cores_others_used": round(max(0.0, others), 2), "sides": sides}


def _count_own_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    """Measure the cells that are missing, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--cells", nargs="+", choices=CELLS, help="measure these, even if they are there")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--busy", type=float, default=0.3)
    for name in ("child", "side"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return run_child(args)
    result = read_json(args.out) if args.out.is_file() else {"cells": {}}
    with tempfile.TemporaryDirectory() as folder:
        kept = [name for name, cell in result["cells"].items() if cell["cores_others_used"] <= args.busy]
        for name in args.cells or [name for name in CELLS if name not in kept]:
            print(name, flush=True)
            result["cells"][name] = measure_cell(name, Path(folder), args.repeat)
            result["machine"] = describe_machine("torch", "numpy", "domaingan")
            write_json(args.out, result)
    update_page(args.out.with_suffix(".md"), format_blocks(result))


if __name__ == "__main__":
    main()
