"""A frame under every corruption with what a model says of it: photographs with boxes or outlines, as small images."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from domaingan.pictures import colour_of, tile
from domaingan.report.gallery import read_arrays

SURE = 0.3
"""Detections of at least this score are drawn."""

Arrays = Mapping[str, NDArray[Any]]


def build(run: Path, result: dict[str, Any]) -> dict[str, Any] | None:
    """``{"text", "legend", "tiles": [{"src", "alt", "caption"}]}`` from ``pictures.npz``, None where there is none.

    Raises:
        DataError: the file cannot be read.
    """
    arrays = read_arrays(run / "pictures.npz")
    if "images" not in arrays:
        return None
    boxes = "boxes" in arrays
    captions = ["truth", *(name.replace("_", " ").replace("-", ", severity ") for name in result["shown"])]
    pictures = [_truth(arrays), *(_answered(arrays, number) for number in range(len(arrays["images"])))]
    what = f"the boxes it is sure of (score from {SURE:g} on)" if boxes else "the outlines of its mask"
    name = str(arrays["name"])
    tiles = [
        {"src": photo_uri(picture), "alt": f"{name}, {caption}", "caption": caption}
        for picture, caption in zip(pictures, captions, strict=True)
    ]
    found = arrays["true_labels"] if boxes else np.unique(np.concatenate([arrays["truth"][None], arrays["masks"]]))
    seen = {*found.tolist(), *(arrays["labels"].tolist() if boxes else ())}
    legend = [("#{:02x}{:02x}{:02x}".format(*colour_of(v)), n) for n, v in result["classes"].items() if v in seen]
    text = f"{name}, the frame that shows most of what is scored, with {what}. The first picture has the truth."
    return {"text": text, "legend": legend, "tiles": tiles}


def _truth(arrays: Arrays) -> NDArray[np.uint8]:
    image = arrays["images"][0]
    if "boxes" in arrays:
        return drawn(image, arrays["true_boxes"], arrays["true_labels"])
    return _outlined(image, arrays["truth"])


def _answered(arrays: Arrays, number: int) -> NDArray[np.uint8]:
    image = arrays["images"][number]
    if "boxes" in arrays:
        here = (arrays["tile"] == number) & (arrays["scores"] >= SURE)
        return drawn(image, arrays["boxes"][here], arrays["labels"][here])
    return _outlined(image, arrays["masks"][number])


def drawn(image: NDArray[np.uint8], boxes: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.uint8]:
    """An ``(h, w, 3)`` picture with boxes in their class's colour on a dark line, so that they show on any ground."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    draw = ImageDraw.Draw(picture)
    line = max(2, image.shape[1] // 200)
    for (x0, y0, x1, y1), label in zip(boxes.tolist(), labels.tolist(), strict=True):
        edges = [round(x0), round(y0), max(round(x0), round(x1) - 1), max(round(y0), round(y1) - 1)]
        draw.rectangle([edges[0] - 1, edges[1] - 1, edges[2] + 1, edges[3] + 1], outline=(20, 20, 20), width=line + 2)
        draw.rectangle(edges, outline=colour_of(int(label)), width=line)
    return np.asarray(picture, dtype=np.uint8)


def _outlined(image: NDArray[np.uint8], mask: NDArray[Any]) -> NDArray[np.uint8]:
    return tile(image.transpose(2, 0, 1).astype(np.float32) / 255, np.maximum(mask, 0), domain="frame")


def photo_uri(picture: NDArray[np.uint8]) -> str:
    """An ``(h, w, 3)`` photograph as a JPEG in a ``data:`` address: noise makes a PNG ten times as large."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
