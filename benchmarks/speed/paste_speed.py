"""Pasting as a transform: images a second beside named peers, what it adds to a training step, memory of a worker.

    python -m benchmarks.speed.paste_speed [speed] [training] [memory]

Speed: frames of the driving phantom at 512×512, 8-bit RGB, with mask and boxes, crops of 64 pixels, ``feather``;
``albumentations.OverlayElements`` puts a crop of 64 pixels into the same frames where it is told to, with a hard edge
(it looks for no place, matches nothing and leaves boxes alone), ``monai.transforms.CutMixd`` a rectangle of one image
of a batch into another. One thread, batches of the same frames in turns; of each the CPU seconds of the median and of
the fastest turn, as other work may run beside. Training: seconds of a step of MONAI's BasicUNet fed by two workers,
with and without pasting into every frame. Memory: what a worker that pastes from a bank of 100,000 crops on disk (3 GB,
in a temporary folder) has for itself, beside one that pastes nothing.

Writes results/paste.json, the parts that were asked for (all, unless any is), and prints a table.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.lib.timing import RESULTS, format_table  # sets the number of threads, so before NumPy

# isort: split
import albumentations as A
import cv2
import numpy as np
import torch
from monai.networks.nets import BasicUNet
from monai.transforms import CutMixd
from numpy.lib.format import open_memmap
from torch.utils.data import DataLoader, Dataset

import domaingan as dg
from benchmarks.lib.machine import describe_machine
from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.data import SCAN
from domaingan.imaging.intensity import get_foreground, get_intensity_range
from domaingan.views.slices import slice_volumes

OUT = RESULTS / "paste.json"
EDGE, CROP, HOSTS = 512, 64, 12
TURNS = 30
STEPS, BATCH = 12, 4
CROPS, DRAWS = 100_000, 300

Targets = dict[str, Any]


def load_frames() -> tuple[list[Targets], Bank, Any]:
    """Hosts as albumentations' targets, a bank of the drives' crops, and the schema of both."""
    drives = phantoms.load_phantom("driving", sequences=8, frames=3, shape=(EDGE, EDGE)).load_into_memory()
    hosts = []
    for sample in list(drives)[:HOSTS]:
        image = np.ascontiguousarray(np.moveaxis(np.rint(sample.image * 255), 0, -1), dtype=np.uint8)
        hosts.append({"image": image, "mask": sample.mask, "bboxes": sample.boxes, "kind": sample.labels})
    return hosts, dg.crops(drives, size=CROP), drives.schema


def load_slices() -> tuple[list[Targets], Bank]:
    """The same of two-channel slices of the medical phantom, their foreground and range known or not."""
    scans = slice_volumes(phantoms.load_phantom("medical", subjects=2, shape=(EDGE, EDGE, 16)))
    full = [sample for sample in scans if get_foreground(sample).mean() > 0.2][:HOSTS]
    hosts: list[Targets] = []
    for sample in full:
        known = {"spacing": sample.spacing, "foreground": sample.foreground, "range": get_intensity_range(sample, SCAN)}
        image = np.ascontiguousarray(np.moveaxis(sample.image, 0, -1))
        hosts.append({"image": image, "mask": sample.mask, "meta": known})
    return hosts, dg.crops(scans, size=CROP)


# ---------------------------------------------------------------- speed


def measure_cpu_seconds(
    calls: Mapping[str, Callable[[int], object]], turns: int = TURNS
) -> dict[str, dict[str, float]]:
    """CPU seconds that each call takes for the hosts, in turns: of the fastest and the median turn, an image."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(turns + 1):
        for name, call in calls.items():
            start = time.process_time()
            for index in range(HOSTS):
                call(index)
            if turn:
                times[name].append((time.process_time() - start) / HOSTS)
    return {name: {"fastest": min(spent), "median": float(np.median(spent))} for name, spent in times.items()}


def make_overlay_call(hosts: list[Targets], bank: Bank) -> Callable[[int], object]:
    """albumentations' own: a crop of the same size, placed by hand onto the road."""
    overlay, rng = A.Compose([A.OverlayElements(p=1)], seed=0), np.random.default_rng(0)
    entries = [bank[int(i)] for i in rng.choice(len(bank), 64)]
    elements = []
    for entry in entries:
        y, x = rng.integers(EDGE // 2, EDGE - CROP), rng.integers(0, EDGE - CROP)
        place = [x / EDGE, y / EDGE, (x + CROP) / EDGE, (y + CROP) / EDGE]
        image = np.ascontiguousarray(np.moveaxis(np.rint(entry.image * 255), 0, -1), dtype=np.uint8)
        elements.append({"image": image, "mask": entry.mask, "bbox": place, "mask_id": int(entry.mask.max())})

    def call(index: int) -> object:
        host = hosts[index]
        element = elements[int(rng.integers(64))]
        # It writes into the mask that it is given.
        return overlay(image=host["image"], mask=host["mask"].copy(), overlay_metadata=element)

    return call


def make_cutmix_call(hosts: list[Targets]) -> Callable[[int], object]:
    """MONAI's nearest: rectangles between the images of a batch of four, a quarter of it an image."""
    cut = CutMixd(["image", "label"], batch_size=BATCH, label_keys=["label"])
    batches = []
    for start in range(0, HOSTS, BATCH):
        part = hosts[start : start + BATCH]
        images = np.stack([np.moveaxis(host["image"], -1, 0) for host in part]).astype(np.float32) / 255
        batches.append(
            {
                "image": torch.from_numpy(images),
                "label": torch.from_numpy(np.stack([host["mask"][None] for host in part])),
            }
        )

    def call(index: int) -> object:
        return cut(batches[index // BATCH]) if index % BATCH == 0 else None

    return call


def make_tensor_call(hosts: list[Targets], bank: Bank, schema: Any) -> Callable[[int], object]:
    """Ours for MONAI, on the same tensors as theirs."""
    paste = dg.monai.RandPasted(["image", "label"], bank, schema, "feather", (1, 1), prob=1.0)
    paste.set_random_state(0)
    data: list[dict[Hashable, Any]] = [
        {
            "image": torch.from_numpy(np.moveaxis(host["image"], -1, 0).astype(np.float32) / 255),
            "label": torch.from_numpy(host["mask"][None]),
        }
        for host in hosts
    ]
    return lambda index: paste(data[index])


def measure_speed() -> dict[str, Any]:
    """Images a second of one core."""
    hosts, bank, schema = load_frames()
    scans, lesions = load_slices()
    boxed = {"bbox_params": A.BboxParams("pascal_voc", label_fields=["kind"])}

    def make_paste_call(most: int, keys: tuple[str, ...], **more: Any) -> Callable[[int], object]:
        paste = dg.albumentations.Paste(bank, schema, "feather", (1, most), p=1)
        compose = A.Compose([paste], seed=0, **more)
        return lambda index: compose(**{key: hosts[index][key] for key in keys})

    everything = ("image", "mask", "bboxes", "kind")
    calls = {
        "Paste, 1 crop, mask": make_paste_call(1, everything[:2]),
        "Paste, 1 crop, mask and boxes": make_paste_call(1, everything, **boxed),
        "Paste, 1 to 3 crops, mask and boxes": make_paste_call(3, everything, **boxed),
        "albumentations OverlayElements, 1 crop, mask": make_overlay_call(hosts, bank),
        "RandPasted, 1 crop, float tensors": make_tensor_call(hosts, bank, schema),
        "MONAI CutMixd, float tensors": make_cutmix_call(hosts),
    }
    slow = A.Compose([dg.albumentations.Paste(lesions, per_image=(1, 1), p=1)], seed=0)
    few = {
        "Paste, 1 crop, slices of scans, 2 channels": lambda i: slow(**_without_boxes(scans[i % len(scans)])),
        "the same, foreground and range known": lambda i: slow(**scans[i % len(scans)]),
    }
    found = measure_cpu_seconds(calls) | measure_cpu_seconds(few, TURNS // 6)
    return {
        name: {f"per_second_{turn}": round(1 / seconds, 1) for turn, seconds in spent.items()}
        for name, spent in found.items()
    }


def _without_boxes(host: Targets) -> Targets:
    return {"image": host["image"], "mask": host["mask"], "meta": {"spacing": host["meta"]["spacing"]}}


# ---------------------------------------------------------------- training


class TrainingFrames(Dataset):  # type: ignore[type-arg]
    """Frames as tensors, augmented when they are asked for."""

    def __init__(self, hosts: list[Targets], compose: A.Compose, n: int) -> None:
        self.hosts, self.compose, self.n = hosts, compose, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        host = self.hosts[index % len(self.hosts)]
        out = self.compose(image=host["image"], mask=host["mask"])
        image = torch.from_numpy(np.moveaxis(out["image"], -1, 0).copy())
        return image.float() / 255, torch.from_numpy(out["mask"]).long()


def measure_training() -> dict[str, Any]:
    """What pasting into every frame adds to a training step fed by two workers.

    Seconds of a step in turns; and CPU seconds, of which other work on the machine takes nothing: those of the workers
    beside those of the step itself, as if nothing ran at the same time.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    hosts, bank, schema = load_frames()
    net = BasicUNet(2, 3, max(schema.classes.values()) + 1, features=(16, 16, 32, 64, 128, 16))
    optimiser = torch.optim.AdamW(net.parameters())
    paste = dg.albumentations.Paste(bank, schema, "feather", (1, 3), p=1)
    common = [A.RandomCrop(EDGE // 2, EDGE // 2), A.HorizontalFlip()]
    pipelines = {"without": common, "with": [paste, *common]}
    loaders = {
        name: iter(
            DataLoader(TrainingFrames(hosts, A.Compose(steps, seed=0), BATCH * (STEPS + 1)), BATCH, num_workers=2)
        )
        for name, steps in pipelines.items()
    }
    times: dict[str, list[float]] = {name: [] for name in loaders}
    spent: list[float] = []
    for step in range(STEPS + 1):
        for name, loader in loaders.items():
            start, before = time.perf_counter(), time.process_time()
            image, mask = next(loader)
            loss = torch.nn.functional.cross_entropy(net(image), mask)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step:
                times[name].append(time.perf_counter() - start)
                spent.append(time.process_time() - before)
    medians = {name: round(float(np.median(seconds)), 3) for name, seconds in times.items()}
    a_batch = {name: BATCH * _time_augmentation(hosts, steps) for name, steps in pipelines.items()}
    own = float(np.median(spent))
    return {
        "batch": BATCH,
        "steps": STEPS,
        "seconds_a_step": medians,
        "added_percent": round(100 * (medians["with"] / medians["without"] - 1), 1),
        "cpu_seconds": {"step": round(own, 4)} | {name: round(seconds, 4) for name, seconds in a_batch.items()},
        "added_percent_of_cpu": round(100 * (a_batch["with"] - a_batch["without"]) / (own + a_batch["without"]), 1),
    }


def _time_augmentation(hosts: list[Targets], steps: list[Any]) -> float:
    """CPU seconds that a pipeline takes for a frame."""
    data = TrainingFrames(hosts, A.Compose(steps, seed=0), HOSTS)
    return measure_cpu_seconds({"frame": lambda index: data[index]}, 5)["frame"]["median"]


# ---------------------------------------------------------------- memory


class MemoryReadings(Dataset):  # type: ignore[type-arg]
    """Pastes, and tells what the worker has in memory before and after."""

    def __init__(self, hosts: list[Targets], compose: A.Compose) -> None:
        self.hosts, self.compose = hosts, compose

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, float]:
        self.compose.set_random_seed(index)  # each worker draws other crops
        for turn in range(DRAWS):
            host = self.hosts[turn % len(self.hosts)]
            self.compose(image=host["image"], mask=host["mask"])
        return read_memory()


def read_memory() -> dict[str, float]:
    """MB of this process: what only it has, changed by it or (pages of files) not, and what others map, too."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    sizes = {name: int(value.split()[0]) / 1024 for name, _, value in (line.partition(":") for line in lines)}
    return {
        "uss": sizes["Private_Clean"] + sizes["Private_Dirty"],
        "private_dirty": sizes["Private_Dirty"],
        "private_clean": sizes["Private_Clean"],
    }


def make_large_bank(bank: Bank, folder: Path) -> Path:
    """A bank of 100,000 crops on disk: the same ones again and again."""
    folder.mkdir()
    images = open_memmap(folder / "images.npy", "w+", np.float16, (CROPS, *bank.images.shape[1:]))
    masks = open_memmap(folder / "masks.npy", "w+", np.uint8, (CROPS, *bank.masks.shape[1:]))
    rows = np.arange(CROPS) % len(bank)
    for start in range(0, CROPS, 5000):
        images[start : start + 5000] = bank.images[rows[start : start + 5000]]
        masks[start : start + 5000] = bank.masks[rows[start : start + 5000]]
    images.flush(), masks.flush()
    np.save(folder / "entries.npy", bank.entries[rows])
    write_json(folder / "bank.json", bank.info.model_dump())
    return folder


def measure_memory() -> dict[str, Any]:
    """MB that each of two workers has for itself, beyond those of one that pastes nothing."""
    hosts, bank, schema = load_frames()
    found: dict[str, Any] = {"crops": CROPS, "draws": DRAWS}
    with tempfile.TemporaryDirectory() as scratch:
        path = make_large_bank(bank, Path(scratch) / "bank")
        start = time.perf_counter()
        paste = dg.albumentations.Paste(path, schema, "feather", (1, 1), p=1)
        found["seconds_to_open"] = round(time.perf_counter() - start, 2)
        pipelines = {"nothing": A.Compose([A.NoOp()]), "paste": A.Compose([paste])}
        for context in ("fork", "spawn"):
            workers = {
                name: list(DataLoader(MemoryReadings(hosts, run), None, num_workers=2, multiprocessing_context=context))
                for name, run in pipelines.items()
            }
            found[context] = {
                key: round(max(w[key] for w in workers["paste"]) - min(w[key] for w in workers["nothing"]), 1)
                for key in workers["paste"][0]
            }
    return found


def main() -> None:
    """Measure what was asked for, keep what is known of the rest, and print a table."""
    cv2.setNumThreads(1)
    parts = {"speed": measure_speed, "training": measure_training, "memory": measure_memory}
    asked = sys.argv[1:] or list(parts)
    result = read_json(OUT) if OUT.exists() else {}
    packages = ("numpy", "scipy", "albumentations", "monai", "torch", "opencv-python-headless")
    result["machine"] = describe_machine(*packages) | {"threads": 1}
    for name in asked:
        result[name] = parts[name]()
        write_json(OUT, result)
    rows = [[name, *rates.values()] for name, rates in result.get("speed", {}).items()]
    print(format_table(["images a second, 512×512", "fastest turn", "median turn"], rows))
    print({key: result.get(key) for key in ("training", "memory")})


if __name__ == "__main__":
    main()
