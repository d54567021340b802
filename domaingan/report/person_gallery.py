"""The best, the median and the worst person: truth, what both arms predict, and where they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.tiles import draw_tile
from domaingan.data import DOMAINS, SCAN, Domain
from domaingan.evaluation.person_pictures import PREFIX
from domaingan.metrics.measures import get_measure
from domaingan.report.gallery import (
    MAX_SHOWN_CHANNELS,
    MAX_ZOOM,
    TILE_SIDE,
    format_colour,
    list_mask_values,
    make_legend,
    make_tile,
    read_arrays,
    read_class_names,
)
from domaingan.report.phrases import state_difference
from domaingan.report.svg_figures import encode_png

GAINED_COLOUR = (46, 160, 100)
LOST_COLOUR = (214, 60, 110)

TINT_SHARE = 0.65
"""How much of the colour covers the picture."""


def build_person_galleries(run: Path, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Build the gallery of the three people; none where there are no pictures of them.

    Args:
        run: the run folder.
        result: the content of its ``result.json``.

    Raises:
        DataError: ``pictures.npz`` is there but cannot be read.
    """
    arrays = read_arrays(run / "pictures.npz")
    domain = DOMAINS.get(result.get("domain") or "", SCAN)
    primary = result.get("primary")
    if not primary or f"{PREFIX}images" not in arrays:
        return []
    images, truth, after, before = (arrays[f"{PREFIX}{name}"] for name in ("images", "truth", "after", "before"))
    metric, unit = primary["metric"], result.get("unit", "subject")
    rows = []
    for number, name in enumerate(arrays[f"{PREFIX}names"].tolist()):
        fold, seed = arrays[f"{PREFIX}trainings"][number].tolist()
        mean = state_difference(metric, float(arrays[f"{PREFIX}means"][number]))
        shown = state_difference(metric, float(arrays[f"{PREFIX}differences"][number]))
        role = describe_role(str(arrays[f"{PREFIX}roles"][number]), metric, float(arrays[f"{PREFIX}means"][number]))
        caption = f"{role}: {name}, {mean} ({shown} in the training shown, fold {fold}, seed {seed})"
        image = images[number]
        masks = {"truth": truth[number], primary["against"]: before[number], primary["arm"]: after[number]}
        tiles = [make_tile(image, None, "image", f"{name}, as it is", domain)]
        for words, mask in masks.items():
            tiles.append(make_tile(image, mask, words, f"{name}: outlines of {words}", domain))
        change = _draw_change(image, truth[number], before[number], after[number], domain)
        alt = f"{name}: where {primary['arm']} differs from {primary['against']}"
        tiles.append({"src": encode_png(change), "alt": alt, "caption": "difference", "width": str(change.shape[1])})
        rows.append({"caption": caption, "tiles": tiles})
    arm, against = primary["arm"], primary["against"]
    text = (
        f"The {unit} who gains most with {arm}, the one in the middle and the one who gains least, each with the "
        "training whose difference is nearest to the mean, and the sample with the largest object. In the last picture "
        f"green is where {arm} alone is right, red where {against} alone is."
    )
    legend = make_legend(list_mask_values(truth, after, before), read_class_names(result))
    legend += [
        (format_colour(GAINED_COLOUR), f"{primary['arm']} alone is right"),
        (format_colour(LOST_COLOUR), f"{primary['against']} alone is right"),
    ]
    title = f"Best, median and worst {unit}"
    return [{"title": title, "text": text, "layout": "people", "rows": rows, "legend": legend}]


def describe_role(role: str, metric: str, difference: float) -> str:
    """Describe why a person is shown.

    Args:
        role: ``best``, ``median`` or ``worst``.
        metric: its name tells whether less is better.
        difference: of the person.

    >>> describe_role("best", "dice:a", 0.1), describe_role("best", "dice:a", -0.1)
    ('Gains most', 'Loses least')
    >>> describe_role("worst", "hd95:a", -1.5), describe_role("worst", "hd95:a", 1.5)
    ('Gains least', 'Loses most')
    """
    has_loss = difference > 0 if get_measure(metric).is_lower_better else difference < 0
    if role == "best":
        return "Loses least" if has_loss else "Gains most"
    if role == "worst":
        return "Loses most" if has_loss else "Gains least"
    return "In the middle"


def _draw_change(
    image: NDArray[Any], truth: NDArray[Any], before: NDArray[Any], after: NDArray[Any], domain: Domain
) -> NDArray[np.uint8]:
    """Draw the image with a tint where one of two predictions alone is right."""
    zoom = max(1, min(MAX_ZOOM, TILE_SIDE // max(image.shape[1:])))
    shown = image if domain.is_rgb else image[:MAX_SHOWN_CHANNELS]
    picture = draw_tile(shown, None, domain=domain.name, zoom=zoom).astype(np.float32)
    is_gained = (after == truth) & (before != truth)
    is_lost = (after != truth) & (before == truth)
    for mask, colour in ((is_gained, GAINED_COLOUR), (is_lost, LOST_COLOUR)):
        turned = mask if domain.is_rgb else mask.T[::-1]
        large = np.kron(turned, np.ones((zoom, zoom), dtype=bool))
        large = np.tile(large, (1, picture.shape[1] // large.shape[1]))  # channels lie side by side
        picture[large] = (1 - TINT_SHARE) * picture[large] + TINT_SHARE * np.array(colour, dtype=np.float32)
    return np.rint(picture).astype(np.uint8)
