"""What generators painted into hosts: measures beside those of real crops, and the same windows side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domaingan.data import DOMAINS, SCAN, Domain
from domaingan.report.gallery import Arrays, list_mask_values, make_legend, make_tile, read_arrays, take_array
from domaingan.report.phrases import DASH, MINUS, format_count, format_interval, format_percent

TARGET_ACCURACY = 0.65
"""At most so much should be told right; half is a guess."""

COLUMN_NAMES = {"real": "real", "pasted": "pasted", "inpaint": "inpainted", "refine": "refined"}
"""What is compared, in words."""


def build_generated_galleries(run: Path, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Galleries as of :func:`domaingan.report.gallery.build`, the first a ``table``; none if nothing was painted.

    Raises:
        DataError: ``pictures.npz`` is there but cannot be read.
    """
    columns = result.get("painted") or {}
    if not columns:
        return []
    arrays, domain = read_arrays(run / "pictures.npz"), DOMAINS.get(result.get("domain") or "", SCAN)
    unit = result.get("unit", "subject")
    galleries = [_build_windows(arrays, domain), _build_places(arrays, domain, unit), _build_worst(arrays, domain)]
    names = {int(value): str(name) for name, value in (result.get("classes") or {}).items()}
    outlined = [array for name, array in arrays.items() if name.partition(":")[0] in ("windows_masks", "worst_masks")]
    shared = {"layout": "sheet", "legend": make_legend(list_mask_values(*outlined), names)}
    return [_build_measures(columns, domain, unit), *(found | shared for found in galleries if found["rows"])]


def _build_measures(columns: Mapping[str, Any], domain: Domain, unit: str) -> dict[str, Any]:
    """A table of real crops, pasted ones, and what each generator painted."""
    measures = {
        "contrast": ("Contrast to the ring", 3),
        "radius_mm": (f"Radius, {domain.length_unit}", 1),
        "texture": ("Texture", 4),
    }
    rows = [
        (head, [(_format_spread(column[name], digits), "") for column in columns.values()])
        for name, (head, digits) in measures.items()
    ]
    told = [column.get("told") for column in columns.values()]
    rows.append(
        (
            "Told right, percent",
            [(format_percent(t["accuracy"]), format_interval(t["ci"])) if t else (DASH, "") for t in told],
        )
    )
    known = next((found for found in told if found), None)
    asked = (
        f"Told right: of {known['pairs']} real objects of {format_count(known['units'], 'test ' + unit)} and the same "
        "places painted, those that a small network called what they are, with the 95 % interval. It was trained on "
        f"half of the {unit}s and asked about the others, both ways round. 50 is a guess, at most "
        f"{100 * TARGET_ACCURACY:g} is aimed at. "
        "No generator saw these places; nothing else is measured there."
        if known
        else "There are too few real objects in the test data to tell painted from real."
    )
    spread = (
        "Mean ± standard deviation over the real crops that were trained on, and over what was pasted and painted. "
        "Contrast and texture (the mean difference of neighbours inside the mask) are in scaled units."
    )
    heads = [f"{COLUMN_NAMES.get(name, name)} ({column['n']})" for name, column in columns.items()]
    return {
        "title": "Painted or real?",
        "text": spread,
        "table": {"heads": heads, "rows": rows, "text": asked},
        "layout": "sheet",
        "rows": [],
        "legend": [],
    }


def _format_spread(found: Mapping[str, float], digits: int) -> str:
    return f"{found['mean']:.{digits}f} ± {found['sd']:.{digits}f}".replace("-", MINUS)


def _build_windows(arrays: Arrays, domain: Domain) -> dict[str, Any]:
    text = (
        "Windows of training images: as they are, with the outline of what comes there; with a real crop pasted in; "
        "and what each generator painted there. Nothing was picked by hand."
    )
    rows = _build_rows(arrays, "windows", {"real": "host"}, domain)
    return {"title": "What was painted into hosts", "text": text, "rows": rows}


def _build_places(arrays: Arrays, domain: Domain, unit: str) -> dict[str, Any]:
    text = (
        f"Real objects of test {unit}s, and the same places with the inside of a training crop pasted in, and painted. "
        "They are shown and told apart, and serve nothing else."
    )
    return {
        "title": "Real and painted at the same places",
        "text": text,
        "rows": _build_rows(arrays, "places", {}, domain),
    }


def _build_rows(arrays: Arrays, kind: str, captions: Mapping[str, str], domain: Domain) -> list[dict[str, Any]]:
    """A row a window, a tile a column; of the first column the outline too."""
    known = [name for name in COLUMN_NAMES if f"{kind}:{name}" in arrays]
    rows = []
    for i in range(min((len(arrays[f"{kind}:{name}"]) for name in known), default=0)):
        tiles = []
        for name in known:
            outline = take_array(arrays.get(f"{kind}_masks:{name}"), i) if name == "real" else None
            said = captions.get(name, COLUMN_NAMES[name])
            tiles.append(make_tile(arrays[f"{kind}:{name}"][i], outline, said, f"{said}, {kind[:-1]} {i + 1}", domain))
        rows.append({"caption": "", "tiles": tiles})
    return rows


def _build_worst(arrays: Arrays, domain: Domain) -> dict[str, Any]:
    rows = []
    for name, said in COLUMN_NAMES.items():
        images, masks = arrays.get(f"worst:{name}"), arrays.get(f"worst_masks:{name}")
        if images is None:
            continue
        scores = [f"{score:.2f}".replace("-", MINUS) for score in arrays[f"worst_scores:{name}"].tolist()]
        tiles = [
            make_tile(images[i], take_array(masks, i), score, f"{said}, scored {score}", domain)
            for i, score in enumerate(scores)
        ]
        rows.append({"caption": said.capitalize(), "tiles": tiles})
    text = "Of all that was painted, what each generator's own discriminator scores lowest, with the score."
    return {"title": "The worst of what was painted", "text": text, "rows": rows}
