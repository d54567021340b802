"""Dusk from a few frames: learn how it looks, relight the day towards it, paste rare road users, see whether it helps.

    python recipes/dusk_driving.py                       # phantoms, about two minutes
    python recipes/dusk_driving.py DRIVES --resize 192,256 --dusk 4 --steps 800 --gan-steps 1000 --size 64

DRIVES is a folder that `domaingan inspect` can read, with a column `lighting` in its samples.csv. Everything is written
below --out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import domaingan as dg
from domaingan.augmentation import AugmentedDataset, draw_preview
from domaingan.evaluation import make_folds


def read_height_width(text: str) -> tuple[int, int]:
    """Read ``H,W`` as two numbers."""
    height, width = text.split(",")
    return int(height), int(width)


options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("drives", nargs="?", default="phantom:driving", help="a folder of frames (default: phantoms)")
options.add_argument("--out", type=Path, default=Path("runs/dusk-driving"), help="a new folder")
options.add_argument("--lighting", default="dusk", help="the rare lighting")
options.add_argument("--dusk", type=int, default=4, help="frames under it that may be trained on")
options.add_argument("--resize", type=read_height_width, help="work at this size, H,W")
options.add_argument("--size", type=int, default=32, help="edge of a scene and of a crop")
options.add_argument("--steps", type=int, default=60, help="steps of each segmenter")
options.add_argument("--gan-steps", type=int, default=150, help="steps of the GAN")
options.add_argument("--seeds", type=int, default=1, help="trainings an arm")
choice = options.parse_args()

# 1. Read the frames. The GAN may see the day and a few frames of dusk; later dusk, a gap of seconds away, is tested.
drives = dg.load(choice.drives)
days = [str(value) for value in {record.condition["lighting"] for record in drives.records}]
dusk = drives.where(lighting=choice.lighting)
(fold,) = make_folds(
    drives,
    np.random.default_rng(0),
    train=drives.where(lighting=sorted({"day", choice.lighting} & set(days))),
    test=dusk,
    limits=[("lighting", choice.lighting, choice.dusk)],
)
print(fold.train, fold.test, sep="\n")

# 2. Whole frames as scenes: their looks, told apart by the lighting. A conditional GAN learns to generate more of them.
train = dg.view(fold.train, resize=choice.resize)
looks = dg.scenes(train, size=choice.size, condition="lighting")
gan = dg.GAN.for_crops(looks)
with dg.ProgressBar("training the GAN") as progress:
    gan.fit(looks, steps=choice.gan_steps, out=choice.out / "gan", progress=progress)
generated = gan.sample(200, lighting=choice.lighting).save(choice.out / "generated-scenes")
print(generated)

# 3. Look at what relighting and pasting do before believing in them.
objects = dg.crops(train, size=choice.size).save(choice.out / "objects")
for name, blender in (("relit", dg.Relight(generated)), ("pasted", dg.Paste(objects, schema=train.schema))):
    picture = draw_preview(AugmentedDataset(train, blender, classic=None, seed=0))
    Image.fromarray(picture).save(choice.out / f"{name}.png")

# 4. Does it help, on frames that nothing was trained on?
with dg.ProgressBar("evaluating") as progress:
    result = dg.evaluate(
        fold.train,
        arms=[
            "classic",
            "weather+classic",
            "reference-relight+classic",
            "relight+classic",
            "relight+copy-paste+classic",
        ],
        seeds=choice.seeds,
        out=choice.out / "evaluation",
        test=fold.test,
        test_where={"lighting": [choice.lighting]},
        bank=choice.out / "generated-scenes",
        resize=choice.resize,
        size=choice.size,
        steps=choice.steps,
        progress=progress,
    )
print(result["verdict"])
print(dg.write_report(choice.out / "evaluation"))
