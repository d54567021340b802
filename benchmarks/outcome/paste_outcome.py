"""Which paste serves a segmenter best: placement, method, contrast and number per image, judged by outcome.

    python -m benchmarks.outcome.paste_outcome DATA [--cells base,poisson] [--seeds 0,1] [--steps 500] [--work FOLDER]
    python -m benchmarks.outcome.paste_outcome DATA --curve [--lengths 500,1000,2000] [--held-out 0,1,2] [--seeds 0]
    python -m benchmarks.outcome.paste_outcome_page runs/paste-outcome

DATA holds slices of people with focal cortical dysplasia. A segmenter is trained on ten of them and tested on all
others. Real crops of the ten are pasted into their own slices, the classic pipeline follows (the arm
``copy-paste+classic`` of ``domaingan evaluate``, made of the same parts); every cell changes one setting of the base.

``--curve`` chooses the number of steps before any of that, without the test people: three of the ten are kept out,
``classic`` is trained on the other seven for each of several lengths (the learning rate's course depends on the length,
so each is a training of its own), and the three are scored.

Every training is a JSON file of its own; those that are there are not made again. Several processes may work on one
folder: each training is claimed by a lock that its process loses when it ends, however it ends.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.lib import timing  # sets the number of threads, so before NumPy
from domaingan.imaging.intensity import get_foreground

# isort: split
import numpy as np
import torch

from benchmarks.lib.machine import describe_machine
from benchmarks.outcome.paste_cells import CELLS, PasteCell
from domaingan import crops, load, view
from domaingan.banks import Bank
from domaingan.banks.crop_conditions import sort_classes_by_rarity
from domaingan.baselines import segmentation
from domaingan.core.devices import choose_compute
from domaingan.core.files import write_json
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.shown_body import MIN_BODY_SHARE
from domaingan.evaluation.split import Fold, refuse_leak, select_labelled
from domaingan.imaging.intensity import with_measurements
from domaingan.imaging.padded_crops import count_voxels

TRAINING_SUBJECTS = "0002 0004 0006 0009 0011 0013 0015 0017 0019 0022"
"""The ten people of the outcome table ``fcd``."""

SIZE, KEPT_OUT = 64, 3
"""Edge of a crop; people that a curve keeps out."""

assert timing.RESULTS  # imported for what it sets


@dataclass
class PreparedData:
    """What every cell of a table has in common."""

    train: list[Sample]
    bank: Bank
    test: Dataset
    own_grid: Dataset
    schema: Schema
    rarest: str

    def train_cell(self, cell: PasteCell, seed: int, steps: int) -> dict[str, Any]:
        """Train a segmenter on a cell's images, and score it on every test person."""
        augment = cell.make_augmentation(self.bank, self.schema)
        started, wall = time.process_time(), time.monotonic()
        compute = choose_compute("cpu")
        model = segmentation.train_segmenter(
            self.train, self.schema, augment, steps=steps, seed=seed, compute=compute, progress=None
        )
        middle = time.process_time()
        scores = segmentation.score_segmenter(model, self.test, self.own_grid)
        found = [row[f"dice:{self.rarest}"] for row in scores.values()]
        return {
            "steps": steps,
            "seed": seed,
            "settings": cell.settings(),
            "class": self.rarest,
            "dice": float(np.nanmean(found)),
            "precision": str(compute.dtype),
            "cpu_seconds": {"train": round(middle - started, 1), "score": round(time.process_time() - middle, 1)},
            "wall_seconds": round(time.monotonic() - wall, 1),
            "losses": model.losses,
            "scores": scores,
        }


def prepare_data(train: Dataset, test: Dataset, spacing: float | None) -> PreparedData:
    """Read everything once: the training samples and the bank of their crops at the grid worked in, the test people."""
    Fold(train, test)  # refuses people who are on both sides
    regrid = partial(view, spacing=spacing)
    worked = regrid(train).load_into_memory()
    bank = crops(worked, SIZE)
    refuse_leak(bank, test)
    samples = [with_measurements(sample, worked.schema.domain) for sample in worked if sample.mask is not None]
    samples = [s for s in samples if get_foreground(s).mean() >= MIN_BODY_SHARE or (np.asarray(s.mask) > 0).any()]
    own_grid = test.load_into_memory()
    names = {value: name for name, value in test.schema.classes.items()}
    order = sort_classes_by_rarity([(s.statistical_unit, count_voxels(np.asarray(s.mask))) for s in samples])
    return PreparedData(samples, bank, regrid(own_grid).load_into_memory(), own_grid, test.schema, names[order[0]])


@contextmanager
def claim_file(path: Path) -> Iterator[bool]:
    """Whether this training is ours to make: the kernel takes the lock away from a process that ends."""
    locks = path.parent / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    handle = os.open(locks / path.stem, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except BlockingIOError:
        free = False
    try:
        yield free and not path.is_file()
    finally:
        os.close(handle)


def make_once(path: Path, made: Callable[[], dict[str, Any]], about: dict[str, Any]) -> None:
    """Make one training's file, unless it is there or being made."""
    with claim_file(path) as ours:
        if not ours:
            return
        print(f"{path.stem}: training", flush=True)
        found = made()
        write_json(path, about | found | {"machine": describe_machine("torch", "monai", "albumentations")})
        seconds = found["cpu_seconds"]
        print(f"{path.stem}: Dice {100 * found['dice']:.1f}, {sum(seconds.values()):.0f} s of CPU", flush=True)


def run_table(train: Dataset, test: Dataset, options: argparse.Namespace, about: dict[str, Any]) -> None:
    """All cells and seeds asked for."""
    for name in options.cells:
        if CELLS[name].list_missing():
            print(f"{name}: left out, as this version pastes without {', '.join(CELLS[name].list_missing())}")
    cells = [name for name in options.cells if not CELLS[name].list_missing()]
    ready = prepare_data(train, test, options.spacing)
    about |= {"train": train.subjects, "crops": len(ready.bank), "slices": len(ready.train)}
    folder = options.work / f"steps-{options.steps}"
    for seed in options.seeds:
        for name in cells:
            made = partial(ready.train_cell, CELLS[name], seed, options.steps)
            make_once(folder / f"{name}-seed{seed}.json", made, about | {"cell": name})


def run_curve(train: Dataset, options: argparse.Namespace, about: dict[str, Any]) -> None:
    """Trainings of several lengths on seven people, scored on the three others; the groups of three do not overlap."""
    people = np.random.default_rng(0).permutation(sorted(train.subjects)).tolist()
    for group in options.held_out:
        out = people[group * KEPT_OUT : (group + 1) * KEPT_OUT]
        parts = [train.where(subject=[p for p in people if (p in out) == held]) for held in (False, True)]
        ready = prepare_data(parts[0], parts[1], options.spacing)
        about |= {"train": parts[0].subjects, "held_out": group}
        for seed in options.seeds:
            for steps in options.lengths:
                made = partial(ready.train_cell, CELLS["classic"], seed, steps)
                make_once(options.work / "curve" / f"steps{steps}-out{group}-seed{seed}.json", made, about)


def parse_numbers(text: str) -> list[int]:
    """Numbers separated by commas."""
    return [int(word) for word in text.split(",")]


def parse_names(text: str) -> list[str]:
    """Cells separated by commas."""
    asked = text.split(",")
    unknown = [name for name in asked if name not in CELLS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no cell {unknown[0]!r}; expected some of {', '.join(CELLS)}")
    return asked


def main() -> None:
    """Make the trainings asked for that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cells", type=parse_names, default=list(CELLS), help=", ".join(CELLS))
    parser.add_argument("--seeds", type=parse_numbers, default=[0, 1])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--work", type=Path, default=Path("runs/paste-outcome"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--spacing", type=float, default=1.0, help="mm")
    parser.add_argument(
        "--train", default=",".join(f"case_{n}" for n in TRAINING_SUBJECTS.split()), help="people trained on"
    )
    parser.add_argument("--curve", action="store_true", help="choose the number of steps on training people")
    parser.add_argument("--lengths", type=parse_numbers, default=[500, 1000, 2000], help="of --curve")
    parser.add_argument(
        "--held-out", type=parse_numbers, default=[0], help="groups of three people of --curve: 0, 1, 2"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = view(select_labelled(load(options.data)), dims=2)
    chosen = options.train.split(",")
    train, test = data.where(subject=chosen), data.where(subject=[s for s in data.subjects if s not in chosen])
    about = {"data": options.data.name, "spacing": options.spacing, "threads": options.threads}
    if options.curve:
        run_curve(train, options, about)
    else:
        run_table(train, test, options, about)


if __name__ == "__main__":
    main()
