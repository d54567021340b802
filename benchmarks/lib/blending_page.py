"""The numbers of ``poisson.py``, ``paste.py``, ``paste_volume.py`` and ``relight.py`` as a page.

    python -m benchmarks.blending_page

Reads results/poisson.json, paste.json, paste-volume.json and relight.json, and writes results/blending.md.
"""

from __future__ import annotations

from typing import Any

from benchmarks.lib.timing import RESULTS, table
from domaingan.core.reading import read_json

Row = dict[str, Any]

INTRO = """# How fast the blending room is, and how near a look comes

{cpu}, one thread but where it is said.
How often a paste is told from a real object stands on the [page of methods](paste-methods.md), what a segmenter learns
from it on [another](paste-outcome.md).
"""

FRAMES = """## Poisson, frames

Three 8-bit channels, `cv2.seamlessClone` beside ours, medians of {repeats} turns, milliseconds, as many threads as each
library takes on {cores} cores. *Rectangle*: the equation on the whole patch, as OpenCV solves it, by sine transforms.
*Mask*: on the mask alone, with unknowns beside its boundary, so that no host pixel outside it changes: this is what
`poisson` does, and what it costs, the ramp around the mask included. *Residual*: root mean square of the discrete
equation, in grey levels; in 8 bits it is that of rounding.
*Changed outside*: host pixels in the rectangle and not in the mask, mean and largest change in grey levels.
"""

WORKERS = """Two processes that blend at once, as a DataLoader's workers do; the slower one's medians, milliseconds.
"""

VOLUMES = """## Poisson, volumes

Beside `scipy.sparse.linalg.cg` on the same system in {cg_type}, stopped at the same residual.
"""

SPEED = """## Paste as a transform

Images a second of one core at 512×512 in CPU seconds, in the fastest and the median of the turns, as other work may
run beside; `feather`, crops of 64 pixels. `OverlayElements` puts a crop where it is told to, with a hard edge; it looks
for no place, matches nothing and leaves boxes alone. `CutMixd` puts rectangles of a batch's images into each other.
"""

TRAINING = """Into every frame of a training step (BasicUNet, batch {batch} of 256×256, two workers, {steps} steps):
{without} s a step without, {pasting} s with, {added} % more; in CPU seconds of the workers beside those of the step
{cpu} % more.
"""

PASTE_VOLUMES = """## Paste into volumes

CPU seconds of one thread a scan in MONAI, medians of {repeats} turns, on BraTS's scans (two channels and labels) and
the patches in their middle; objects of 20 to 50 mm, turned and resized by cubic splines, which is most of what is left.
*Again*: the same scan in a later epoch, whose body is known by then.
"""

MEMORY = """## Memory

What a DataLoader's worker that pastes from a bank of {crops:,} crops on disk (3 GB) has for itself after {draws}
pastes, beyond one that pastes nothing, in MB. *Its own* is what cannot be given back; *pages of files* are of the bank
and of libraries, mapped by this process alone, and the kernel drops them when memory is short. The bank opens in
{open} s.
"""

LOOKS = """## Looks

{frames} frames of CamVid by day are relit from dusk frames ({size} pixels) of one half of a drive, {halves} of them,
and their kernel inception distance to the dusk frames of the other half is measured, both ways
({features}).
*Closed*: the share of the distance between day and dusk that this takes away. Dusk frames of the one half lie
{real:.0f} % nearer to those of the other than the day frames do: what comes near to that has the look.
"""

COMMANDS = """```
python -m benchmarks.poisson
python -m benchmarks.paste
python -m benchmarks.paste_volume brats
python -m benchmarks.relight camvid lighting=day lighting=dusk
python -m benchmarks.blending_page
```"""


def poisson(kept: Row) -> list[str]:
    """Both tables of the solver."""
    rows = []
    for row in kept["frames"]:
        ms, residual, outside = row["ms"], row["residual"], row["changed_outside_mask"]
        changed = (f"{outside[side]['mean']:.1f}, {outside[side]['max']:.0f}" for side in outside)
        rows.append(
            [
                f"{row['edge']}²",
                *(f"{ms[side]:.2f}" for side in ms),
                f"{row['faster']:.1f} ×",
                f"{row['faster_on_mask']:.2f} ×",
                " / ".join(f"{value:.2g}" if value < 0.1 else f"{value:.3f}" for value in residual.values()),
                *changed,
            ]
        )
    sides = ["seamlessClone", "rectangle", "mask"]
    head = ["patch", *sides, "rectangle faster", "mask faster", "residual: theirs / ours in 8 bits / in float32"]
    frames = table([*head, *(f"changed outside: {side}" for side in sides)], rows)
    solids = [
        [
            name,
            f"{row['unknowns']:,}",
            *(f"{row['ms'][side]:.1f}" for side in ("cg", "ours")),
            f"{row['faster']:.1f} ×",
            f"{row['residual_cg']:.1e} / {row['residual_ours']:.1e}",
        ]
        for name, row in kept["volumes"].items()
    ]
    volumes = table(["domain", "unknowns", "cg, ms", "ours, ms", "faster", "residual: theirs / ours"], solids)
    kind = next(iter(kept["volumes"].values()))["cg_type"]
    at_once = [[f"{row['edge']}²", *(f"{value:.2f}" for value in row["ms"].values())] for row in kept["workers"]]
    workers = table(["patch", "seamlessClone", "mask"], at_once)
    said = FRAMES.format(repeats=kept["repeats"], cores=kept["machine"]["cores"])
    return [said, frames, "", WORKERS, workers, "", VOLUMES.format(cg_type=kind), volumes]


def paste(kept: Row) -> list[str]:
    """Images a second, what pasting adds to a step, and memory."""
    rates = [[name, *rate.values()] for name, rate in kept["speed"].items()]
    step, memory = kept["training"], kept["memory"]
    said = TRAINING.format(
        batch=step["batch"],
        steps=step["steps"],
        without=step["seconds_a_step"]["without"],
        pasting=step["seconds_a_step"]["with"],
        added=step["added_percent"],
        cpu=step["added_percent_of_cpu"],
    )
    sizes = [[way, memory[way]["private_dirty"], memory[way]["private_clean"]] for way in ("fork", "spawn")]
    return [
        SPEED,
        table(["transform", "fastest", "median"], rates),
        "",
        said,
        MEMORY.format(crops=memory["crops"], draws=memory["draws"], open=memory["seconds_to_open"]),
        table(["workers started by", "its own", "pages of files"], sizes),
    ]


def paste_volumes(kept: Row) -> list[str]:
    """Each transform on whole volumes and on patches."""
    rows = [[row["size"], row["transform"], f"{row['new']:.2f}", f"{row['again']:.2f}"] for row in kept["rows"]]
    said = PASTE_VOLUMES.format(repeats=kept["repeats"] - 1)
    return [said, table(["scan", "transform", "a new scan", "again"], rows)]


def looks(kept: Row) -> list[str]:
    """Every look at every strength."""
    rows: dict[str, dict[float, Row]] = {}
    for row in kept["rows"]:
        if row["strength"]:
            rows.setdefault(row["method"], {})[row["strength"]] = row
    strengths = sorted({strength for row in rows.values() for strength in row})
    lines = [[f"`{name}`", *(f"{100 * row[s]['closed']:.0f} %" for s in strengths)] for name, row in rows.items()]
    real = next(row["closed"] for row in kept["rows"] if row["strength"] is None)
    said = LOOKS.format(
        frames=kept["frames"],
        halves=" and ".join(map(str, kept["halves"])),
        size=kept["scene_size"],
        features=kept["features"],
        real=100 * real,
    )
    return [said, table(["closed, by strength", *map(str, strengths)], lines)]


def main() -> None:
    """Write the page."""
    solver, transform, look = (read_json(RESULTS / f"{name}.json") for name in ("poisson", "paste", "relight"))
    volume = read_json(RESULTS / "paste-volume.json")
    parts = [
        INTRO.format(cpu=solver["machine"]["cpu"]),
        *poisson(solver),
        "",
        *paste(transform),
        "",
        *paste_volumes(volume),
        "",
        *looks(look),
        "",
        COMMANDS,
    ]
    (RESULTS / "blending.md").write_text("\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
