"""Is a paste told from a real object at its seam? A small network is asked, for every blending method.

    python -m benchmarks.quality.seam DATA NAME GROUPS GROUPS [--methods feather,soft,…] [--sheet FILE.png]
    python -m benchmarks.quality.seam scans/ brats pat0003,pat0004 pat0005,pat0006 --dims 2
    python -m benchmarks.quality.seam frames/ camvid 0006R0 0016E5

Real crops of each half of the data (groups: subjects or drives) are pasted into its own hosts, one a host, at the same
places by every method. Windows are cut at the border of what was pasted, and as many, of the same classes, at the
border of real objects. A small convolutional network learns to tell them on one half and is tested on the other, both
ways round: 0.5 is a guess. Beside it stand what a method does to the contrast between object and ring (scans) and to
pixels outside the mask. The row ``real`` is the test of the test: real windows in both classes. Results go to
results/seam.json one by one, and those that are there already are not made again. Without arguments nothing is done.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.lib.timing import RESULTS, format_table  # sets the number of threads, so before NumPy

# isort: split
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.lib.machine import describe_machine
from benchmarks.quality.paste_pictures import find_pasted_pixels
from benchmarks.quality.seam_network import WINDOW_EDGE, classify_windows
from domaingan import Paste, crops, load, view
from domaingan.blend.methods import METHODS
from domaingan.blend.methods.blending import parse_method
from domaingan.blend.variation import IDENTITY
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.data import Dataset, Domain, Sample
from domaingan.imaging.intensity import find_ring, get_foreground, get_intensity_range, measure_contrast, to_scaled
from domaingan.imaging.padded_crops import crop_padded

OUT = RESULTS / "seam.json"
MAX_SHEET_WINDOWS = 72
"""Edge of a picture on the sheet, in pixels."""

ALL_METHODS = [
    *METHODS,
    "alpha+noise",
    "feather+noise",
    "soft+noise",
    "laplacian+noise",
    "poisson+noise",
    "feather+histogram",
]

Array = NDArray[Any]


@dataclass
class Seams:
    """What the pastes of one half left: windows, and what they did to their hosts."""

    windows: list[Array] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    outside: list[tuple[float, float]] = field(default_factory=list)
    pictures: list[Array] = field(default_factory=list)


def cut_border_windows(image: Array, body: Array, inside: Array, n: int, rng: np.random.Generator) -> list[Array]:
    """``n`` windows at an object's border that show nothing but the body; none where there is none."""
    whole = ndimage.binary_erosion(inside, np.ones((WINDOW_EDGE, WINDOW_EDGE), dtype=bool), border_value=0)
    spots = np.argwhere(body & ~ndimage.binary_erosion(body) & whole)
    chosen = rng.integers(len(spots), size=n if len(spots) else 0)
    return [crop_padded(image, spots[i] - WINDOW_EDGE // 2, WINDOW_EDGE) for i in chosen]


def scale_for_display(sample: Sample, domain: Domain) -> Array:
    """Where a sample shows anything."""
    return get_foreground(sample) if domain.has_body else np.ones(sample.shape, dtype=bool)


def collect_paste_windows(data: Dataset, method: str, options: argparse.Namespace, seed: int) -> Seams:
    """Paste one half's crops into its own hosts and cut windows at the seams."""
    bank = crops(data, size=128)
    paste = Paste(bank, method, (1, 1), variation=IDENTITY if options.still else None, schema=data.schema)
    seams, blend = Seams(), parse_method(method)
    for number in range(options.pastes):
        rng = np.random.default_rng((seed, number))
        host = data[int(rng.integers(len(data)))]
        after = paste(host, rng)
        if not after.pasted_crops[0].is_placed or host.mask is None or after.mask is None:
            continue
        ends = get_intensity_range(host, data.schema.domain)
        old, new = to_scaled(host.image, ends), to_scaled(after.image, ends)
        body = find_pasted_pixels(host, after)
        seams.windows += cut_border_windows(
            new, body, scale_for_display(host, data.schema.domain), options.per_object, rng
        )
        values = after.mask[body]
        seams.classes += [int(np.bincount(values).argmax())] * (len(seams.windows) - len(seams.classes))
        near = find_ring(body, blend.reach) if blend.reach else np.zeros_like(body)
        change = 255 * np.abs(new - old)[:, near]
        seams.outside.append((float(change.mean()), float(change.max())) if near.any() else (0.0, 0.0))
        if data.schema.domain.has_body:
            crop = bank[after.pasted_crops[0].index]
            own = measure_contrast(
                crop.image, crop.mask, find_ring(crop.mask, inside=np.asarray((crop.image > 0).any(axis=0)))
            )
            bare: Array = np.equal(host.mask, 0)
            around = find_ring(body, inside=get_foreground(host) & bare)
            largest = int(np.abs(own).argmax())
            seams.kept.append(float((measure_contrast(new, body, around) / own)[largest]))
        middle = np.argwhere(body).mean(axis=0).astype(int)
        seams.pictures.append(crop_padded(new, middle - MAX_SHEET_WINDOWS // 2, MAX_SHEET_WINDOWS))
    return seams


def collect_real_windows(data: Dataset, classes: Sequence[int], per_object: int, seed: int) -> Seams:
    """Windows at the borders of real objects, of these classes, in the same order."""
    found: dict[int, list[tuple[int, int]]] = {}
    objects: list[Array] = []
    for index, sample in enumerate(data):
        assert sample.mask is not None
        labels = sample.instances if sample.instances is not None else ndimage.label(sample.mask > 0)[0]
        objects.append(labels)
        counts = np.bincount(labels.ravel())
        for number in range(1, len(counts)):
            if counts[number] >= max(30, data.schema.min_area):
                value = int(np.bincount(sample.mask[labels == number]).argmax())
                found.setdefault(value, []).append((index, number))
    rng, seams, tries = np.random.default_rng((seed, 1)), Seams(), 0
    while len(seams.windows) < len(classes) and tries < 20 * len(classes):
        tries += 1
        known = found.get(classes[len(seams.windows)]) or [pair for pairs in found.values() for pair in pairs]
        index, number = known[int(rng.integers(len(known)))]
        sample, body = data[index], objects[index] == number
        scaled = to_scaled(sample.image, get_intensity_range(sample, data.schema.domain))
        seams.windows += cut_border_windows(
            scaled, body, scale_for_display(sample, data.schema.domain), per_object, rng
        )
        middle = np.argwhere(body).mean(axis=0).astype(int)
        seams.pictures.append(crop_padded(scaled, middle - MAX_SHEET_WINDOWS // 2, MAX_SHEET_WINDOWS))
    return seams


def compute_interval(right: int, n: int) -> list[float]:
    """Wilson's 95 % interval of a share."""
    z, p = 1.959964, right / n
    middle, width = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return [float((middle - width) / (1 + z**2 / n)), float((middle + width) / (1 + z**2 / n))]


def evaluate_method(
    halves: list[Dataset], method: str, options: argparse.Namespace
) -> tuple[dict[str, Any], list[Array]]:
    """One method's row, and pictures of the second half's pastes."""
    base = "alpha" if method == "real" else method
    pasted = [collect_paste_windows(data, base, options, seed) for seed, data in enumerate(halves)]
    real = [collect_real_windows(halves[i], pasted[i].classes, options.per_object, i) for i in (0, 1)]
    if method == "real":
        pasted = [
            collect_real_windows(d, p.classes, options.per_object, 7) for d, p in zip(halves, pasted, strict=True)
        ]
    free = halves[0].schema.domain.has_body
    pairs = [(one.windows, two.windows) for one, two in zip(pasted, real, strict=True)]
    counts = np.array([classify_windows(pairs[i], pairs[1 - i], free, seed=0) for i in (0, 1)])
    right, n = counts.sum(axis=0).tolist()
    row: dict[str, Any] = {"accuracy": right / n, "ci": compute_interval(right, n), "windows": n}
    row["per_half"] = (counts[:, 0] / counts[:, 1]).tolist()
    row["pastes"] = sum(len(side.pictures) for side in pasted)
    if method != "real":
        outside = np.array([pair for side in pasted for pair in side.outside])
        row["outside"] = {"mean": float(outside[:, 0].mean()), "max": float(outside[:, 1].max())}
        kept = [value for side in pasted for value in side.kept]
        if kept:
            row["contrast_kept"] = np.quantile(kept, (0.05, 0.5, 0.95)).tolist()
    return row, pasted[1].pictures[:12]


def save_sheet(path: Path, rows: dict[str, list[Array]]) -> None:
    """A picture: a row a method, the same pastes in every column; first and last channel of scans."""
    from PIL import Image

    lines = []
    for pictures in rows.values():
        rgb = [p if len(p) == 3 else np.stack([p[0]] * 3) for p in pictures]
        lines.append(np.concatenate([np.pad(p, [(0, 0), (1, 1), (1, 1)]) for p in rgb], axis=2))
    whole = (255 * np.clip(np.concatenate(lines, axis=1), 0, 1)).astype(np.uint8)
    Image.fromarray(np.moveaxis(whole, 0, -1)).resize((2 * whole.shape[2], 2 * whole.shape[1])).save(path)


def main() -> None:
    """Judge every method that is not in the result file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?")
    parser.add_argument("name", nargs="?")
    parser.add_argument("halves", nargs="*", help="groups of each half, separated by commas")
    parser.add_argument("--dims", type=int)
    parser.add_argument("--every", type=int, default=3, help="take every so many samples of a half")
    parser.add_argument("--methods", default=",".join([*ALL_METHODS, "real"]))
    parser.add_argument("--pastes", type=int, default=300, help="pastes into each half")
    parser.add_argument("--per-object", type=int, default=2)
    parser.add_argument("--still", action="store_true", help="crops as they are: not turned, mirrored nor resized")
    parser.add_argument("--sheet", type=Path, help="a picture to write, a row a method; all methods are made again")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if not options.data:
        print("nothing to do without data; see --help")
        return
    torch.set_num_threads(1)
    data = load(options.data)
    if options.dims:
        data = view(data, dims=options.dims)
    halves = [data.select_groups(groups.split(",")) for groups in options.halves]
    halves = [part.select(range(0, len(part), options.every)).load_into_memory() for part in halves]
    about = {"halves": options.halves, "samples": [len(part) for part in halves], "still": options.still}
    rows: dict[str, Any] = {}
    pictures: dict[str, list[Array]] = {}
    for method in options.methods.split(","):
        known = read_json(options.out) if options.out.is_file() else {}  # anew, as another run may have written to it
        rows = known.setdefault(options.name, about | {"methods": {}})["methods"]
        if method in rows and not options.sheet:
            continue
        row, pictures[method] = evaluate_method(halves, method, options)
        known = read_json(options.out) if options.out.is_file() else known
        rows = known.setdefault(options.name, about | {"methods": {}})["methods"]
        rows[method] = row
        write_json(options.out, known | {"machine": describe_machine("numpy", "scipy", "torch")})
    if options.sheet:
        save_sheet(options.sheet, pictures)
    lines = []
    for method, row in rows.items():
        outside, kept = row.get("outside"), row.get("contrast_kept")
        lines.append(
            [
                method,
                f"{row['accuracy']:.3f} ({row['ci'][0]:.2f} to {row['ci'][1]:.2f})",
                " / ".join(f"{value:.2f}" for value in row["per_half"]),
                row["windows"],
                f"{kept[1]:.2f} ({kept[0]:.2f} to {kept[2]:.2f})" if kept else "–",
                f"{outside['mean']:.1f}, {outside['max']:.0f}" if outside else "–",
            ]
        )
    print(format_table(["method", "accuracy", "each way", "n", "contrast kept", "changed outside: mean, max"], lines))


if __name__ == "__main__":
    main()
