"""Where two predictions differ is tinted: green where the arm alone is right, red where the other is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan.core.files import write_arrays
from domaingan.data import DOMAINS
from domaingan.report.person_gallery import GAINED_COLOUR, LOST_COLOUR, _draw_change, build_person_galleries

RESULT: dict[str, Any] = {"primary": {"metric": "dice:a", "arm": "gan", "against": "classic"}, "classes": {"a": 1}}


def write_pictures(run: Path) -> None:
    masks = np.zeros((1, 8, 8), dtype=np.uint8)
    arrays = {"images": np.zeros((1, 2, 8, 8), np.float16), "truth": masks, "after": masks, "before": masks}
    arrays |= {"names": np.array(["s1"]), "roles": np.array(["worst"]), "means": np.array([-0.1])}
    arrays |= {"differences": np.array([-0.2]), "trainings": np.array([[1, 3]])}
    write_arrays(run / "pictures.npz", {f"person:{name}": array for name, array in arrays.items()})


@pytest.mark.parametrize("domain", ["scan", "frame"])
def test_the_tint_says_who_is_right(domain: str) -> None:
    image = np.zeros((2 if domain == "scan" else 3, 4, 6), dtype=np.float32)
    truth = np.zeros((4, 6), dtype=np.uint8)
    after, before = truth.copy(), truth.copy()
    truth[0, 0] = after[0, 0] = 1  # the arm alone is right
    after[3, 5] = 1  # the other alone is right
    after[2, 2] = before[2, 2] = 1  # both are wrong
    drawn = _draw_change(image, truth, before, after, DOMAINS[domain])
    n_copies = 2 if domain == "scan" else 1
    colours = drawn.reshape(-1, 3)
    for colour in (GAINED_COLOUR, LOST_COLOUR):
        is_colour = (colours == np.rint(0.65 * np.array(colour))).all(axis=1)
        assert is_colour.sum() == 6 * 6 * n_copies  # one pixel, six times enlarged
    corner = drawn[-1, 0] if domain == "scan" else drawn[0, 0]  # of a scan the second axis points up
    assert corner.tolist() == np.rint(0.65 * np.array(GAINED_COLOUR)).tolist()


def test_a_person_has_five_pictures_and_a_caption(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    (gallery,) = build_person_galleries(tmp_path, RESULT | {"domain": "scan"})
    (row,) = gallery["rows"]
    assert row["caption"] == "Loses most: s1, −10.0 points (−20.0 points in the training shown, fold 1, seed 3)"
    assert [tile["caption"] for tile in row["tiles"]] == ["image", "truth", "classic", "gan", "difference"]
    assert len({tile["width"] for tile in row["tiles"]}) == 1


def test_without_pictures_or_a_comparison_there_is_none(tmp_path: Path) -> None:
    assert build_person_galleries(tmp_path, RESULT) == []
    write_pictures(tmp_path)
    assert build_person_galleries(tmp_path, RESULT | {"primary": None}) == []
