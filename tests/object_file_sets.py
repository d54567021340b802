"""Small sets in the layouts in which each frame has a file of objects, in true names and file types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SHAPE = (40, 60)

CAR = "Car 0.00 0 -1.58 10.00 5.00 30.00 25.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"
CYCLIST = "Cyclist 0.00 3 -2.46 40.00 8.00 50.00 30.00 1.86 0.60 2.02 4.59 1.32 45.84 -2.55"
DONT_CARE = "DontCare -1 -1 -10 0.00 0.00 9.00 9.00 -1 -1 -1 -1000 -1000 -1000 -10"

VOC_XML = """<annotation>
	<folder>VOC2012</folder>
	<filename>{name}.jpg</filename>
	<source><database>The VOC2007 Database</database></source>
	<size><width>60</width><height>40</height><depth>3</depth></size>
	<segmented>0</segmented>
	<object>
		<name>car</name><pose>Left</pose><truncated>0</truncated><difficult>0</difficult>
		<bndbox><xmin>11</xmin><ymin>6</ymin><xmax>30</xmax><ymax>25</ymax></bndbox>
	</object>
	<object>
		<name>person</name><pose>Frontal</pose><truncated>1</truncated><difficult>1</difficult>
		<bndbox><xmin>41</xmin><ymin>9</ymin><xmax>50</xmax><ymax>30</ymax></bndbox>
	</object>
</annotation>
"""


def save_picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_kitti(root: Path) -> Path:
    for number, lines in enumerate([[CAR, CYCLIST, DONT_CARE], [CAR], []]):
        save_picture(root / f"training/image_2/{number:06d}.png", number)
        write_text(root / f"training/label_2/{number:06d}.txt", "".join(f"{line}\n" for line in lines))
    save_picture(root / "testing/image_2/000000.png", 9)
    return root


def write_voc(root: Path) -> Path:
    for number in (32, 39):
        name = f"2007_{number:06d}"
        save_picture(root / f"JPEGImages/{name}.jpg", number)
        write_text(root / f"Annotations/{name}.xml", VOC_XML.format(name=name))
    write_text(root / "ImageSets/Main/train.txt", "2007_000032\n")
    write_text(root / "ImageSets/Main/val.txt", "2007_000039\n")
    return root


def write_yolo(root: Path, lines: str = "0 0.5 0.5 0.25 0.5\n1 0.2 0.25 0.1 0.2\n") -> Path:
    for split in ("train", "val"):
        save_picture(root / f"images/{split}/a.jpg")
        write_text(root / f"labels/{split}/a.txt", lines)
    save_picture(root / "images/train/empty.jpg", 1)
    write_text(
        root / "data.yaml", "path: /somewhere/else\ntrain: images/train\nval: images/val\nnames: [car, person]\n"
    )
    return root
