"""Tiles, contact sheets and PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from domaingan.core.errors import DataError
from domaingan.core.tiles import (
    PALETTE,
    PAPER_COLOUR,
    _shorten_caption,
    add_legend,
    draw_tile,
    make_contact_sheet,
    save_png,
)


def test_a_scan_is_turned_so_that_y_points_up() -> None:
    image = np.zeros((1, 4, 6), dtype=np.float32)
    image[0, 1, 5] = 1.0  # x = 1, the largest y
    picture = draw_tile(image)
    assert picture.shape == (6, 4, 3)
    assert picture[0, 1].tolist() == [255, 255, 255] and picture.sum() == 3 * 255


def test_channels_lie_side_by_side_or_one_is_chosen() -> None:
    image = np.stack([np.zeros((4, 6)), np.ones((4, 6))])
    assert draw_tile(image).shape == (6, 8, 3)
    assert (draw_tile(image, channel=1) == 255).all()


def test_a_frame_is_shown_as_it_is() -> None:
    image = np.zeros((3, 4, 6), dtype=np.float32)
    image[0, 0, 5] = 2.0
    picture = draw_tile(image, domain="frame")
    assert picture.shape == (4, 6, 3) and picture[0, 5].tolist() == [255, 0, 0]


def test_each_class_has_an_outline_of_its_colour_and_keeps_its_inside() -> None:
    mask = np.zeros((12, 12), dtype=np.uint8)
    mask[1:6, 1:6], mask[7:11, 7:11] = 1, 2
    picture = draw_tile(np.full((1, 12, 12), 0.5), mask, domain="frame")
    assert picture[1, 3].tolist() == list(PALETTE[0]) and picture[7, 7].tolist() == list(PALETTE[1])
    assert picture[3, 3].tolist() == [128, 128, 128] and picture[0, 0].tolist() == [128, 128, 128]
    zoomed = draw_tile(np.full((1, 12, 12), 0.5), mask, domain="frame", zoom=3)
    assert zoomed.shape == (36, 36, 3) and zoomed[4, 9].tolist() == [128, 128, 128]


def test_of_a_volume_the_middle_of_the_mask_is_shown() -> None:
    image = np.zeros((1, 8, 8, 8), dtype=np.float32)
    image[..., 6] = 1
    mask = np.zeros((8, 8, 8), dtype=np.uint8)
    mask[4, 4, 5:8] = 1
    assert (draw_tile(image, mask) == 255).any() and not draw_tile(image).any()
    assert draw_tile(image, slice_index=6).all()


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(DataError, match=r"mask \(3, 3\)"):
        draw_tile(np.zeros((1, 4, 4)), np.zeros((3, 3)))


def test_a_contact_sheet_has_room_for_every_tile() -> None:
    tiles = [np.full((10, 20, 3), value, dtype=np.uint8) for value in (10, 20, 30)]
    sheet = make_contact_sheet(tiles, columns=2, gap=2)
    assert sheet.shape == (2 * 12 + 2, 2 * 22 + 2, 3)
    assert [int((sheet == value).sum()) for value in (10, 20, 30)] == [600, 600, 600]
    with_captions = make_contact_sheet(tiles, 2, ["enhancing tumour of a long name", "b", ""])
    assert with_captions.shape[0] > sheet.shape[0] and with_captions.shape[1] == sheet.shape[1]
    with pytest.raises(DataError):
        make_contact_sheet(tiles, 2, ["only one"])
    with pytest.raises(DataError):
        make_contact_sheet([], 2)


def test_a_column_is_as_wide_as_its_widest_tile() -> None:
    wide, narrow = np.zeros((10, 40, 3), dtype=np.uint8), np.zeros((10, 12, 3), dtype=np.uint8)
    assert make_contact_sheet([wide, narrow, wide, narrow], columns=2, gap=2).shape == (2 * 12 + 2, 2 + 42 + 14, 3)
    uneven = make_contact_sheet([wide, narrow], columns=1, gap=2)
    assert uneven[14:24, 14:42].max() < 50  # beside the narrow one it is dark, not white


def test_a_tile_has_the_height_asked_for_and_keeps_its_shape() -> None:
    image = np.zeros((1, 20, 10), dtype=np.float32)
    image[0, 3, 4] = 1
    grown = draw_tile(image, domain="frame", height=100)
    assert grown.shape == (100, 50, 3) and grown.sum() == 25 * 3 * 255  # each pixel stays a square of 5 × 5
    assert draw_tile(image, domain="frame", height=10).shape == (10, 5, 3)


def test_what_was_pasted_has_a_solid_outline_with_a_rim_and_the_rest_a_dashed_one() -> None:
    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[2:18, 2:18], mask[22:38, 22:38] = 1, 1
    added = np.zeros((40, 40), dtype=bool)
    added[22:38, 22:38] = True
    picture = draw_tile(np.zeros((1, 40, 40)), mask, domain="frame", pasted_mask=added)
    coloured = (picture == PALETTE[0]).all(axis=-1)
    assert coloured[22, 22:38].all() and 4 <= coloured[2, 2:18].sum() <= 12
    rim = (picture == PAPER_COLOUR).all(axis=-1)
    assert rim[21, 22:38].all() and not rim[:20, :20].any()


def test_a_legend_names_each_class_in_its_colour() -> None:
    sheet = np.zeros((20, 300, 3), dtype=np.uint8)
    with_names = add_legend(sheet, {"background": 0, "oedema": 1, "enhancing": 2}, "dashed: labelled before")
    assert with_names.shape[0] > 20 and (with_names[:20] == 0).all()
    below = with_names[20:].reshape(-1, 3).tolist()
    assert list(PALETTE[0]) in below and list(PALETTE[1]) in below and list(PALETTE[2]) not in below


def test_a_png_file_holds_the_picture(tmp_path: Path, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (5, 7, 3), dtype=np.uint8)
    path = save_png(picture, tmp_path / "new" / "a.png")
    assert (np.asarray(Image.open(path)) == picture).all()
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


def test_a_caption_that_is_cut_still_names_the_donor() -> None:
    font = ImageFont.load_default(size=11)
    assert _shorten_caption("oedema, from p1", 400, font) == "oedema, from p1"
    cut = _shorten_caption("dysplasia, from case_0043", 110, font)
    assert cut.endswith("…, case_0043") and font.getlength(cut) <= 110 and cut.startswith("dys")
    assert _shorten_caption("one of many words", 40, font).endswith("…")
