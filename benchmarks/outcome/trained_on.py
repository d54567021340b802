"""What an arm trains on, kept by one version of the package and compared with another's: bytes, and where pastes lie.

    python -m benchmarks.outcome.trained_on keep fcd-10 DATA --out before.npz --items 800
    python -m benchmarks.outcome.trained_on compare before.npz after.npz

``fcd-10`` is a table of benchmarks/results, whose split, grid and seed are taken (first fold), or ``volumes``: all
people of DATA at their own grid. ``keep`` makes the bank of real crops, measures the training samples, and draws the
first items that the table's arm would be trained on. It runs under older versions, too: PYTHONPATH names which.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.lib import timing  # sets the number of threads, so before NumPy

# isort: split
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaingan import crops, load, view
from domaingan.banks.scenes import scenes
from domaingan.baselines.batches import Patches
from domaingan.baselines.segmentation import choose_patch_shape
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.blend import Paste
from domaingan.data import Dataset, PastedCrop, Sample
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arm_banks import REFERENCE_FRAME_SIZE
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.shown_body import MIN_BODY_SHARE
from domaingan.evaluation.split import make_folds, select_labelled
from domaingan.imaging.distances import measure_surface_depth
from domaingan.imaging.intensity import (
    find_ring,
    get_foreground,
    get_intensity_range,
    measure_contrast,
    to_scaled,
    with_measurements,
)

VOLUMES: dict[str, Any] = {"dims": None, "spacing": None, "resize": None, "size": 32, "seed": 0}

assert timing.RESULTS  # imported for what it sets


def hash_arrays(*arrays: NDArray[Any]) -> str:
    """A checksum of arrays: values, types and shapes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


OLD_SETTINGS = {"train": "train_where", "test": "test_where", "looks": "target_conditions"}
"""What settings were called before format 2."""


def read_settings(table: str) -> dict[str, Any]:
    """Read the settings of a table's run."""
    if table == "volumes":
        return VOLUMES
    path = Path(__file__).parents[1] / "results" / f"{table}.json"
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["config"]
    return {OLD_SETTINGS.get(name, name): value for name, value in stored.items()}


def find_training(data: Dataset, settings: dict[str, Any]) -> Dataset:
    """Find what the first fold of a run was trained on, at the grid worked in."""
    if settings is VOLUMES:
        return data
    seen = view(select_labelled(data), dims=settings["dims"])
    train = seen.where(**settings["train_where"]) if settings["train_where"] else None
    test = seen.where(**settings["test_where"]) if settings["test_where"] else None
    rng = np.random.default_rng(settings["seed"])
    limits = [(name, value, n) for name, value, n in settings.get("limits") or []]
    fold = make_folds(seen, rng, train=train, test=test, k=settings.get("folds") or 1, limits=limits)[0]
    resize = settings["resize"]
    return view(fold.train, spacing=settings["spacing"], resize=resize and tuple(resize))


def keep_training_data(table: str, folder: Path, out: Path, items: int, arm: str) -> None:
    """Write what an arm trains on to one file."""
    settings = read_settings(table)
    train = find_training(load(folder), settings).load_into_memory()
    schema = train.schema
    samples = [with_measurements(sample, schema.domain) for sample in train if sample.mask is not None]
    samples = [s for s in samples if get_foreground(s).mean() >= MIN_BODY_SHARE or (np.asarray(s.mask) > 0).any()]
    bank = crops(train, settings["size"] or 64)
    banks = {"copy-paste": bank}
    if "reference-relight" in Arm.parse(arm).relight_sources:
        banks["reference-relight"] = scenes(train, REFERENCE_FRAME_SIZE, tuple(settings["target_conditions"]))
    augment = build_augmentation(Arm.parse(arm), banks, schema, settings.get("target_conditions"))
    patch = choose_patch_shape([sample.shape for sample in samples], schema.domain.patch_divisor)
    wanted = settings.get("target_conditions") or {}
    patches = Patches(samples, schema, augment, patch, items, settings["seed"], wanted)
    started = time.process_time()
    rows = [draw_item(patches, augment, item) for item in range(items)]
    facts = {
        "table": table,
        "names": [sample.name for sample in samples],
        "spacings": [list(map(float, sample.spacing)) for sample in samples],
        "bodies": [hash_arrays(get_foreground(sample)) for sample in samples],
        "shapes": [list(sample.shape) for sample in samples],
        "ranges": [get_intensity_range(sample, schema.domain).tolist() for sample in samples],
        "images": [hash_arrays(sample.image, np.asarray(sample.mask)) for sample in samples],
        "crops": [hash_arrays(np.asarray(bank.images[i]), np.asarray(bank.masks[i])) for i in range(len(bank))],
        "entries": {name: np.asarray(bank.entries[name]).tolist() for name in bank.entries.dtype.names or ()},
        "items": rows,
        "seconds": round(time.process_time() - started, 1),
    }
    arrays: dict[str, Any] = {"facts": np.array(json.dumps(facts))}
    for i, sample in enumerate(samples):
        arrays[f"body{i}"] = np.packbits(get_foreground(sample))
    np.savez_compressed(out, **arrays)
    print(out, len(bank), "crops,", len(samples), "samples,", len(rows), "items,", facts["seconds"], "s")


def draw_item(patches: Patches, augment: TrainingAugmentation, item: int) -> dict[str, Any]:
    """What one item is made of: checksums of the host as it was blended and of the patch, and each paste."""
    image, mask = patches[item]
    rng = np.random.default_rng((patches.seed, item))
    number = patches.sampler.sample_position(rng)
    blended = augment.blend(patches.samples[number], rng)
    crops = blended.pasted_crops
    row: dict[str, Any] = {"host": number, "patch": hash_arrays(image, mask)}
    row |= {"image": hash_arrays(blended.image), "mask": hash_arrays(np.asarray(blended.mask)), "asked": len(crops)}
    if patches.schema.domain.has_body and crops:
        row["pastes"] = [*follow_pastes(augment.pastes["copy-paste"], patches.samples[number], crops)]
    else:
        row["pastes"] = [{"crop": crop.index, "placed": crop.is_placed} for crop in crops]
    return row


def follow_pastes(paste: Paste, sample: Sample, crops: Sequence[PastedCrop]) -> list[dict[str, Any]]:
    """Paste once more, crop by crop, and measure each: its pixels in the host, contrast asked for and given."""
    host: Any = paste.prepare_host(sample)
    found: list[dict[str, Any]] = []
    for crop in crops:
        rng = np.random.default_rng(crop.seed)
        older = host.mask > 0
        spotted = host.find(paste.bank[crop.index], rng)
        row: dict[str, Any] = {"crop": crop.index, "placed": spotted is not None}
        if spotted is not None:
            host.paste(spotted, rng)
            added = (host.mask > 0) & ~older
            around = find_ring(added, inside=np.asarray(get_foreground(sample)) & ~older)
            given = measure_contrast(to_scaled(host.image, host.ends), added, around)
            row |= {"wanted": np.asarray(spotted.target).tolist(), "given": np.asarray(given).tolist()}
            row |= {"pixels": np.flatnonzero(added).tolist(), "corner": [int(v) for v in spotted.corner]}
        found.append(row)
    return found


def compare_training_data(before: Path, after: Path) -> None:
    """Print what differs between two files of :func:`keep`."""
    files = [np.load(path) for path in (before, after)]
    old, new = (json.loads(str(file["facts"])) for file in files)
    print(old["table"], "seconds", old["seconds"], new["seconds"])
    for name in ("names", "images", "bodies", "ranges", "crops"):
        print(f"{name}: {len(old[name])} and {len(new[name])}, {count_equal(old[name], new[name])} the same")
    for name in sorted({*old["entries"], *new["entries"]}):
        values = [facts["entries"].get(name) for facts in (old, new)]
        print(f"entries {name}:", "only in one" if None in values else f"{count_equal(*values)} the same")
    for i, name in enumerate(old["names"]):
        if old["bodies"][i] != new["bodies"][i]:
            sizes = [int(np.unpackbits(file[f"body{i}"]).sum()) for file in files]
            print("  body of", name, sizes, "range", old["ranges"][i], new["ranges"][i])
    for name in ("host", "patch", "image", "mask", "asked"):
        same = count_equal([row[name] for row in old["items"]], [row[name] for row in new["items"]])
        print(f"items {name}: {same} of {len(new['items'])} the same")
    pasted = [sum(bool(row["pastes"]) for row in facts["items"]) for facts in (old, new)]
    print("items pasted into:", pasted)
    compare_pastes(old, new)
    for label, facts in (("before", old), ("after", new)):
        describe_difference(label, facts, files)


def count_equal(a: list[Any], b: list[Any]) -> int:
    """Count equal entries at equal positions."""
    return sum(x == y for x, y in zip(a, b, strict=False))


def compare_pastes(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Print how single pastes differ."""
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for a, b in zip(old["items"], new["items"], strict=True):
        pairs += zip(a["pastes"], b["pastes"], strict=False)
    same_crop = sum(a["crop"] == b["crop"] for a, b in pairs)
    placed = [(a, b) for a, b in pairs if a["placed"] and b["placed"]]
    print(f"pastes: {len(pairs)}, same crop {same_crop}, placed in both {len(placed)}")
    if placed and "corner" in placed[0][0]:
        print("  same corner", sum(a["corner"] == b["corner"] for a, b in placed))
        print("  same pixels", sum(a["pixels"] == b["pixels"] for a, b in placed))
        print("  same contrast given", sum(a["given"] == b["given"] for a, b in placed))


def describe_difference(label: str, facts: dict[str, Any], files: list[Any]) -> None:
    """Print where the pastes of one version lie, by the body of either, and how much of the contrast they keep."""
    rows = [(item["host"], paste) for item in facts["items"] for paste in item["pastes"]]
    placed = [(host, paste) for host, paste in rows if paste["placed"]]
    print(f"{label}: {len(rows)} pastes, {len(rows) - len(placed)} without a place")
    if not placed or "pixels" not in placed[0][1]:
        return
    for which, file in zip(("before", "after"), files, strict=True):
        outside, depths = [], []
        known: dict[int, Any] = {}
        for host, paste in placed:
            if host not in known:
                shape = facts["shapes"][host]
                body = np.unpackbits(file[f"body{host}"])[: int(np.prod(shape))].reshape(shape).astype(bool)
                known[host] = measure_surface_depth(body, facts["spacings"][host]).ravel()
            depth = known[host][paste["pixels"]]
            outside.append(float((depth <= 0).mean()))
            depths.append(float(depth.min()))
        print(f"  by the body of {which}: {100 * np.mean(outside):.2f} % in air, ",
              f"{sum(o > 0 for o in outside)} touch air; shallowest pixel {np.mean(depths):.2f} mm ",
              f"(5 % under {np.quantile(depths, 0.05):.2f})")  # fmt: skip
    wanted = np.array([paste["wanted"] for _, paste in placed], dtype=float)
    given = np.array([paste["given"] for _, paste in placed], dtype=float)
    for channel in range(wanted.shape[1]):
        a, b = wanted[:, channel], given[:, channel]
        ok = np.isfinite(a) & np.isfinite(b)
        line = np.polyfit(a[ok], b[ok], 1)
        print(f"  contrast, channel {channel}: wanted {a[ok].mean():.4f} ± {a[ok].std():.4f}, given {b[ok].mean():.4f} "
              f"± {b[ok].std():.4f}, mean difference {np.abs(a - b)[ok].mean():.4f}, slope {line[0]:.3f}")  # fmt: skip


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parts = parser.add_subparsers(dest="part", required=True)
    one = parts.add_parser("keep")
    one.add_argument("table")
    one.add_argument("data", type=Path)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--items", type=int, default=800)
    one.add_argument("--arm", default="copy-paste+classic")
    two = parts.add_parser("compare")
    two.add_argument("before", type=Path)
    two.add_argument("after", type=Path)
    given = parser.parse_args()
    if given.part == "keep":
        keep_training_data(given.table, given.data, given.out, given.items, given.arm)
    else:
        compare_training_data(given.before, given.after)


if __name__ == "__main__":
    main()
