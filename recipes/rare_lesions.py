"""Rare lesions, from scans to an answer: paste them into other subjects' scans, make them fit, see whether it helps.

    python recipes/rare_lesions.py                       # phantoms, about two minutes
    python recipes/rare_lesions.py SCANS --steps 600 --gan-steps 2000 --seeds 5

SCANS is a folder that `domaingan inspect` can read. Everything is written below --out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import domaingan as dg
from domaingan.augmentation import AugmentedDataset, draw_preview

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("scans", nargs="?", default="phantom:medical", help="a folder of scans (default: phantoms)")
options.add_argument("--out", type=Path, default=Path("runs/rare-lesions"), help="a new folder")
options.add_argument("--size", type=int, default=32, help="edge of a crop")
options.add_argument("--spacing", type=float, help="work at this coarser spacing, in mm")
options.add_argument("--steps", type=int, default=180, help="steps of each segmenter")
options.add_argument("--gan-steps", type=int, default=200, help="steps of the GAN")
options.add_argument("--seeds", type=int, default=1, help="trainings an arm")
choice = options.parse_args()

# 1. Read the scans, as slices. A third of the subjects is set aside: neither GAN nor segmenter sees them.
scans = dg.view(dg.load(choice.scans), dims=2)
train, test = scans.holdout(1 / 3, np.random.default_rng(0))
print(train, test, sep="\n")

# 2. The real crops of the training subjects: already enough for copy-paste.
real = dg.crops(dg.view(train, spacing=choice.spacing), size=choice.size)
real = real.save(choice.out / "real-crops")
print(real)

# 3. Learn to make pasted crops fit where they go. Watch gan/samples.png; resume=True continues after a crash.
gan = dg.GAN.for_crops(real, conditioning=("paste", "mask"))
with dg.ProgressBar("training the GAN") as progress:
    gan.fit(real, steps=choice.gan_steps, out=choice.out / "gan", progress=progress)
places = dg.windows(dg.view(train, spacing=choice.spacing), real, 500, pasted=True)
refined = gan.sample(len(places), hosts=places).save(choice.out / "refined-crops")
print(refined)

# 4. Look at what pasting does before believing in it: the same places as they are, pasted into, and made to fit.
bare = dg.windows(dg.view(train, spacing=choice.spacing), real, 500)
for name, bank in (("hosts", bare), ("pasted", places), ("made-to-fit", refined), ("real-lesions", real)):
    dg.show(bank, 12, choice.out / f"{name}.png")
for name, bank in (("real", real), ("refined", refined)):
    picture = draw_preview(AugmentedDataset(train, dg.Paste(bank), classic=None, seed=0))
    Image.fromarray(picture).save(choice.out / f"pasted-{name}.png")

# 5. Does it help, on subjects that nothing was trained on?
with dg.ProgressBar("evaluating") as progress:
    result = dg.evaluate(
        train,
        arms=["classic", "copy-paste+classic", "refine+classic", "refine+copy-paste+classic"],
        seeds=choice.seeds,
        out=choice.out / "evaluation",
        test=test,
        bank=choice.out / "refined-crops",
        spacing=choice.spacing,
        size=choice.size,
        steps=choice.steps,
        progress=progress,
    )
print(result["verdict"])
print(dg.write_report(choice.out / "evaluation"))
