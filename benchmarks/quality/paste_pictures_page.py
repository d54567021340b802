"""The page of every blending method: what it may change, what the seam test says, and the pictures of the phantoms.

python -m benchmarks.paste_pictures_page

Reads results/seam.json and writes results/paste-methods.md; the pictures are made by :mod:`paste_pictures`.
"""

from __future__ import annotations

from typing import Any

from benchmarks.lib.timing import RESULTS, table
from benchmarks.quality.paste_pictures import METHODS
from domaingan.blend.methods.blending import DEFAULTS, parse_method
from domaingan.core.reading import read_json

Row = dict[str, Any]

SETS = {"brats": "BraTS", "camvid": "CamVid"}

STILL = "brats-unvaried"
"""The same of BraTS with crops that are neither turned nor resized."""

HOW = {
    "alpha": "the mask itself, a hard edge",
    "feather": "a ramp outside the mask",
    "soft": "the mask's outermost pixels half mixed",
    "laplacian": "each octave over a border of its own width",
    "poisson": "the crop's gradients, the host's values around them",
    "poisson-mixed": "of crop and host the steeper gradient",
}

MATCHED = {"noise": "the host's grain", "histogram": "the host's distribution around it"}

SEEN = """\
- `alpha` and `soft` leave all else alone, and in frames look right at once; `soft` hides the steps of `alpha`. In scans
  both show the mask's outline, which is nearest-neighbour and ragged where a crop was turned.
- `feather` is the calmest in scans. It takes up to three pixels of the crop's own surroundings along: a lesion of the
  cortex brings its dark sulcus into white matter, and a thin lesion looks wider than its label. In frames those
  surroundings are a halo of another street. A lesion from the surface of a skull-stripped brain is continued over two
  pixels of its rim, which are half air: with one, a fifth of such pastes had a dark rim on one side. One in forty has
  it still, of `laplacian` and `poisson` one in twelve.
- `laplacian` reaches furthest and shows most of the crop's surroundings; in frames a cloud around the object.
- `poisson` has no visible edge in scans, but where the host's structures change around the mask its shading runs into
  the object. In frames people become ghosts: what stands behind them decides their brightness.
- `poisson-mixed` keeps the host's dark structures inside the object. As the contrast is then restored over the whole
  object, what is left between them is far too bright where the host has a sulcus or ventricle; in frames the host shows
  through.
- `noise` is hardly seen. `histogram` does little in scans and washes colours out in frames.
- Not the method but the place gives most pastes in scans away: a cortical lesion deep in white matter, one across a
  ventricle or the midline. In frames it is what was hidden in the crop's own frame: the upper half of a person, or a
  car that a shrub was in front of, with nothing before it in the host; and a crop of the night, all noise, by day."""


def words(name: str) -> str:
    """How a method mixes, and what is matched before."""
    first, *matches = name.split("+")
    return "; ".join([HOW[first], *(MATCHED[match] for match in matches)])


def accuracy(row: Row | None) -> str:
    """How often a paste was told from a real object, with its interval."""
    return f"{row['accuracy']:.2f} ({row['ci'][0]:.2f} to {row['ci'][1]:.2f})" if row else "–"


def kept(row: Row | None) -> str:
    """Median and 90 % range of the contrast kept."""
    values = row.get("contrast_kept") if row else None
    return f"{values[1]:.2f} ({values[0]:.2f} to {values[2]:.2f})" if values else "–"


def outside(row: Row | None) -> str:
    """Mean and largest change within reach, in grey levels."""
    change = row.get("outside") if row else None
    return f"{change['mean']:.1f}, {change['max']:.0f}" if change else "–"


def methods_table(seam: dict[str, Any]) -> str:
    """A row a method, the plain ones first."""
    found = {name: seam.get(name, {}).get("methods", {}) for name in (*SETS, STILL)}
    measured = {method for rows in found.values() for method in rows} - {"real"}
    order = [*METHODS, *sorted(measured - set(METHODS))]
    lines = []
    for method in [*order, "real"]:
        rows = [found[name].get(method) for name in SETS]
        defaults = " and ".join(f"{domain}s" for domain, name in DEFAULTS.items() if name == method)
        what = "real objects in both classes: the test of the test" if method == "real" else words(method)
        reach = "–" if method == "real" else f"{parse_method(method).reach} px"
        lines.append(
            [
                f"`{method}`" + (f" (default of {defaults})" if defaults else ""),
                *(what, reach, *map(accuracy, [*rows, found[STILL].get(method)]), kept(rows[0]), *map(outside, rows)),
            ]
        )
    told = [f"told from real, {label}" for label in (*SETS.values(), "BraTS, as cut")]
    changed = [f"changed outside, {label}" for label in SETS.values()]
    return table(["method", "how", "reach", *told, "contrast kept, BraTS", *changed], lines)


def page(seam: dict[str, Any]) -> str:
    """The page in Markdown."""
    lines = [
        "# Every blending method",
        "",
        "*Reach*: nothing further than this from what is seen of the pasted mask is changed, not by a bit. *Told from",
        "real*: how often a small network tells the border of a paste from that of a real object, on hosts it has not",
        "seen, with its 95 % interval; 0.5 is a guess (`seam.py`); *as cut*: crops that are not turned,",
        "mirrored or resized. *Contrast kept*: contrast between object and ring after the paste over the crop's own,",
        "median and 5th to 95th percentile; the paste itself restores it.",
        "*Changed outside*: of the pixels within reach and not in the mask, mean and largest change in grey levels",
        "(1/255 of the intensity range).",
        "",
        methods_table(seam),
        "",
        "One crop at one place by every method, on phantoms: pictures, labels, and what was changed outside the",
        "object, eight times as bright, with mean over the changed pixels and largest change. The crop is shown as it",
        "lies in the bank, before it is turned, mirrored and resized.",
        "",
        "![Lesions in slices](paste-methods-medical.png)",
        "",
        "![Objects in frames](paste-methods-driving.png)",
        "",
        "```",
        "python -m benchmarks.paste_pictures phantom:medical medical --dims 2 --hosts 3 --out benchmarks/results",
        "python -m benchmarks.paste_pictures phantom:driving driving --hosts 3 --seed 3 --out benchmarks/results",
        "```",
        "",
        "## What is seen",
        "",
        "In these pictures and in those of real data, made by the same script and not part of this repository: slices",
        "and volumes of BraTS (three planes each), slices of people with focal cortical dysplasia, frames of CamVid.",
        "",
        SEEN,
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    (RESULTS / "paste-methods.md").write_text(page(read_json(RESULTS / "seam.json")), encoding="utf-8")
