"""A frame under every corruption with the model's answers: photographs with boxes or masks, as small images."""

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
from domaingan.report.gallery import Arrays, format_colour, read_arrays

MIN_DRAWN_SCORE = 0.3
"""Detections with a lower score are not drawn."""

MASK_OPACITY = 0.55
"""How much of a class's colour covers the picture."""

HUE_STEPS = (5, 3, 7, 11, 13)
"""Steps between the hues of neighbours in a list of classes; one that does not divide their number is taken."""

EDGE_COLOUR = (20, 20, 20)
"""A dark line around boxes makes them visible on bright ground."""


def build_frame_sheet(run: Path, result: dict[str, Any]) -> dict[str, Any] | None:
    """Build the pictures of one frame under every corruption, from ``pictures.npz``.

    Args:
        run: the run folder.
        result: the content of its ``result.json``.

    Returns:
        ``{"text", "legend", "tiles": [{"src", "alt", "caption"}]}``; None where there are no pictures.

    Raises:
        DataError: the file cannot be read.
    """
    arrays = read_arrays(run / "pictures.npz")
    if "images" not in arrays:
        return None
    has_boxes = "boxes" in arrays
    classes = {str(name): int(value) for name, value in result["classes"].items()}
    if has_boxes:
        colours = {value: get_class_colour(value) for value in classes.values()}
    else:
        colours = spread_colours(list(classes.values()))
    pictures = [_draw_truth(arrays, colours)]
    for number in range(len(arrays["images"])):
        pictures.append(_draw_answer(arrays, number, colours))
    captions = ["truth"]
    for name in result["shown"]:
        captions.append(name.replace("_", " ").replace("-", ", severity "))
    frame = str(arrays["name"])
    tiles = []
    for picture, caption in zip(pictures, captions, strict=True):
        tiles.append({"src": encode_photo(picture), "alt": f"{frame}, {caption}", "caption": caption})
    shown_values = _find_shown_values(arrays)
    legend = []
    for name, value in classes.items():
        if value in shown_values:
            legend.append((format_colour(colours[value]), name))
    answer = f"the boxes that the model found (score of {MIN_DRAWN_SCORE:g} or more)" if has_boxes else "its mask"
    text = f"{frame} is the frame with most scored objects, here with {answer}. The first picture shows the truth."
    return {"text": text, "legend": legend, "tiles": tiles}


def _find_shown_values(arrays: Arrays) -> set[int]:
    """Find the class values that occur in the truth or in an answer."""
    if "boxes" in arrays:
        return {*arrays["true_labels"].tolist(), *arrays["labels"].tolist()}
    return {*np.unique(arrays["truth"]).tolist(), *np.unique(arrays["masks"]).tolist()}


def spread_colours(values: Sequence[int]) -> dict[int, Colour]:
    """Choose a colour for each of many classes: hues evenly apart, neighbours in the list far from each other.

    Args:
        values: of the classes.
    """
    count = len(values)
    step = 1
    for candidate in HUE_STEPS:
        if count % candidate:
            step = candidate
            break
    colours = {}
    for number, value in enumerate(values):
        hue = (number * step % count) / count
        brightness = (1.0, 0.75)[number % 2]
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, brightness)
        colours[value] = (round(255 * red), round(255 * green), round(255 * blue))
    return colours


def _draw_truth(arrays: Arrays, colours: Mapping[int, Colour]) -> Picture:
    image = arrays["images"][0]
    if "boxes" in arrays:
        return draw_boxes(image, arrays["true_boxes"], arrays["true_labels"], colours)
    return draw_mask(image, arrays["truth"], colours)


def _draw_answer(arrays: Arrays, number: int, colours: Mapping[int, Colour]) -> Picture:
    image = arrays["images"][number]
    if "boxes" in arrays:
        is_drawn = (arrays["tile"] == number) & (arrays["scores"] >= MIN_DRAWN_SCORE)
        return draw_boxes(image, arrays["boxes"][is_drawn], arrays["labels"][is_drawn], colours)
    return draw_mask(image, arrays["masks"][number], colours)


def draw_boxes(image: Picture, boxes: NDArray[Any], labels: NDArray[Any], colours: Mapping[int, Colour]) -> Picture:
    """Draw boxes in the colours of their classes, with a dark edge that shows on any ground.

    Args:
        image: ``(H, W, 3)`` uint8.
        boxes: ``(N, 4)`` xyxy in pixels.
        labels: ``(N,)`` class values; boxes of classes without a colour are not drawn.
        colours: by class value.

    Returns:
        A new picture.
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    draw = ImageDraw.Draw(picture)
    line_width = max(2, image.shape[1] // 200)
    for box, label in zip(boxes.tolist(), labels.tolist(), strict=True):
        if label not in colours:
            continue
        left, top, right, bottom = [round(coordinate) for coordinate in box]
        right = max(left, right - 1)
        bottom = max(top, bottom - 1)
        outer = [left - 1, top - 1, right + 1, bottom + 1]
        draw.rectangle(outer, outline=EDGE_COLOUR, width=line_width + 2)
        draw.rectangle([left, top, right, bottom], outline=colours[label], width=line_width)
    return np.asarray(picture, dtype=np.uint8)


def draw_mask(image: Picture, mask: NDArray[Any], colours: Mapping[int, Colour]) -> Picture:
    """Colour the classes of a mask on a picture; pixels of classes without a colour stay as they are.

    Args:
        image: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` class values.
        colours: by class value.

    Returns:
        A new picture.
    """
    picture = image.astype(np.float32)
    for value, colour in colours.items():
        is_class = mask == value
        paint = np.array(colour, dtype=np.float32)
        picture[is_class] = (1 - MASK_OPACITY) * picture[is_class] + MASK_OPACITY * paint
    return np.rint(picture).astype(np.uint8)


def encode_photo(picture: Picture) -> str:
    """Encode a ``(H, W, 3)`` photograph as a JPEG in a ``data:`` address: noise makes a PNG ten times as large."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
