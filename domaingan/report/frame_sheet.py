"""A frame under every corruption with what a model says of it: photographs with boxes or masks, as small images."""

from __future__ import annotations

import base64
import colorsys
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from domaingan.core.tiles import Colour, Picture, get_class_colour
from domaingan.report.gallery import read_arrays

MIN_DRAWN_SCORE = 0.3
"""Detections of at least this score are drawn."""

Arrays = Mapping[str, NDArray[Any]]


def build_frame_sheet(run: Path, result: dict[str, Any]) -> dict[str, Any] | None:
    """``{"text", "legend", "tiles": [{"src", "alt", "caption"}]}`` from ``pictures.npz``, None where there is none.

    Raises:
        DataError: the file cannot be read.
    """
    arrays = read_arrays(run / "pictures.npz")
    if "images" not in arrays:
        return None
    boxes = "boxes" in arrays
    captions = ["truth", *(name.replace("_", " ").replace("-", ", severity ") for name in result["shown"])]
    classes = {str(name): int(value) for name, value in result["classes"].items()}
    colours = (
        {value: get_class_colour(value) for value in classes.values()}
        if boxes
        else spread_colours(list(classes.values()))
    )
    pictures = [_draw_truth(arrays, colours)]
    pictures += [_draw_answer(arrays, number, colours) for number in range(len(arrays["images"]))]
    what = f"the boxes it is sure of (score from {MIN_DRAWN_SCORE:g} on)" if boxes else "its mask"
    frame = str(arrays["name"])
    tiles = [
        {"src": encode_photo(picture), "alt": f"{frame}, {caption}", "caption": caption}
        for picture, caption in zip(pictures, captions, strict=True)
    ]
    found = arrays["true_labels"] if boxes else np.unique(np.concatenate([arrays["truth"][None], arrays["masks"]]))
    seen = {*found.tolist(), *(arrays["labels"].tolist() if boxes else ())}
    legend = [("#{:02x}{:02x}{:02x}".format(*colours[value]), name) for name, value in classes.items() if value in seen]
    text = f"{frame}, the frame that shows most of what is scored, with {what}. The first picture has the truth."
    return {"text": text, "legend": legend, "tiles": tiles}


def spread_colours(values: Sequence[int]) -> dict[int, Colour]:
    """A colour for each of many classes, hues evenly apart, neighbours in the list far from each other."""
    step = next(step for step in (5, 3, 7, 11, 13, 1) if len(values) % step or step == 1)
    hues = [(number * step % max(len(values), 1)) / max(len(values), 1) for number in range(len(values))]
    tones = [colorsys.hsv_to_rgb(hue, 0.75, (1.0, 0.75)[number % 2]) for number, hue in enumerate(hues)]
    return {
        value: (round(255 * red), round(255 * green), round(255 * blue))
        for value, (red, green, blue) in zip(values, tones, strict=True)
    }


def _draw_truth(arrays: Arrays, colours: Mapping[int, Colour]) -> Picture:
    image = arrays["images"][0]
    if "boxes" in arrays:
        return draw_boxes(image, arrays["true_boxes"], arrays["true_labels"], colours)
    return draw_mask(image, arrays["truth"], colours)


def _draw_answer(arrays: Arrays, number: int, colours: Mapping[int, Colour]) -> Picture:
    image = arrays["images"][number]
    if "boxes" in arrays:
        here = (arrays["tile"] == number) & (arrays["scores"] >= MIN_DRAWN_SCORE)
        return draw_boxes(image, arrays["boxes"][here], arrays["labels"][here], colours)
    return draw_mask(image, arrays["masks"][number], colours)


def draw_boxes(image: Picture, boxes: NDArray[Any], labels: NDArray[Any], colours: Mapping[int, Colour]) -> Picture:
    """A picture with boxes in their class's colour on a dark line, so that they show on any ground; others are left."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    draw = ImageDraw.Draw(picture)
    line = max(2, image.shape[1] // 200)
    for (x0, y0, x1, y1), label in zip(boxes.tolist(), labels.tolist(), strict=True):
        if label not in colours:
            continue
        edges = [round(x0), round(y0), max(round(x0), round(x1) - 1), max(round(y0), round(y1) - 1)]
        draw.rectangle([edges[0] - 1, edges[1] - 1, edges[2] + 1, edges[3] + 1], outline=(20, 20, 20), width=line + 2)
        draw.rectangle(edges, outline=colours[label], width=line)
    return np.asarray(picture, dtype=np.uint8)


def draw_mask(image: Picture, mask: NDArray[Any], colours: Mapping[int, Colour]) -> Picture:
    """A picture under a mask in the classes' colours; what belongs to none of them stays as it is."""
    picture = image.astype(np.float32)
    for value, colour in colours.items():
        here = mask == value
        picture[here] = 0.45 * picture[here] + 0.55 * np.array(colour, dtype=np.float32)
    return np.rint(picture).astype(np.uint8)


def encode_photo(picture: Picture) -> str:
    """An ``(h, w, 3)`` photograph as a JPEG in a ``data:`` address: noise makes a PNG ten times as large."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
