"""The page of every blending method: what it may change, what the seam test says, and the pictures of the phantoms.

python -m benchmarks.quality.paste_pictures_page

Reads seam.json and updates paste-methods.md of ``benchmarks/results``; :mod:`paste_pictures` makes the pictures.
"""

from __future__ import annotations

from typing import Any

from benchmarks.lib.pages import update_page
from benchmarks.lib.timing import RESULTS, format_table
from benchmarks.quality.paste_pictures import METHODS
from domaingan.blend.methods.blending import parse_method
from domaingan.core.reading import read_json
from domaingan.data import DOMAINS

Row = dict[str, Any]

SET_TITLES = {"brats": "BraTS", "camvid": "CamVid"}

UNVARIED_SET = "brats-unvaried"
"""The same of BraTS with crops that are neither turned nor resized."""

METHOD_DESCRIPTIONS = {
    "alpha": "the mask itself, a hard edge",
    "feather": "a ramp outside the mask",
    "soft": "the mask's outermost pixels half mixed",
    "laplacian": "each octave over a border of its own width",
    "poisson": "the crop's gradients, the host's values around them",
    "poisson-mixed": "of crop and host the steeper gradient",
}

MATCH_DESCRIPTIONS = {"noise": "the host's grain", "histogram": "the host's distribution around it"}


def describe_method(name: str) -> str:
    """How a method mixes, and what is matched before."""
    first, *matches = name.split("+")
    return "; ".join([METHOD_DESCRIPTIONS[first], *(MATCH_DESCRIPTIONS[match] for match in matches)])


def format_accuracy(row: Row | None) -> str:
    """How often a paste was told from a real object, with its interval."""
    return f"{row['accuracy']:.2f} ({row['ci'][0]:.2f} to {row['ci'][1]:.2f})" if row else "–"


def format_contrast_kept(row: Row | None) -> str:
    """Median and 90 % range of the contrast kept."""
    values = row.get("contrast_kept") if row else None
    return f"{values[1]:.2f} ({values[0]:.2f} to {values[2]:.2f})" if values else "–"


def format_change_outside(row: Row | None) -> str:
    """Mean and largest change within reach, in grey levels."""
    change = row.get("outside") if row else None
    return f"{change['mean']:.1f}, {change['max']:.0f}" if change else "–"


def format_methods_table(seam: dict[str, Any]) -> str:
    """A row a method, the plain ones first."""
    found = {name: seam.get(name, {}).get("methods", {}) for name in (*SET_TITLES, UNVARIED_SET)}
    measured = {method for rows in found.values() for method in rows} - {"real"}
    order = [*METHODS, *sorted(measured - set(METHODS))]
    lines = []
    for method in [*order, "real"]:
        rows = [found[name].get(method) for name in SET_TITLES]
        defaults = " and ".join(f"{domain}s" for domain in DOMAINS.values() if domain.blend_method == method)
        what = "real objects in both classes: the test of the test" if method == "real" else describe_method(method)
        reach = "–" if method == "real" else f"{parse_method(method).reach} px"
        lines.append(
            [
                f"`{method}`" + (f" (default of {defaults})" if defaults else ""),
                *(
                    what,
                    reach,
                    *map(format_accuracy, [*rows, found[UNVARIED_SET].get(method)]),
                    format_contrast_kept(rows[0]),
                    *map(format_change_outside, rows),
                ),
            ]
        )
    told = [f"real-vs-fake accuracy, {label}" for label in (*SET_TITLES.values(), "BraTS, as cut")]
    changed = [f"changed outside, {label}" for label in SET_TITLES.values()]
    return format_table(["method", "how", "reach", *told, "contrast kept, BraTS", *changed], lines)


if __name__ == "__main__":
    update_page(RESULTS / "paste-methods.md", {"methods": format_methods_table(read_json(RESULTS / "seam.json"))})
