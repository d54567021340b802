"""The report's pictures: arrays of ``pictures.npz`` as rows of small images with captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core import reading
from domaingan.core.tiles import draw_tile, get_class_colour
from domaingan.data import DOMAINS, FRAME, SCAN, Domain
from domaingan.report.svg_figures import encode_png

MAX_SHOWN_CHANNELS = 2
"""Of an image with more channels the first so many are shown, side by side."""

TILE_SIDE = 192
"""A picture is enlarged, by a whole number, to about so many pixels: outlines stay thin on a small image."""

Arrays = Mapping[str, NDArray[Any]]


def build_galleries(run: Path, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Galleries: ``{"title", "text", "layout": "row" | "sheet", "rows": [{"caption", "tiles"}], "legend"}``.

    Raises:
        DataError: ``pictures.npz`` is there but cannot be read.
    """
    arrays = read_arrays(run / "pictures.npz")
    domain = DOMAINS.get(result.get("domain") or "", SCAN)
    names = {int(value): str(name) for name, value in (result.get("classes") or {}).items()}
    galleries = [
        _build_paste_gallery(arrays, domain),
        _build_crop_gallery(arrays, domain),
        _build_generated_gallery(arrays, domain),
        _build_relight_gallery(arrays),
    ]
    galleries.append(_build_prediction_gallery(arrays, domain, result))
    return [found | {"legend": make_legend(found.pop("values"), names)} for found in galleries if found is not None]


def read_arrays(path: Path) -> Arrays:
    """The arrays of a run's pictures, none where there is no such file.

    Raises:
        DataError: it cannot be read.
    """
    return reading.read_arrays(path) if path.exists() else {}


def make_legend(values: Sequence[int], names: dict[int, str]) -> list[tuple[str, str]]:
    """The outline colour of each class value, with its name."""
    return [
        ("#{:02x}{:02x}{:02x}".format(*get_class_colour(v)), names.get(v, f"class {v}").replace("_", " "))
        for v in values
    ]


def list_mask_values(*masks: NDArray[Any] | None) -> list[int]:
    """The class values in some masks."""
    found: set[int] = set()
    for mask in masks:
        if mask is not None:
            found |= set(np.unique(mask).tolist())
    return sorted(value for value in found if value > 0)


def make_tile(
    image: NDArray[Any],
    mask: NDArray[Any] | None,
    caption: str,
    alt: str,
    domain: Domain,
    added: NDArray[Any] | None = None,
) -> dict[str, str]:
    """One picture of a gallery: ``{"src", "alt", "caption"}``; what was added is outlined otherwise."""
    zoom = max(1, min(6, TILE_SIDE // max(image.shape[1:])))
    shown = image[:MAX_SHOWN_CHANNELS] if not domain.is_rgb else image
    where = None if added is None else added > 0
    picture = draw_tile(shown, mask, domain=domain.name, zoom=zoom, pasted_mask=where)
    return {"src": encode_png(picture), "alt": alt, "caption": caption, "width": str(picture.shape[1])}


def _build_paste_gallery(arrays: Arrays, domain: Domain) -> dict[str, Any] | None:
    if "hosts" not in arrays or "pasted" not in arrays:
        return None
    hosts, pasted = arrays["hosts"], arrays["pasted"]
    before, after, added = arrays.get("host_masks"), arrays.get("pasted_masks"), arrays.get("added")
    names, words = arrays.get("host_names"), arrays.get("pasted_words")
    rows = []
    for i in range(min(len(hosts), len(pasted))):
        tiles = [
            make_tile(hosts[i], take_array(before, i), "host", f"host {i + 1}", domain),
            make_tile(
                pasted[i],
                None,
                "pasted" if words is None else f"pasted: {words[i]}",
                f"host {i + 1} with a crop pasted in",
                domain,
            ),
            make_tile(
                pasted[i],
                take_array(after, i),
                "pasted, outlined",
                "the same with the outlines of its mask",
                domain,
                take_array(added, i),
            ),
        ]
        rows.append({"caption": f"Host {i + 1 if names is None else names[i]}", "tiles": tiles})
    text = (
        "Real training images, before and after a crop was pasted in; outlines are the masks trained on. What was "
        "pasted has a solid outline with a white rim, what was labelled before a dashed one."
    )
    title = "Hosts and what was pasted into them"
    return {"title": title, "text": text, "layout": "row", "rows": rows, "values": list_mask_values(before, after)}


def _build_crop_gallery(arrays: Arrays, domain: Domain) -> dict[str, Any] | None:
    if "crops" not in arrays:
        return None
    masks = arrays.get("crop_masks")
    rows = [_build_sheet("", arrays["crops"], masks, "pasted crop", domain)]
    text = "Some entries of the bank that the pasted crops above were drawn from."
    return {"title": "Crops", "text": text, "layout": "sheet", "rows": rows, "values": list_mask_values(masks)}


def _build_generated_gallery(arrays: Arrays, domain: Domain) -> dict[str, Any] | None:
    if "gan_samples" not in arrays:
        return None
    masks = arrays.get("gan_masks"), arrays.get("real_masks")
    rows = [_build_sheet("Generated", arrays["gan_samples"], masks[0], "generated crop", domain)]
    if "real_samples" in arrays:
        rows.insert(0, _build_sheet("Real", arrays["real_samples"], masks[1], "real crop", domain))
    text = "Crops of the training subjects, and crops that the GAN drew; nothing was picked by hand."
    return {
        "title": "Real and generated",
        "text": text,
        "layout": "sheet",
        "rows": rows,
        "values": list_mask_values(*masks),
    }


def _build_relight_gallery(arrays: Arrays) -> dict[str, Any] | None:
    if "relit" not in arrays or "lit_hosts" not in arrays:
        return None
    rows = [_build_sheet("Scenes that the looks come from", arrays["scenes"], None, "scene", FRAME)]
    pairs = zip(arrays["lit_hosts"], arrays["relit"], strict=True)
    tiles = [
        make_tile(picture, None, what, f"{what} {i + 1}", FRAME)
        for i, pair in enumerate(pairs)
        for picture, what in zip(pair, ("host", "relit"), strict=True)
    ]
    rows.append({"caption": "Hosts and their new look", "tiles": tiles})
    if "lit_real" in arrays:
        rows.append(_build_sheet("Real training frames of that look", arrays["lit_real"], None, "real frame", FRAME))
    text = "Real training frames before and after they were relit; nothing was picked by hand."
    return {"title": "Looks", "text": text, "layout": "sheet", "rows": rows, "values": []}


def _build_sheet(
    caption: str, images: NDArray[Any], masks: NDArray[Any] | None, what: str, domain: Domain
) -> dict[str, Any]:
    tiles = [make_tile(images[i], take_array(masks, i), "", f"{what} {i + 1}", domain) for i in range(len(images))]
    return {"caption": caption, "tiles": tiles}


def _build_prediction_gallery(arrays: Arrays, domain: Domain, result: dict[str, Any]) -> dict[str, Any] | None:
    if "images" not in arrays or "truth" not in arrays:
        return None
    images, truth = arrays["images"], arrays["truth"]
    known = [name.removeprefix("prediction:") for name in arrays if name.startswith("prediction:")]
    arms = sorted(known, key=[*result["arms"], *known].index)
    names = arrays.get("names", np.array([f"image {i + 1}" for i in range(len(images))]))
    rows = []
    for i, name in enumerate(names.tolist()):
        tiles = [make_tile(images[i], None, "image", f"{name}, as it is", domain)]
        tiles.append(make_tile(images[i], truth[i], "truth", f"{name} with its true outlines", domain))
        for arm in arms:
            outlines = arrays[f"prediction:{arm}"][i]
            tiles.append(make_tile(images[i], outlines, arm, f"{name} with what {arm} predicted", domain))
        rows.append({"caption": str(name), "tiles": tiles})
    text = "Test images with the true outlines and with those that each arm's network (first seed) predicted."
    values = list_mask_values(truth, *(arrays[f"prediction:{arm}"] for arm in arms))
    return {"title": "Predictions beside the truth", "text": text, "layout": "row", "rows": rows, "values": values}


def take_array(arrays: NDArray[Any] | None, index: int) -> NDArray[Any] | None:
    """One of some arrays, None where there are none."""
    return None if arrays is None else arrays[index]
