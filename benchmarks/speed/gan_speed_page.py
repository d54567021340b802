"""The numbers of ``gan_speed.py`` as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

SHAPES = {
    "64x64": "64×64, batch 64, width 64",
    "32x32x32": "32³, batch 16, width 32",
    "64x64x64": "64³, batch 8, width 32",
}
LOOPS = "loop, our networks", "loop, its own networks"

INTRO = """# How fast the GAN room is

`python -m benchmarks.gan_speed` makes this page and `gan-speed.json` beside it. On {cpu} ({instructions};
{cores} cores), PyTorch {torch}, no GPU. The sides of a table ran in turns in one process: medians of {repeat} turns, in
brackets the least and the most; ratios are those of the same turn. While they ran, other processes kept {others} of a
core busy on average, at most {most}.

## Training

A step of `domaingan train` as a user gets it (`dcgan`, non-saturating loss, 3 image and 3 mask channels, a class
condition, augmentation of image and mask, crops from a bank, averaged weights) beside the loop of PyTorch's DCGAN
example: the discriminator on real images and backwards, on generated ones and backwards, then the generator; float32,
contiguous tensors, binary cross-entropy, a DataLoader with two workers that encode the same bank. It trains our
networks, or its own (transposed convolutions, batch normalisation) at the same widths. The share of the peak is that
of the device's speed at multiplying two matrices of 3072×3072 in the same precision with as many threads; FLOP are
those of convolutions and matrix products. Memory is the process's peak, libraries and mapped files included, DataLoader
workers not.
"""

AFTER = {
    "losses": """## Losses

At 64×64, batch 64, width 64, one thread, bf16. Those with a gradient penalty go through the discriminator twice more.
""",
    "size": """## Size

Default width (32), batch 64, one thread, bf16.
""",
    "crops": """## Number of crops

64×64, default width (32), batch 64, one thread, bf16. What does not fit in memory is read ahead by another thread from
files that the system had been made to forget. *Own* memory is what the process holds; pages of files are the system's
cache, which it takes back when it needs them: before it trains, `fit` reads all crops once for their checksum.
""",
}

DRAWING = """## Drawing

`GAN.sample(512)` on one thread in float32 beside the same generator's bare forward pass for as many crops, in batches
of as many (32). Images are those that go into the bank, their masks cleaned, checked, measured and given a place;
*drawn again* are draws whose mask was not usable (the models are trained for 200 steps alone).
"""


def page(result: Mapping[str, Any]) -> str:
    """Markdown of all cells that there are."""
    cells, machine = result["cells"], result["machine"]
    busy = [cell["cores_others_used"] for cell in cells.values()]
    about = {
        "repeat": max(cell["repeat"] for cell in cells.values()),
        "instructions": ", ".join(machine["instructions"]),
    }
    about |= {"others": f"{sum(busy) / len(busy):.2f}", "most": f"{max(busy):.2f}"}
    parts = [INTRO.format(**{**machine, **about})]
    for key, title in SHAPES.items():
        for name, cell in cells.items():
            if name.partition(",")[0] == key:
                parts += [f"### {title}, {name.partition(', ')[2]}\n", _training(cell["sides"])]
    if "losses" in cells:
        parts += [AFTER["losses"], _plain(cells["losses"]["sides"], "loss", "nonsaturating")]
    drawn = {name.partition(", ")[2]: cell["sides"] for name, cell in cells.items() if name.startswith("sample")}
    if drawn:
        parts += [DRAWING, _drawing(drawn)]
    for name, first in (("size", "32"), ("crops", "100, in memory")):
        if name in cells:
            parts += [AFTER[name], _plain(cells[name]["sides"], name, first)]
    return "\n".join(parts)


def _training(sides: Mapping[str, Any]) -> str:
    head = ["", "images/s", "× loop, our networks", "× loop, its own", "GFLOP/image", "share of peak"]
    weighed = any("gib" in side for side in sides.values())
    rows = []
    for name, side in sides.items():
        if name.startswith("matmul"):
            continue
        peak = "matmul, bf16" if name.endswith("bf16") else "matmul, float32"
        row = [name, _rate(side), *(_ratio(side, sides[loop]) for loop in LOOPS)]
        row += [f"{side['flop'] / side['images'] / 1e9:.2f}", f"{_flops(side) / _flops(sides[peak]):.0%}"]
        rows.append(row + ([f"{side['gib']['peak']:.2f}"] if weighed else []))
    peaks = [
        f"{name.partition(', ')[2]} {_flops(sides[name]) / 1e9:,.0f}" for name in sides if name.startswith("matmul")
    ]
    return _table(head + ["peak GiB"] * weighed, rows) + f"\nPeak, GFLOP/s: {'; '.join(peaks)}.\n"


def _plain(sides: Mapping[str, Any], what: str, first: str) -> str:
    head = [what, "ms/step", f"time, {first} = 1", "images/s"]
    weighed = any("gib" in side for side in sides.values())
    rows = []
    for name, side in sides.items():
        milliseconds = [1e3 * seconds for seconds in side["seconds"]]
        row = [name, _spread(milliseconds, ".0f"), _ratio(sides[first], side), _rate(side)]
        rows.append(row + ([f"{side['gib']['own']:.2f}", f"{side['gib']['files']:.2f}"] if weighed else []))
    return _table(head + ["own GiB", "files GiB"] * weighed, rows)


def _drawing(cells: Mapping[str, Any]) -> str:
    head = ["generator", "sample, images/s", "forward, images/s", "share", "drawn again"]
    rows = [
        [name, _rate(sides["sample"]), _rate(sides["forward"]), _ratio(sides["sample"], sides["forward"]), again]
        for name, sides in cells.items()
        for again in [str(sum(sides["sample"]["notes"].values()))]
    ]
    return _table(head, rows)


def _flops(side: Mapping[str, Any]) -> float:
    return side["flop"] / median(side["seconds"])


def _rate(side: Mapping[str, Any]) -> str:
    return _spread([side["images"] / seconds for seconds in side["seconds"]])


def _ratio(side: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """How many times faster a side is than another one."""
    if side is other:
        return "1"
    return _spread([b / a for a, b in zip(side["seconds"], other["seconds"], strict=True)], ".2f")


def _spread(values: Sequence[float], digits: str = "") -> str:
    digits = digits or (".1f" if median(values) < 100 else ".0f")
    return f"{median(values):{digits}} ({min(values):{digits}}–{max(values):{digits}})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
