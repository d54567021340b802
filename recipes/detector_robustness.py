"""How does a detector hold up? Show it the same frames clean and corrupted, and score what it finds.

    python recipes/detector_robustness.py                       # phantoms, about two minutes
    python recipes/detector_robustness.py DRIVES onnx:detector.onnx --map person=pedestrian,bicycle=bicyclist

DRIVES is a folder that `domaingan inspect` can read; the model, a detector or a segmenter, is whatever the option
--model of `domaingan robustness` takes. Without one, a small segmenter is trained on other drives first: it learns
faster than a detector does. Everything is written below --out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import domaingan as dg
from domaingan.cli.options import parse_height_width
from domaingan.cli.progress_bar import ProgressBar
from domaingan.cli.robustness_command import parse_mapping, parse_severities
from domaingan.evaluation import evaluate
from domaingan.report import write_report
from domaingan.report.phrases import format_percent
from domaingan.robustness_eval import robustness
from domaingan.robustness_eval.robustness_summary import describe_robustness

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("drives", nargs="?", default="phantom:driving", help="a folder of frames (default: phantoms)")
options.add_argument("model", nargs="?", help="RUN, torchvision:NAME[=FILE], onnx:FILE or python:MODULE:FUNCTION")
options.add_argument("--out", type=Path, default=Path("runs/detector-robustness"), help="a new folder")
options.add_argument("--map", action="append", help="THEIRS=OURS,.. where class names differ")
options.add_argument("--corruptions", default="all", help="names or groups: noise, blur, weather, digital")
options.add_argument("--severities", type=parse_severities, default=[1, 3, 5], help="1-5, or some, as 1,3,5")
options.add_argument("--resize", type=parse_height_width, help="show the model frames of this size, H,W")
options.add_argument("--steps", type=int, default=60, help="steps of the segmenter, where no model is given")
choice = options.parse_args()

# 1. Read the frames. Where a model has to be trained first, a quarter of the drives is kept for the test.
frames = dg.load(choice.drives)
print(frames)
model = choice.model
if model is None:
    train, frames = frames.holdout(1 / 4, np.random.default_rng(0))
    model = str(choice.out / "training")
    with ProgressBar("training a segmenter") as teller:
        evaluate(train, arms=["classic"], seeds=1, out=model, test=frames, steps=choice.steps, progress=teller)

# 2. Every frame clean and under each corruption at each severity: an interrupted run goes on with resume=True.
with ProgressBar("looking") as teller:
    result = robustness(
        frames,
        model,
        choice.out / "robustness",
        mapping=parse_mapping(choice.map),
        corruptions=choice.corruptions.split(","),
        severities=choice.severities,
        resize=choice.resize,
        progress=teller,
    )

# 3. The mean under corruption and the share that is kept; the report has curves, a table and the pictures.
for corruption, row in result["table"].items():
    print(f"{corruption:18}", *(f"{format_percent(value):>5}" for value in row))
print(describe_robustness(result))
print(write_report(choice.out / "robustness"))
