"""Which look brings frames nearer to real ones under another condition, that it has not seen? All of them in one run.

    python -m benchmarks.quality.relight_looks DATA NAME=FROM NAME=TO [--sheet FILE.png]
    python -m benchmarks.quality.relight_looks frames/ lighting=day lighting=dusk

The frames of TO are cut in two by time, with a gap between. Frames of FROM get the look of scenes of one half and are
compared with the other, both ways round: KID by features of a network that knows neither. Beside it stand the frames
as they were, and the one half of TO against the other, which is as near as real frames come. Every look is given the
same frames and scenes. Results go to results/relight.json; without arguments nothing is done.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.lib.timing import RESULTS, format_table  # sets the number of threads, so before NumPy

# isort: split
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.lib.machine import describe_machine
from domaingan import Dataset, Relight, Sample, load
from domaingan.banks.scenes import scenes
from domaingan.core.files import write_json
from domaingan.core.tiles import draw_tile, make_contact_sheet, save_png
from domaingan.imaging.resample import resize
from domaingan.metrics.fidelity.features import FeatureExtractor, make_extractor
from domaingan.metrics.fidelity.kid import compute_kid

METHODS = ("reinhard", "histogram", "fda:0.002", "fda:0.004", "fda:0.01", "fda:0.05", "reinhard-per-class", "mix")
STRENGTHS = (0.5, 0.75, 1.0)
FRAMES, SIZE, GAP = 48, 256, 5.0
"""Frames that are relit, edge of a scene, and seconds between the halves."""

SHOWN, WIDE = 4, 240
"""Rows of the sheet, and how wide a picture on it is."""

Array = NDArray[Any]


def select_samples(data: Dataset, text: str) -> Dataset:
    """The samples of a condition, NAME=VALUE."""
    name, _, value = text.partition("=")
    return data.where(**{name: value})


def split_drive(data: Dataset) -> list[Dataset]:
    """Before and after the middle of the times, without those within half a gap of it."""
    times = np.array([record.time if record.time is not None else i for i, record in enumerate(data.records)])
    middle = np.median(times)
    return [data.select(np.flatnonzero(sign * (times - middle) > GAP / 2)) for sign in (-1, 1)]


def relight_frames(relight: Relight, frames: Sequence[Sample]) -> list[Array]:
    """The frames under the looks of scenes that follow from their numbers."""
    return [relight(frame, np.random.default_rng(number)).image for number, frame in enumerate(frames)]


def measure_looks(
    frames: Sequence[Sample], banks: Sequence[Dataset], extract: FeatureExtractor
) -> list[dict[str, Any]]:
    """KID of every method and strength to the half that gave no scene, each way round."""
    rows = []
    real = [extract(np.stack([sample.image for sample in half])) for half in banks]
    own = extract(np.stack([frame.image for frame in frames]))
    for way, half in enumerate(banks):
        target = real[1 - way]
        rows.append({"way": way, "method": "the other half", "strength": None} | vars(compute_kid(target, real[way])))
        rows.append({"way": way, "method": "as they were", "strength": 0.0} | vars(compute_kid(target, own)))
        bank = scenes(half, SIZE)
        for method in METHODS:
            for strength in STRENGTHS:
                relight = Relight(bank, method, (strength, strength))
                distance = compute_kid(target, extract(np.stack(relight_frames(relight, frames))))
                rows.append({"way": way, "method": method, "strength": strength} | vars(distance))
                print(rows[-1], flush=True)
    return rows


def average_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both ways together: mean KID, its error, and the share of the distance that is gone."""
    found: dict[tuple[str, Any], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["method"], row["strength"]), []).append(row)
    means = {key: float(np.mean([row["value"] for row in both])) for key, both in found.items()}
    errors = {key: float(np.hypot.reduce([row["error"] for row in both]) / len(both)) for key, both in found.items()}
    before = means["as they were", 0.0]
    return [
        {"method": method, "strength": strength, "kid": mean, "error": errors[method, strength]}
        | {"closed": 1 - mean / before, "ways": [row["value"] for row in found[method, strength]]}
        for (method, strength), mean in means.items()
    ]


def save_sheet(frames: Sequence[Sample], half: Dataset, path: Path) -> None:
    """Frames, and what each method makes of them at full strength; the scenes are drawn alike."""
    bank, tiles, captions = scenes(half, SIZE), [], []
    for number in range(0, len(frames), len(frames) // SHOWN)[:SHOWN]:
        relit = Relight(bank, strength=(1, 1))(frames[number], np.random.default_rng(number))
        assert relit.relight_result is not None and relit.relight_result.index is not None
        scene = half[relit.relight_result.index]
        pictures = {"as it was": frames[number].image, "scene": scene.image}
        for method in METHODS[:-1]:
            relight = Relight(bank, method, (1, 1))
            pictures[method] = relight(frames[number], np.random.default_rng(number)).image
        high = WIDE * frames[number].shape[0] // frames[number].shape[1]
        tiles += [draw_tile(resize(image, (high, WIDE)), domain="frame") for image in pictures.values()]
        captions += list(pictures)
    save_png(make_contact_sheet(tiles, len(METHODS) + 1, captions), path)


def main() -> None:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="DATA NAME=FROM NAME=TO")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png")
    parser.add_argument("--out", type=Path, default=RESULTS / "relight.json")
    arguments = parser.parse_args()
    if len(arguments.what) != 3:
        parser.print_help()
        return
    torch.set_num_threads(1)
    started = time.perf_counter()
    data = load(arguments.what[0])
    source, target = (select_samples(data, text) for text in arguments.what[1:])
    frames = list(source.select(np.linspace(0, len(source) - 1, FRAMES).round()))
    banks, extract = split_drive(target), make_extractor()
    if arguments.sheet:
        save_sheet(frames, banks[0], arguments.sheet)
    rows = average_rows(measure_looks(frames, banks, extract))
    facts = {
        "from": arguments.what[1],
        "to": arguments.what[2],
        "frames": len(frames),
        "halves": [len(half) for half in banks],
        "features": extract.name,
        "scene_size": SIZE,
        "machine": describe_machine("numpy", "torch", "scikit-image"),
        "seconds": time.perf_counter() - started,
    }
    write_json(arguments.out, facts | {"rows": rows})
    print(format_table(("method", "strength", "KID", "error", "closed"), [_format_cells(row) for row in rows]))


def _format_cells(row: dict[str, Any]) -> list[str]:
    strength = "" if row["strength"] is None else f"{row['strength']:g}"
    return [row["method"], strength, f"{row['kid']:.3f}", f"{row['error']:.3f}", f"{100 * row['closed']:.0f} %"]


if __name__ == "__main__":
    main()
