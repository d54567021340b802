"""How does a detector hold up? Show it the same frames clean and corrupted, and score what it finds.

    python recipes/detector_robustness.py                       # phantoms, about two minutes
    python recipes/detector_robustness.py DRIVES onnx:detector.onnx --map person=pedestrian,bicycle=bicyclist

DRIVES is a folder that `domaingan inspect` can read. The model, a detector or a segmenter, is whatever the option
--model of `domaingan robustness` takes. Without one, a small segmenter is trained on other drives first: it learns
faster than a detector does. Everything is written below --out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import domaingan as dg


def read_numbers(text: str) -> tuple[int, ...]:
    """Read ``1,3,5`` as numbers."""
    return tuple(int(part) for part in text.split(","))


def format_percent(score: float | None) -> str:
    """Format a share in percent; a dash stands for one that is not known."""
    return "    –" if score is None else f"{100 * score:5.1f}"


options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("drives", nargs="?", default="phantom:driving", help="a folder of frames (default: phantoms)")
options.add_argument("model", nargs="?", help="RUN, torchvision:NAME[=FILE], onnx:FILE or python:MODULE:FUNCTION")
options.add_argument("--out", type=Path, default=Path("runs/detector-robustness"), help="a new folder")
options.add_argument("--map", help="THEIRS=OURS,.. where class names differ")
options.add_argument("--corruptions", default="all", help="names or groups: noise, blur, weather, digital")
options.add_argument("--severities", type=read_numbers, default=(1, 3, 5), help="some of 1 to 5, as 1,3,5")
options.add_argument("--resize", type=read_numbers, help="show the model frames of this size, H,W")
options.add_argument("--steps", type=int, default=60, help="steps of the segmenter, where no model is given")
choice = options.parse_args()

# 1. Read the frames. Where a model has to be trained first, a quarter of the drives is kept for the test.
frames = dg.load(choice.drives)
print(frames)
model = choice.model
if model is None:
    train, frames = frames.holdout(1 / 4, np.random.default_rng(0))
    model = str(choice.out / "training")
    with dg.ProgressBar("training a segmenter") as progress:
        dg.evaluate(train, arms=["classic"], seeds=1, out=model, test=frames, steps=choice.steps, progress=progress)

# 2. Every frame clean and under each corruption at each severity: an interrupted run continues with resume=True.
pairs = choice.map.split(",") if choice.map else []
with dg.ProgressBar("testing") as progress:
    result = dg.robustness(
        frames,
        model,
        choice.out / "robustness",
        mapping=dict(pair.split("=") for pair in pairs),
        corruptions=choice.corruptions.split(","),
        severities=choice.severities,
        resize=choice.resize,
        progress=progress,
    )

# 3. The mean score under corruption (mPC) and its share of the clean score (rPC). The report has curves and pictures.
for corruption, scores in result["table"].items():
    print(f"{corruption:18}", *map(format_percent, scores))
for name in ("clean", "mpc", "rpc"):
    print(f"{name:18}", format_percent(result[name]))
print(dg.write_report(choice.out / "robustness"))
