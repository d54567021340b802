"""Where an object goes in a frame: worked examples of sizes, borders, and what is visible."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan.blend.frame.frame_place import (
    MAX_COLUMN_TRIES,
    GroundPosition,
    GroundSampler,
    _compute_max_iou,
    find_visible,
)
from domaingan.imaging.instances import Objects

MASK = np.ones((40, 60), dtype=np.uint8)
CROP: Any = SimpleNamespace(index=0)


class Ground:
    """Everything below a row is ground."""

    def __init__(self, first: int = 0, share: float = 1.0) -> None:
        self.first = first
        self.share = share

    def find_pixels(self, mask: NDArray[Any], first: int, last: int, value: int) -> NDArray[np.bool_]:
        rows = np.arange(first, last + 1)
        return np.repeat(rows[:, None] >= self.first, mask.shape[1], axis=1)

    def is_unknown_for(self, value: int) -> bool:
        return False

    def compute_share(self, *_: object) -> float:
        return self.share


class View:
    """Objects stand in rows from half of the frame's height, and are as large as in their own frame."""

    def __init__(self, *cut_sides: bool, low: float = 0.5, high: float = 1.0) -> None:
        self.cut_sides = np.array([cut_sides or (False,) * 4])
        self.class_values = np.array([2])
        self.rows = (low, high)
        self.scales: list[tuple[float, float]] = []

    def find_row_range(self, index: int, low: float, high: float, horizon: float | None) -> tuple[float, float]:
        self.scales.append((low, high))
        return self.rows

    def compute_scale(self, index: int, row: float, horizon: float | None) -> float:
        return 2 * row


def make_sampler(view: View, ground: Ground | None = None, *, flip: bool = False) -> GroundSampler:
    return GroundSampler(view, ground or Ground(), flip, (0.5, 2.0))  # type: ignore[arg-type]


def test_sizes_vary_by_a_tenth_either_way(rng: np.random.Generator) -> None:
    sampler = make_sampler(View())
    jitters = []
    for _ in range(300):
        position = sampler.draw_position(CROP, MASK, None, 9.0, rng)
        assert position is not None
        assert 20 <= position.contact_row < 40 and len(position.columns) == MAX_COLUMN_TRIES == 12
        jitters.append(np.log(position.scale / (2 * (position.contact_row + 1) / 40)))
    assert min(jitters) == pytest.approx(-0.1, abs=0.01) and max(jitters) == pytest.approx(0.1, abs=0.01)
    assert abs(np.mean(jitters)) < 0.015


def test_a_crop_is_not_magnified_beyond_its_sharpness(rng: np.random.Generator) -> None:
    view = View()
    make_sampler(view).draw_position(CROP, MASK, None, 1.0, rng)
    ((low, high),) = view.scales
    assert low == 0.5 and np.exp(-0.1) <= high <= np.exp(0.1)
    make_sampler(view).draw_position(CROP, MASK, None, 9.0, rng)
    assert view.scales[1] == (0.5, 2.0)
    assert make_sampler(view).draw_position(CROP, MASK, None, 0.4, rng) is None


def test_rows_are_those_whose_lower_edge_is_in_range(rng: np.random.Generator) -> None:
    rows = set()
    for _ in range(60):
        position = make_sampler(View(low=0.5, high=0.6)).draw_position(CROP, MASK, None, 9.0, rng)
        assert position is not None
        rows.add(position.contact_row)
    assert rows == {20, 21, 22, 23}
    assert make_sampler(View(), Ground(first=40)).draw_position(CROP, MASK, None, 9.0, rng) is None
    assert make_sampler(View(low=0.7, high=0.6)).draw_position(CROP, MASK, None, 9.0, rng) is None


def test_what_the_lower_border_cut_goes_there_again(rng: np.random.Generator) -> None:
    sampler = make_sampler(View(False, True, False, False))
    position = sampler.draw_position(CROP, MASK, None, 9.0, rng)
    assert position is not None and position.contact_row == 39
    assert np.exp(-0.1) <= position.scale <= np.exp(0.1)
    assert sampler.draw_position(CROP, MASK, None, 0.8, rng) is None  # smaller it would show its cut


@pytest.mark.parametrize(("side", "column"), [(2, 0), (3, 59)])
def test_what_a_side_cut_goes_there_again(side: int, column: int, rng: np.random.Generator) -> None:
    cut = [False] * 4
    cut[side] = True
    position = make_sampler(View(*cut)).draw_position(CROP, MASK, None, 9.0, rng)
    assert position is not None and set(position.columns) == {column}
    assert position.cut_sides == tuple(cut[i] for i in (0, 2, 3))


def test_half_of_the_crops_are_mirrored_and_their_cuts_with_them(rng: np.random.Generator) -> None:
    sampler = make_sampler(View(False, False, True, False), flip=True)
    flips = 0
    for _ in range(200):
        position = sampler.draw_position(CROP, MASK, None, 9.0, rng)
        assert position is not None
        assert position.cut_sides == (False, not position.flip, position.flip)
        flips += position.flip
    assert flips == pytest.approx(100, abs=25)


def place(body: NDArray[np.bool_], share: float = 1.0, column: int = 25, **changes: Any) -> list[int] | None:
    known: dict[str, Any] = {
        "contact_row": 30,
        "columns": np.array([25]),
        "scale": 1.0,
        "flip": False,
        "cut_sides": (False, False, False),
    }
    position = GroundPosition(**(known | changes))
    corner = make_sampler(View(), Ground(share=share)).find_corner(body, position, column, MASK, 2)
    return None if corner is None else corner.tolist()


def test_the_middle_of_the_base_goes_where_it_should() -> None:
    body = np.zeros((24, 20), dtype=bool)
    body[2:22, 4:8] = True
    body[2:20, 8:18] = True
    # The lowest tenth, two rows and one, is columns 4 to 7 and what hangs above: its middle counts.
    assert place(body) == [30 - 21, 25 - 10]
    body[19, 8:18] = False
    assert place(body) == [30 - 21, 25 - 5]


def test_at_least_half_of_the_base_stands_on_its_ground() -> None:
    body = np.ones((10, 10), dtype=bool)
    assert place(body, 0.5) == [21, 21]
    assert place(body, 0.49) is None


def test_sides_that_were_cut_lie_at_the_border() -> None:
    body = np.zeros((12, 12), dtype=bool)
    body[1:11, 2:9] = True
    assert place(body, cut_sides=(False, True, False)) == [20, -2]
    assert place(body, cut_sides=(False, False, True)) == [20, 59 - 8]
    assert place(body, cut_sides=(True, False, False)) is None
    assert place(body, cut_sides=(True, False, False), contact_row=9) == [-1, 25 - 5]
    assert place(body, cut_sides=(False, True, True)) is None
    exact = np.ones((10, 60), dtype=bool)
    assert place(exact, column=29, cut_sides=(False, True, True)) == [21, 0]
    assert place(exact, column=28, cut_sides=(False, True, True)) is None
    assert place(exact, column=30, cut_sides=(False, True, True)) is None
    wide = np.ones((10, 80), dtype=bool)
    assert place(wide, cut_sides=(False, True, True)) == [21, 25 - 39]


def make_objects(*boxes: tuple[int, int, int, int]) -> Objects:
    instances = np.zeros((40, 60), dtype=np.int32)
    for number, (left, top, right, bottom) in enumerate(boxes, start=1):
        instances[top:bottom, left:right] = number
    return Objects(instances, np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 2))


def count_visible(body: NDArray[np.bool_], corner: tuple[int, int], *boxes: tuple[int, int, int, int]) -> int | None:
    visible = find_visible(body, np.array(corner), make_objects(*boxes))
    return None if visible is None else int(visible.sum())


def test_nearer_objects_stay_in_front() -> None:
    body = np.ones((10, 10), dtype=bool)
    assert count_visible(body, (20, 20)) == 100
    assert count_visible(body, (20, 20), (24, 20, 60, 31)) == 40
    assert count_visible(body, (20, 20), (24, 20, 60, 30)) == 100


def test_half_of_an_object_lies_in_the_frame_and_twelve_pixels_are_visible() -> None:
    assert count_visible(np.ones((10, 10), dtype=bool), (-5, 20)) == 50
    assert count_visible(np.ones((10, 10), dtype=bool), (-6, 20)) is None
    assert count_visible(np.ones((3, 4), dtype=bool), (20, 20)) == 12
    assert count_visible(np.ones((1, 11), dtype=bool), (20, 20)) is None


def test_boxes_do_not_overlap_by_more_than_half() -> None:
    body = np.ones((10, 10), dtype=bool)
    assert count_visible(body, (20, 20), (20, 15, 30, 28)) is None  # 80 of 150
    assert count_visible(body, (20, 20), (20, 14, 30, 27)) == 100  # 70 of 160
    box = np.array([0, 0, 10, 10], np.float32)
    assert _compute_max_iou(box, np.array([[5, 0, 15, 10], [20, 0, 30, 10]], np.float32)) == pytest.approx(1 / 3)
    assert _compute_max_iou(box, np.zeros((0, 4), np.float32)) == 0
