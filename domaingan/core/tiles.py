"""Draw small pictures of samples, crops and generated images: tiles with outlines, contact sheets, PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically

Picture = NDArray[np.uint8]
"""``(h, w, 3)`` RGB."""

Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (66, 165, 245),  # blue
    (255, 202, 40),  # amber
    (171, 71, 188),  # purple
    (239, 83, 80),  # red
    (102, 187, 106),  # green
    (255, 112, 67),  # orange
    (38, 198, 218),  # cyan
    (236, 64, 122),  # pink
    (198, 255, 0),  # lime
    (224, 64, 251),  # magenta
    (255, 224, 178),  # sand
    (0, 137, 123),  # teal
)
"""Colours of the classes' outlines: class value 1 has the first, and so on, round and round."""

PAPER_COLOUR: Colour = (255, 255, 255)
INK_COLOUR: Colour = (40, 40, 40)

CELL_COLOUR: Colour = (24, 24, 24)
"""Around a tile that is smaller than its cell."""

DASH_LENGTH = 4
"""Length of a dash of an outline, in pixels."""


def get_class_colour(value: int, palette: Sequence[Colour] = PALETTE) -> Colour:
    """Get the outline colour of a class.

    Args:
        value: of the class, at least 1.
        palette: of class value 1, 2, and so on, from the start again after the last.

    >>> get_class_colour(1) == get_class_colour(1 + len(PALETTE)) == PALETTE[0]
    True
    """
    return palette[(value - 1) % len(palette)]


def draw_tile(
    image: NDArray[Any],
    mask: NDArray[Any] | None = None,
    *,
    domain: Literal["scan", "frame"] = "scan",
    channel: int | None = None,
    zoom: int = 1,
    height: int | None = None,
    palette: Sequence[Colour] = PALETTE,
    slice_index: int | None = None,
    pasted_mask: NDArray[Any] | None = None,
) -> Picture:
    """Draw an image or volume, with the outline of each class of its mask.

    Scans, whose arrays are ``(X, Y)``, are turned so that Y points up; frames are ``(H, W)`` and shown as they
    are, in RGB when they have three channels. Other channels lie side by side, unless one is chosen. Of a volume
    one slice along the last axis is shown.

    Args:
        image: ``(C, *spatial)`` in scaled units: 0 is black, 1 is white, values outside are clipped.
        mask: ``(*spatial)`` integer class values, 0 where nothing is.
        domain: ``scan`` or ``frame``.
        channel: show this channel alone, in grey.
        zoom: edge of an image's pixel in the picture's pixels; outlines stay one pixel wide.
        height: the picture's height instead, in pixels; its width follows. Outlines are wider on larger pictures.
        palette: the outlines' colours, see :data:`PALETTE`.
        slice_index: which slice of a volume. By default the middle of the mask, or of the volume without labels.
        pasted_mask: ``(*spatial)`` booleans, where something was pasted. Outlines there are solid with a white rim, and
            outlines of what was labelled before are dashed.

    Raises:
        DataError: the image is not ``(C, *spatial)`` in 2D or 3D, or the mask has another shape.
    """
    image = np.asarray(image)
    mask = None if mask is None else np.asarray(mask)
    if image.ndim not in (3, 4) or (mask is not None and mask.shape != image.shape[1:]):
        shapes = f"an image {image.shape}" + ("" if mask is None else f" with a mask {mask.shape}")
        raise DataError(shapes, expected="(C, *spatial) and (*spatial), 2D or 3D")
    if image.ndim == 4:
        slice_index = _find_middle_slice(image, mask) if slice_index is None else slice_index
        image = image[..., slice_index]
        mask = None if mask is None else mask[..., slice_index]
        pasted_mask = None if pasted_mask is None else pasted_mask[..., slice_index]
    if domain == "scan":
        image = image.swapaxes(1, 2)[:, ::-1]
        mask = None if mask is None else mask.T[::-1]
        pasted_mask = None if pasted_mask is None else pasted_mask.T[::-1]
    shape = (image.shape[1] * zoom, image.shape[2] * zoom)
    if height is not None:
        shape = (height, max(1, round(image.shape[2] * height / image.shape[1])))
    pictures = [_scale_picture(layer, shape) for layer in _split_into_pictures(image, domain, channel)]
    if mask is not None:
        large = _scale_picture(mask, shape, is_mask=True)
        large_pasted = None
        if pasted_mask is not None:
            large_pasted = _scale_picture(pasted_mask.astype(np.uint8), shape, is_mask=True) > 0
        width = 1 if height is None else max(1, height // 160)
        for picture in pictures:
            _draw_outlines(picture, large, palette, width, large_pasted)
    return np.concatenate(pictures, axis=1)


def _scale_picture(picture: NDArray[Any], shape: tuple[int, int], *, is_mask: bool = False) -> NDArray[Any]:
    """Bring a picture to ``(height, width)``: its pixels are kept apart when it grows, and averaged when it shrinks."""
    if picture.shape[:2] == shape:
        return np.ascontiguousarray(picture)
    grows = shape[0] >= picture.shape[0]
    how = cv2.INTER_NEAREST_EXACT if is_mask or grows else cv2.INTER_AREA
    source = picture.astype(np.int32) if is_mask else np.ascontiguousarray(picture)
    return cv2.resize(source, shape[::-1], interpolation=how)


def _find_middle_slice(image: NDArray[Any], mask: NDArray[Any] | None) -> int:
    if mask is not None and mask.any():
        return int(np.median(np.nonzero(mask)[-1]))
    return image.shape[-1] // 2


def _split_into_pictures(image: NDArray[Any], domain: str, channel: int | None) -> list[Picture]:
    """The channels as ``(h, w, 3)`` pictures: one in RGB, or one a channel in grey."""
    shades = (np.clip(np.nan_to_num(image.astype(np.float32)), 0, 1) * 255 + 0.5).astype(np.uint8)
    if channel is not None:
        shades = shades[[channel]]
    elif domain == "frame" and len(shades) == 3:
        return [np.ascontiguousarray(np.moveaxis(shades, 0, -1))]
    return [np.stack([shade] * 3, axis=-1) for shade in shades]


def _draw_outlines(
    picture: Picture, mask: NDArray[Any], palette: Sequence[Colour], width: int, pasted_mask: NDArray[np.bool_] | None
) -> None:
    """Colour, in place, the pixels of each class that touch another class, or the background, with a side."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    rows, columns = np.indices(mask.shape, sparse=True)
    dashed = (rows + columns) // DASH_LENGTH % 2 == 0
    if pasted_mask is not None:
        body = ((mask > 0) & pasted_mask).astype(np.uint8)
        picture[(cv2.dilate(body, cross, iterations=width) > 0) & ~pasted_mask] = PAPER_COLOUR
    for value in np.unique(mask[mask > 0]):
        body = (mask == value).astype(np.uint8)
        # An object cut off by the picture's border is closed there.
        inside = cv2.erode(body, cross, iterations=width, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        edge = (body > 0) & (inside == 0)
        if pasted_mask is not None:
            edge &= pasted_mask | dashed
        picture[edge] = get_class_colour(int(value), palette)


def make_contact_sheet(
    tiles: Sequence[Picture], columns: int, captions: Sequence[str] | None = None, gap: int = 2
) -> Picture:
    """Tiles in rows of ``columns`` on white, captions (if any) beneath.

    A column is as wide as its widest tile, and a row as high as its highest; what a tile leaves of its cell is dark.

    Args:
        tiles: ``(h, w, 3)`` pictures of any sizes.
        columns: tiles in a row.
        captions: one text a tile; empty texts leave their place to the one before.
        gap: pixels between cells and around them.

    Raises:
        DataError: there are no tiles, or not one caption for each.
    """
    if not tiles or columns < 1:
        raise DataError(f"{len(tiles)} tiles in {columns} columns", expected="at least one of each")
    if captions is not None and len(captions) != len(tiles):
        raise DataError(f"{len(captions)} captions", expected=f"{len(tiles)}, one a tile")
    font = ImageFont.load_default(size=11)
    line = 15 if captions is not None and any(captions) else 0
    columns = min(columns, len(tiles))
    widths, heights = _measure_cells(tiles, columns)
    lefts = np.cumsum([gap] + [width + gap for width in widths]).tolist()
    tops = np.cumsum([gap] + [height + line + gap for height in heights]).tolist()
    sheet = Image.new("RGB", (lefts[-1], tops[-1]), PAPER_COLOUR)
    draw = ImageDraw.Draw(sheet)
    for number, picture in enumerate(tiles):
        row, column = divmod(number, columns)
        cell = (lefts[column], tops[row], lefts[column] + widths[column] - 1, tops[row] + heights[row] - 1)
        draw.rectangle(cell, fill=CELL_COLOUR)
        sheet.paste(Image.fromarray(np.ascontiguousarray(picture, dtype=np.uint8)), (lefts[column], tops[row]))
        if captions is not None:
            last = column + _count_caption_cells(captions, number, columns)
            text = _shorten_caption(captions[number], lefts[last] - lefts[column] - gap, font)
            draw.text((lefts[column], tops[row] + heights[row] + 1), text, fill=INK_COLOUR, font=font)
    return np.asarray(sheet, dtype=np.uint8)


def _measure_cells(tiles: Sequence[Picture], columns: int) -> tuple[list[int], list[int]]:
    """Measure the widest tile of each column and the highest tile of each row."""
    widths = []
    for column in range(columns):
        in_column = tiles[column::columns]
        widths.append(max(picture.shape[1] for picture in in_column))
    heights = []
    for start in range(0, len(tiles), columns):
        in_row = tiles[start : start + columns]
        heights.append(max(picture.shape[0] for picture in in_row))
    return widths, heights


def _count_caption_cells(captions: Sequence[str], number: int, columns: int) -> int:
    """How many cells a caption may take: its own, and those after it in the row that have none."""
    row = captions[number + 1 : (number // columns + 1) * columns]
    cells = 1
    for text in row:
        if text:
            return cells
        cells += 1
    return columns - number % columns


def _shorten_caption(text: str, width: int, font: Any) -> str:
    """The text, cut with an ellipsis where it is wider than ``width`` pixels.

    Of "class, from donor" the class is cut: its colour tells it, too.
    """
    if font.getlength(text) <= width:
        return text
    front, mark, back = text.rpartition(", from ")
    if mark and font.getlength(f"…, {back}") <= width:
        while front and font.getlength(f"{front}…, {back}") > width:
            front = front[:-1]
        return f"{front}…, {back}"
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def add_legend(sheet: Picture, classes: Mapping[str, int], note: str = "") -> Picture:
    """A sheet with a line beneath it that names the colour of each class.

    Args:
        sheet: ``(h, w, 3)``.
        classes: the masks' values by name.
        note: what else a reader must know, such as what is dashed.
    """
    font = ImageFont.load_default(size=12)
    entries = [(name.replace("_", " "), get_class_colour(value)) for name, value in classes.items() if value > 0]
    step, left, right, lines = 18, 6, sheet.shape[1], 1
    places = []
    for name, colour in entries:
        wide = 18 + round(font.getlength(name)) + 14
        if left + wide > right and left > 6:
            left, lines = 6, lines + 1
        places.append((left, lines - 1, name, colour))
        left += wide
    if note and left + font.getlength(note) > right:
        left, lines = 6, lines + 1
    strip = Image.new("RGB", (sheet.shape[1], step * lines + 4), PAPER_COLOUR)
    draw = ImageDraw.Draw(strip)
    for x, row, name, colour in places:
        draw.rectangle((x, row * step + 4, x + 11, row * step + 15), fill=colour)
        draw.text((x + 16, row * step + 2), name, fill=INK_COLOUR, font=font)
    draw.text((left, (lines - 1) * step + 2), note, fill=INK_COLOUR, font=font)
    return np.concatenate([sheet, np.asarray(strip, dtype=np.uint8)])


def save_png(array: Picture, path: str | Path) -> Path:
    """Write an ``(h, w, 3)`` or ``(h, w)`` uint8 picture as a PNG file, atomically; returns the path."""
    path = Path(path)
    with write_file_atomically(path) as temporary:
        Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)).save(temporary, format="PNG")
    return path
