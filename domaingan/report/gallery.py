"""The report's pictures: arrays of ``pictures.npz`` as rows of small images with captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core import reading
from domaingan.core.tiles import Colour, draw_tile, get_class_colour
from domaingan.data import DOMAINS, FRAME, SCAN, Domain
from domaingan.report.svg_figures import encode_png

MAX_SHOWN_CHANNELS = 2
"""Of a scan with more channels only the first ones are shown, side by side."""

TILE_SIDE = 192
"""Small pictures are enlarged, by a whole number, to about this side in pixels: outlines stay thin on them."""

MAX_ZOOM = 6

Arrays = Mapping[str, NDArray[Any]]


def build_galleries(run: Path, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Build the galleries of an evaluation.

    Args:
        run: the run folder.
        result: the content of its ``result.json``.

    Returns:
        For each ``{"title", "text", "layout": "row" | "sheet", "rows": [{"caption", "tiles"}], "legend"}``.

    Raises:
        DataError: ``pictures.npz`` is there but cannot be read.
    """
    arrays = read_arrays(run / "pictures.npz")
    domain = DOMAINS.get(result.get("domain") or "", SCAN)
    names = read_class_names(result)
    galleries = [
        _build_paste_gallery(arrays, domain),
        _build_crop_gallery(arrays, domain),
        _build_generated_gallery(arrays, domain),
        _build_relight_gallery(arrays),
        _build_prediction_gallery(arrays, domain, result),
    ]
    built = []
    for gallery in galleries:
        if gallery is not None:
            gallery["legend"] = make_legend(gallery.pop("values"), names)
            built.append(gallery)
    return built


def read_arrays(path: Path) -> Arrays:
    """Read the arrays of a run's pictures; none where there is no such file.

    Raises:
        DataError: it cannot be read.
    """
    return reading.read_arrays(path) if path.exists() else {}


def read_class_names(result: dict[str, Any]) -> dict[int, str]:
    """Read the names of the classes by value."""
    return {int(value): str(name) for name, value in (result.get("classes") or {}).items()}


def make_legend(values: Sequence[int], names: dict[int, str]) -> list[tuple[str, str]]:
    """List the outline colour of each class value, with the class's name."""
    legend = []
    for value in values:
        name = names.get(value, f"class {value}").replace("_", " ")
        legend.append((format_colour(get_class_colour(value)), name))
    return legend


def format_colour(colour: Colour) -> str:
    """Format a colour as CSS takes it.

    >>> format_colour((255, 0, 16))
    '#ff0010'
    """
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def list_mask_values(*masks: NDArray[Any] | None) -> list[int]:
    """List the class values in some masks, without 0."""
    values: set[int] = set()
    for mask in masks:
        if mask is not None:
            values |= set(np.unique(mask).tolist())
    return sorted(value for value in values if value > 0)


def make_tile(
    image: NDArray[Any],
    mask: NDArray[Any] | None,
    caption: str,
    alt: str,
    domain: Domain,
    pasted: NDArray[Any] | None = None,
) -> dict[str, str]:
    """Make one picture of a gallery.

    Args:
        image: ``(C, H, W)`` in scaled units.
        mask: ``(H, W)`` class values, outlined; None for no outlines.
        caption: the text under the picture.
        alt: the text for those who do not see it.
        domain: of the image.
        pasted: ``(H, W)``, above 0 where something was pasted: its outline is solid with a white rim.

    Returns:
        ``{"src", "alt", "caption", "width"}``.
    """
    zoom = max(1, min(MAX_ZOOM, TILE_SIDE // max(image.shape[1:])))
    if not domain.is_rgb:
        image = image[:MAX_SHOWN_CHANNELS]
    pasted_mask = None if pasted is None else pasted > 0
    picture = draw_tile(image, mask, domain=domain.name, zoom=zoom, pasted_mask=pasted_mask)
    return {"src": encode_png(picture), "alt": alt, "caption": caption, "width": str(picture.shape[1])}


def take_array(arrays: NDArray[Any] | None, index: int) -> NDArray[Any] | None:
    """Take one of several arrays; None where there are none."""
    return None if arrays is None else arrays[index]


def _build_paste_gallery(arrays: Arrays, domain: Domain) -> dict[str, Any] | None:
    """Show hosts before and after a paste."""
    if "hosts" not in arrays or "pasted" not in arrays:
        return None
    hosts, pasted = arrays["hosts"], arrays["pasted"]
    host_masks, pasted_masks = arrays.get("host_masks"), arrays.get("pasted_masks")
    added = arrays.get("added")
    names, words = arrays.get("host_names"), arrays.get("pasted_words")
    rows = []
    for number in range(min(len(hosts), len(pasted))):
        host_mask = take_array(host_masks, number)
        pasted_mask = take_array(pasted_masks, number)
        host = f"host {number + 1}"
        caption = "pasted" if words is None else f"pasted: {words[number]}"
        alt = f"{host} with a crop pasted in"
        outlined_alt = "the same with the outlines of its mask"
        added_mask = take_array(added, number)
        tiles = [
            make_tile(hosts[number], host_mask, "host", host, domain),
            make_tile(pasted[number], None, caption, alt, domain),
            make_tile(pasted[number], pasted_mask, "pasted, outlined", outlined_alt, domain, added_mask),
        ]
        name = number + 1 if names is None else names[number]
        rows.append({"caption": f"Host {name}", "tiles": tiles})
    text = (
        "Real training images, before and after a crop was pasted in. Outlines are the masks that networks are trained "
        "on: a pasted object has a solid outline with a white rim, an object that was there before a dashed one."
    )
    values = list_mask_values(host_masks, pasted_masks)
    return {"title": "Hosts before and after a paste", "text": text, "layout": "row", "rows": rows, "values": values}


def _build_crop_gallery(arrays: Arrays, domain: Domain) -> dict[str, Any] | None:
    """Show crops of the bank that was pasted from."""
    if "crops" not in arrays:
        return None
    masks = arrays.get("crop_masks")
    rows = [_build_sheet("", arrays["crops"], masks, "pasted crop", domain)]
    text = "Some entries of the bank that the pasted crops above come from."
    return {"title": "Crops", "text": text, "layout": "sheet", "rows": rows, "values": list_mask_values(masks)}


def _build_generated_gallery(arrays: Arrays, domain: Domain) -> dict[str, Any] | None:
    """Show real crops and samples from the generator."""
    if "gan_samples" not in arrays:
        return None
    generated_masks, real_masks = arrays.get("gan_masks"), arrays.get("real_masks")
    rows = []
    if "real_samples" in arrays:
        rows.append(_build_sheet("Real", arrays["real_samples"], real_masks, "real crop", domain))
    rows.append(_build_sheet("Generated", arrays["gan_samples"], generated_masks, "generated crop", domain))
    text = "Crops of the training subjects, and samples from the generator. They are not selected by hand."
    values = list_mask_values(generated_masks, real_masks)
    return {"title": "Real and generated", "text": text, "layout": "sheet", "rows": rows, "values": values}


def _build_relight_gallery(arrays: Arrays) -> dict[str, Any] | None:
    """Show hosts before and after their appearance was changed, and the scenes it comes from."""
    if "relit" not in arrays or "lit_hosts" not in arrays:
        return None
    rows = [_build_sheet("Scenes that the appearance comes from", arrays["scenes"], None, "scene", FRAME)]
    tiles = []
    for number, (host, relit) in enumerate(zip(arrays["lit_hosts"], arrays["relit"], strict=True)):
        tiles.append(make_tile(host, None, "host", f"host {number + 1}", FRAME))
        tiles.append(make_tile(relit, None, "relit", f"relit {number + 1}", FRAME))
    rows.append({"caption": "Hosts before and after", "tiles": tiles})
    if "lit_real" in arrays:
        caption = "Real training frames of that appearance"
        rows.append(_build_sheet(caption, arrays["lit_real"], None, "real frame", FRAME))
    text = "Real training frames before and after they were relit. They are not selected by hand."
    return {"title": "Relit frames", "text": text, "layout": "sheet", "rows": rows, "values": []}


def _build_sheet(
    caption: str, images: NDArray[Any], masks: NDArray[Any] | None, what: str, domain: Domain
) -> dict[str, Any]:
    """Build a row of pictures without captions of their own; ``what`` names each for those who do not see it."""
    tiles = []
    for number, image in enumerate(images):
        tiles.append(make_tile(image, take_array(masks, number), "", f"{what} {number + 1}", domain))
    return {"caption": caption, "tiles": tiles}


def _build_prediction_gallery(arrays: Arrays, domain: Domain, result: dict[str, Any]) -> dict[str, Any] | None:
    """Show test images with their true masks and the masks that each arm's network predicted."""
    if "images" not in arrays or "truth" not in arrays:
        return None
    images, truth = arrays["images"], arrays["truth"]
    predictions = {}
    for key, masks in arrays.items():
        if key.startswith("prediction:"):
            predictions[key.removeprefix("prediction:")] = masks
    order = [*result["arms"], *predictions]
    arms = sorted(predictions, key=order.index)
    default_names = [f"image {number + 1}" for number in range(len(images))]
    names = arrays.get("names", np.array(default_names))
    rows = []
    for number, name in enumerate(names.tolist()):
        tiles = [
            make_tile(images[number], None, "image", f"{name}, as it is", domain),
            make_tile(images[number], truth[number], "truth", f"{name} with its true outlines", domain),
        ]
        for arm in arms:
            mask = predictions[arm][number]
            tiles.append(make_tile(images[number], mask, arm, f"{name} with the prediction of {arm}", domain))
        rows.append({"caption": str(name), "tiles": tiles})
    text = "Test images with their true outlines, and with those that each arm's network (first seed) predicted."
    values = list_mask_values(truth, *predictions.values())
    return {"title": "Predictions beside the truth", "text": text, "layout": "row", "rows": rows, "values": values}
