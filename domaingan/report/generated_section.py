"""What generators painted into hosts: measures beside those of real crops, and the same places side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domaingan.data import DOMAINS, SCAN, Domain
from domaingan.report.gallery import (
    Arrays,
    list_mask_values,
    make_legend,
    make_tile,
    read_arrays,
    read_class_names,
    take_array,
)
from domaingan.report.number_formats import DASH, MINUS, format_interval, format_percent
from domaingan.report.phrases import format_count

TARGET_ACCURACY = 0.65
"""The real-vs-fake accuracy that a generator should not exceed; 0.5 is a guess."""

COLUMN_NAMES = {"real": "real", "pasted": "pasted", "inpaint": "inpainted", "refine": "refined"}
"""What is compared, in words."""


def build_generated_galleries(run: Path, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Build the section on objects that generators painted into hosts.

    Args:
        run: the run folder.
        result: the content of its ``result.json``.

    Returns:
        Galleries as of :func:`domaingan.report.gallery.build_galleries`, the first with a ``table``; none if nothing
        was painted.

    Raises:
        DataError: ``pictures.npz`` is there but cannot be read.
    """
    columns = result.get("generated") or result.get("painted") or {}
    if not columns:
        return []
    arrays = read_arrays(run / "pictures.npz")
    domain = DOMAINS.get(result.get("domain") or "", SCAN)
    unit = result.get("unit", "subject")
    outlined = []
    for name, array in arrays.items():
        if name.partition(":")[0] in ("windows_masks", "worst_masks"):
            outlined.append(array)
    legend = make_legend(list_mask_values(*outlined), read_class_names(result))
    galleries = [_build_measures(columns, domain, unit)]
    picture_galleries = [
        _build_windows(arrays, domain),
        _build_places(arrays, domain, unit),
        _build_worst(arrays, domain),
    ]
    for gallery in picture_galleries:
        if gallery["rows"]:
            galleries.append(gallery | {"layout": "sheet", "legend": legend})
    return galleries


def _build_measures(columns: Mapping[str, Any], domain: Domain, unit: str) -> dict[str, Any]:
    """Build the table that compares real crops, pasted ones, and what each generator painted."""
    measures = {
        "contrast": ("Contrast to the ring", 3),
        "radius_mm": (f"Radius, {domain.length_unit}", 1),
        "texture": ("Texture", 4),
    }
    rows: list[tuple[str, list[tuple[str, str]]]] = []
    for name, (head, digits) in measures.items():
        rows.append((head, [(_format_spread(column[name], digits), "") for column in columns.values()]))
    accuracies = [_read_accuracy(column) for column in columns.values()]
    cells = []
    for accuracy in accuracies:
        if accuracy:
            cells.append((format_percent(accuracy["accuracy"]), format_interval(accuracy["ci"])))
        else:
            cells.append((DASH, ""))
    rows.append(("Real-vs-fake accuracy, percent", cells))
    heads = [f"{COLUMN_NAMES.get(name, name)} ({column['n']})" for name, column in columns.items()]
    text = (
        "Mean ± standard deviation over the real crops of the training images, and over what was pasted and painted. "
        "The ring is a margin of a few pixels around the mask. Contrast and texture (the mean difference of "
        "neighbouring pixels inside the mask) are in scaled units."
    )
    return {
        "title": "Generated beside real",
        "text": text,
        "table": {"heads": heads, "rows": rows, "text": _explain_accuracy(accuracies, unit)},
        "layout": "sheet",
        "rows": [],
        "legend": [],
    }


def _read_accuracy(column: Mapping[str, Any]) -> Any:
    """Read the real-vs-fake accuracy, under today's key or that of older results; None if it was not measured."""
    return column.get("real_vs_fake_accuracy") or column.get("told")


def _explain_accuracy(accuracies: list[Any], unit: str) -> str:
    """Explain how the real-vs-fake accuracy was measured."""
    measured = [accuracy for accuracy in accuracies if accuracy]
    if not measured:
        return "The test data hold too few real objects to measure the real-vs-fake classification accuracy."
    pairs = measured[0]["pairs"]
    units = format_count(measured[0]["units"], f"test {unit}")
    return (
        f"Real-vs-fake accuracy: a small network classifies {pairs} real objects of {units}, and what was painted at "
        f"the same places, as real or fake; with the 95 % interval. It is trained on half of the {unit}s and tested on "
        f"the other half, then the other way round. 50 is a guess; at most {100 * TARGET_ACCURACY:g} is the aim. The "
        "generators were not trained on these places, and nothing else is measured there."
    )


def _format_spread(measure: Mapping[str, float], digits: int) -> str:
    """Format mean and standard deviation with a number of decimals."""
    return f"{measure['mean']:.{digits}f} ± {measure['sd']:.{digits}f}".replace("-", MINUS)


def _build_windows(arrays: Arrays, domain: Domain) -> dict[str, Any]:
    """Show windows of training images, before and after generators painted into them."""
    text = (
        "Windows of training images: as they are, with the outline of the object to come; with a real crop pasted in; "
        "and with what each generator painted there. They are not selected by hand."
    )
    rows = _build_rows(arrays, "windows", {"real": "host"}, domain)
    return {"title": "What was painted into hosts", "text": text, "rows": rows}


def _build_places(arrays: Arrays, domain: Domain, unit: str) -> dict[str, Any]:
    """Show real objects of test images and what was pasted or painted at their places."""
    text = (
        f"Real objects of test {unit}s, and the same places with a training crop pasted in, and painted. They are "
        "only shown and classified as real or fake; no network is trained on them."
    )
    rows = _build_rows(arrays, "places", {}, domain)
    return {"title": "Real and painted at the same places", "text": text, "rows": rows}


def _build_rows(arrays: Arrays, kind: str, captions: Mapping[str, str], domain: Domain) -> list[dict[str, Any]]:
    """Build a row for each place, with a tile for each column; the first column is outlined.

    Args:
        arrays: the pictures.
        kind: ``windows`` or ``places``.
        captions: of columns that are not called by their usual name.
        domain: of the images.
    """
    columns = [name for name in COLUMN_NAMES if f"{kind}:{name}" in arrays]
    row_count = min((len(arrays[f"{kind}:{name}"]) for name in columns), default=0)
    rows = []
    for number in range(row_count):
        tiles = []
        for name in columns:
            outline = None
            if name == "real":
                outline = take_array(arrays.get(f"{kind}_masks:{name}"), number)
            caption = captions.get(name, COLUMN_NAMES[name])
            image = arrays[f"{kind}:{name}"][number]
            alt = f"{caption}, {kind[:-1]} {number + 1}"
            tiles.append(make_tile(image, outline, caption, alt, domain))
        rows.append({"caption": "", "tiles": tiles})
    return rows


def _build_worst(arrays: Arrays, domain: Domain) -> dict[str, Any]:
    """Show what each generator's own discriminator scores lowest."""
    rows = []
    for name, column_name in COLUMN_NAMES.items():
        images = arrays.get(f"worst:{name}")
        if images is None:
            continue
        masks = arrays.get(f"worst_masks:{name}")
        tiles = []
        for number, score in enumerate(arrays[f"worst_scores:{name}"].tolist()):
            text = f"{score:.2f}".replace("-", MINUS)
            mask = take_array(masks, number)
            tiles.append(make_tile(images[number], mask, text, f"{column_name}, scored {text}", domain))
        rows.append({"caption": column_name.capitalize(), "tiles": tiles})
    text = "Of all that was painted, what each generator's own discriminator scores lowest, with the score."
    return {"title": "The worst of what was painted", "text": text, "rows": rows}
