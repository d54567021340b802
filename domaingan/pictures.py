"""Small pictures of samples, crops and generated images: tiles with mask outlines, contact sheets, PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from domaingan.errors import DataError
from domaingan.files import atomic_file

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

PAPER: Colour = (255, 255, 255)
INK: Colour = (40, 40, 40)


def colour_of(value: int, colours: Sequence[Colour] = PALETTE) -> Colour:
    """The outline colour of a class value (1, 2, …).

    >>> colour_of(1) == colour_of(1 + len(PALETTE)) == PALETTE[0]
    True
    """
    return colours[(value - 1) % len(colours)]


def tile(
    image: NDArray[Any],
    mask: NDArray[Any] | None = None,
    *,
    domain: Literal["scan", "frame"] = "scan",
    channel: int | None = None,
    zoom: int = 1,
    colours: Sequence[Colour] = PALETTE,
    index: int | None = None,
) -> Picture:
    """One picture of an image or volume, with the outline of each class of its mask.

    Scans, whose arrays are ``(X, Y)``, are turned so that Y points up; frames are ``(H, W)`` and shown as they
    are, in RGB when they have three channels. Other channels lie side by side, unless one is chosen. Of a volume
    one slice along the last axis is shown.

    Args:
        image: ``(C, *spatial)`` in scaled units: 0 is black, 1 is white, values outside are clipped.
        mask: ``(*spatial)`` integer class values, 0 where nothing is.
        domain: ``scan`` or ``frame``.
        channel: show this channel alone, in grey.
        zoom: edge of an image's pixel in the picture's pixels; outlines stay one pixel wide.
        colours: the palette, see :data:`PALETTE`.
        index: which slice of a volume; the middle of the mask unless given, or of the volume if nothing is labelled.

    Raises:
        DataError: the image is not ``(C, *spatial)`` in 2D or 3D, or the mask has another shape.
    """
    image = np.asarray(image)
    mask = None if mask is None else np.asarray(mask)
    if image.ndim not in (3, 4) or (mask is not None and mask.shape != image.shape[1:]):
        shapes = f"an image {image.shape}" + ("" if mask is None else f" with a mask {mask.shape}")
        raise DataError(shapes, expected="(C, *spatial) and (*spatial), 2D or 3D")
    if image.ndim == 4:
        index = _middle(image, mask) if index is None else index
        image, mask = image[..., index], None if mask is None else mask[..., index]
    if domain == "scan":
        image, mask = image.swapaxes(1, 2)[:, ::-1], None if mask is None else mask.T[::-1]
    layers = _layers(image, domain, channel)
    grey = [np.repeat(np.repeat(layer, zoom, axis=0), zoom, axis=1) for layer in layers]
    if mask is not None:
        large = np.repeat(np.repeat(mask, zoom, axis=0), zoom, axis=1)
        for picture in grey:
            _outline(picture, large, colours)
    return np.concatenate(grey, axis=1)


def _middle(image: NDArray[Any], mask: NDArray[Any] | None) -> int:
    if mask is not None and mask.any():
        return int(np.median(np.nonzero(mask)[-1]))
    return image.shape[-1] // 2


def _layers(image: NDArray[Any], domain: str, channel: int | None) -> list[Picture]:
    """The channels as ``(h, w, 3)`` pictures: one in RGB, or one a channel in grey."""
    shades = (np.clip(np.nan_to_num(image.astype(np.float32)), 0, 1) * 255 + 0.5).astype(np.uint8)
    if channel is not None:
        shades = shades[[channel]]
    elif domain == "frame" and len(shades) == 3:
        return [np.ascontiguousarray(np.moveaxis(shades, 0, -1))]
    return [np.stack([shade] * 3, axis=-1) for shade in shades]


def _outline(picture: Picture, mask: NDArray[Any], colours: Sequence[Colour]) -> None:
    """Colour, in place, the pixels of each class that touch another class, or the background, with a side."""
    padded = np.pad(mask, 1)  # an object cut off by the picture's border is closed there
    edge = np.zeros(mask.shape, dtype=bool)
    for neighbour in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        edge |= neighbour != mask
    for value in np.unique(mask[mask > 0]):
        picture[edge & (mask == value)] = colour_of(int(value), colours)


def contact_sheet(
    tiles: Sequence[Picture], columns: int, captions: Sequence[str] | None = None, gap: int = 2
) -> Picture:
    """Tiles in rows of ``columns`` on white, each in a cell as large as the largest, captions (if any) beneath.

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
    height, width = (max(picture.shape[axis] for picture in tiles) for axis in (0, 1))
    font = ImageFont.load_default(size=11)
    line = 15 if captions is not None and any(captions) else 0
    columns, rows = min(columns, len(tiles)), -(-len(tiles) // columns)
    cell = (height + line + gap, width + gap)
    sheet = Image.new("RGB", (columns * cell[1] + gap, rows * cell[0] + gap), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, picture in enumerate(tiles):
        left, top = gap + number % columns * cell[1], gap + number // columns * cell[0]
        sheet.paste(Image.fromarray(np.ascontiguousarray(picture, dtype=np.uint8)), (left, top))
        if captions is not None:
            cells = _room(captions, number, columns)
            text = _shortened(captions[number], cells * cell[1] - gap, font)
            draw.text((left, top + height + 1), text, fill=INK, font=font)
    return np.asarray(sheet, dtype=np.uint8)


def _room(captions: Sequence[str], number: int, columns: int) -> int:
    """How many cells a caption may take: its own, and those after it in the row that have none."""
    row = captions[number + 1 : (number // columns + 1) * columns]
    return 1 + next((n for n, text in enumerate(row) if text), len(row))


def _shortened(text: str, width: int, font: Any) -> str:
    """The text, cut with an ellipsis where it is wider than ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def save_png(array: Picture, path: str | Path) -> Path:
    """Write an ``(h, w, 3)`` or ``(h, w)`` uint8 picture as a PNG file, atomically; returns the path."""
    path = Path(path)
    with atomic_file(path) as temporary:
        Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)).save(temporary, format="PNG")
    return path
