from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.body import find_body, is_hounsfield
from domaingan.imaging.constant_frames import find_frames

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


def ellipsoid(shape: tuple[int, ...], share: float) -> Mask:
    """An ellipsoid whose semi-axes are a share of half of the shape."""
    scaled = [(np.arange(n) - (n - 1) / 2) / (share * n / 2) for n in shape]
    return sum(g**2 for g in np.meshgrid(*scaled, indexing="ij")) <= 1  # type: ignore[no-any-return]


def make_ct(shape: tuple[int, int, int] = (60, 56, 12), *, lungs: bool = False) -> tuple[Array, Mask]:
    """A trunk along the last axis in Hounsfield units: fat around soft tissue, a vertebra, noise everywhere."""
    rng = np.random.default_rng(5)
    slab = ellipsoid(shape[:2], 0.7)
    soft = ndimage.binary_erosion(slab, iterations=2)
    plane = np.where(slab, np.where(soft, 45, -95), -1000)
    plane[28:33, 38:42] = 600
    if lungs:
        plane[18:25, 22:32] = -860
        plane[36:43, 22:32] = -860
    image = np.repeat(plane[..., None], shape[2], axis=2) + 12 * rng.normal(size=shape)
    return image.astype(np.float32), np.repeat(slab[..., None], shape[2], axis=2)


def make_mr(shape: tuple[int, int, int] = (44, 52, 40)) -> tuple[Array, Mask]:
    """A head in Rician noise: bright scalp, black skull, brain with dark ventricles."""
    rng = np.random.default_rng(6)
    head = ellipsoid(shape, 0.86)
    image = np.where(head, 800.0, 0.0)
    image[ndimage.binary_erosion(head, iterations=2)] = 12
    image[ndimage.binary_erosion(head, iterations=4)] = 380
    image[ellipsoid(shape, 0.2)] = 70
    noise = 7 * rng.normal(size=(2, *shape))
    return np.hypot(image + noise[0], noise[1]).astype(np.float32), head


def assert_body(image: Array, body: Mask, *, tolerance: float = 0.01) -> None:
    found = find_body(image if image.ndim > body.ndim else image[None])
    assert (found & ~body).sum() <= tolerance * body.sum()
    assert (body & ~found).sum() <= tolerance * body.sum()


def pad(array: NDArray[np.generic], value: float, width: object = 6) -> NDArray[np.generic]:
    return np.pad(array, width, constant_values=value)  # type: ignore[call-overload,no-any-return]


def outside_circle(image: Array, share: float, value: float) -> Array:
    grid = [np.arange(n) - (n - 1) / 2 for n in image.shape[:2]]
    radius = share * min(image.shape[:2]) / 2
    circle = grid[0][:, None] ** 2 + grid[1][None] ** 2 <= radius**2
    return np.where(circle[..., None], image, np.float32(value))


@pytest.mark.parametrize("value", [0, -1024, -2000, -3024])
@pytest.mark.parametrize("lungs", [False, True])
@pytest.mark.parametrize("share", [0.96, 1.15])
def test_padding_outside_a_round_field_of_view_says_nothing_of_the_body(
    value: float, lungs: bool, share: float
) -> None:
    image, body = make_ct(lungs=lungs)
    assert_body(outside_circle(image, share, value), body)


@pytest.mark.parametrize("value", [0, -1024, -2000])
@pytest.mark.parametrize("width", [5, ((0, 9), (0, 0), (0, 0)), ((0, 0), (4, 0), (2, 3))])
def test_a_box_that_is_padded_holds_air_and_body(value: float, width: object) -> None:
    image, body = make_ct()
    assert_body(pad(image, value, width), pad(body, False, width))
    head, shape = make_mr()
    assert_body(pad(head, value, width), pad(shape, False, width))


@pytest.mark.parametrize(("outer", "inner"), [(0, -2000), (-3024, 0), (-1024, -2000)])
def test_a_frame_in_a_frame(outer: float, inner: float) -> None:
    image, body = make_ct()
    assert_body(pad(outside_circle(image, 0.96, inner), outer), pad(body, False))
    assert_body(pad(pad(image, inner, 3), outer, 3), pad(body, False))


def test_channels_may_be_padded_with_values_of_their_own() -> None:
    image, body = make_mr()
    both = np.stack([pad(image, 0), pad(2 * image + 30, -9)]).astype(np.float32)
    assert_body(both, pad(body, False))


def test_a_stripped_scan_is_all_body_inside_its_frames() -> None:
    image, head = make_mr()
    brain = ndimage.binary_erosion(head, iterations=4)
    stripped = np.where(brain, image, 0).astype(np.float32)
    normalised = np.where(brain, (image - image[brain].mean()) / image[brain].std(), 0).astype(np.float32)
    assert (normalised[brain] < 0).any() and (normalised[brain] > 0).any()
    for scan in (stripped, normalised):
        assert (find_body(scan[None]) == brain).all()
        assert (find_body(pad(scan, -7)[None]) == pad(brain, False)).all()
    box = ndimage.find_objects(brain.astype(np.uint8))[0]
    assert (find_body(stripped[box][None]) == brain[box]).all()


def test_a_bright_lesion_is_not_the_body_of_a_stripped_brain() -> None:
    brain, lesion = ellipsoid((48, 52, 40), 0.8), ellipsoid((48, 52, 40), 0.2)
    texture = np.random.default_rng(12).normal(0, 5, brain.shape)
    for bright in (150, 300, 900):  # three times its surroundings, and more
        image = np.where(lesion, bright, 100 + texture) * brain
        assert (find_body(image[None].astype(np.float32)) == brain).all()


@pytest.mark.parametrize("padding", [None, -3024, -2000])
def test_the_fat_of_a_ct_in_air_of_one_value_is_body(padding: int | None) -> None:
    image, body = make_ct()
    image = np.where(body, image, -1000)
    image = image if padding is None else pad(image, padding, 6)
    assert_body(image.astype(np.float32), body if padding is None else pad(body, False, 6))


def test_a_patch_without_air_is_all_body() -> None:
    head, _ = make_mr()
    abdomen, _ = make_ct()
    for patch in (head[14:28, 18:34, 14:26], abdomen[22:38, 20:34], np.rint(abdomen[24:36, 10:44])):
        assert find_body(patch[None]).all()
        assert (find_body(pad(patch, 0, 3)[None]) == pad(np.ones(patch.shape, dtype=bool), False, 3)).all()


def test_lung_that_the_border_of_a_patch_cuts_is_body() -> None:
    image, _ = make_ct(lungs=True)
    assert find_body(image[20:41, 24:34][None]).all()


@pytest.mark.parametrize("scale", [1.0, 1 / 2000])
def test_a_patch_at_the_skin_is_air_and_body(scale: float) -> None:
    image, body = make_ct()
    assert_body(((image + 1000 * (scale < 1)) * scale)[4:30, 14:40], body[4:30, 14:40])
    head, shape = make_mr()
    assert_body(head[:20, 12:40, 10:30], shape[:20, 12:40, 10:30])


@pytest.mark.parametrize("gap", [-1, 0, 3])
def test_a_table_is_no_part_of_the_body(gap: int) -> None:
    image, body = make_ct()
    lowest = int(np.flatnonzero(body.any(axis=(0, 2)))[-1]) + 1
    table = image.copy()
    slab = (slice(6, 54), slice(lowest + gap, lowest + gap + 3))
    table[slab] = np.where(body[slab], table[slab], -180)
    assert_body(table, body, tolerance=0.02)


def test_two_legs_are_both_body() -> None:
    rng = np.random.default_rng(7)
    leg = ellipsoid((40, 40), 0.7)
    legs = np.concatenate([leg, leg[2:-2]])
    image = np.hypot(600 * legs + 8 * rng.normal(size=legs.shape), 8 * rng.normal(size=legs.shape))
    assert_body(image.astype(np.float32), legs)


def test_a_head_whose_skull_parts_brain_from_scalp_is_whole() -> None:
    image, head = make_mr()
    assert_body(image, head)
    assert_body(image[18:], head[18:])
    assert_body(image[..., 18:23], head[..., 18:23])


def test_air_that_is_clipped_is_not_parted_from_its_own_noise() -> None:
    image, body = make_ct()
    noisy = image + np.where(body, 0, 40 * np.random.default_rng(8).normal(size=body.shape))
    assert_body(np.clip(noisy, -1024, 3071).astype(np.float32), body)
    head, shape = make_mr()
    assert_body(np.rint(head / 12).astype(np.float32), shape)


def test_frames_are_flat_and_reach_the_border() -> None:
    image = np.random.default_rng(9).integers(0, 3, (1, 30, 30)).astype(np.float32)
    assert not find_frames(image).any()  # a third of it is of one value, but nowhere a block
    image[0, 10:20, 10:20] = 0
    assert not find_frames(image).any()
    image[0, :5] = 0
    found = find_frames(image)
    assert found[:5].all() and not found[10:20, 10:20].any()


@pytest.mark.parametrize("value", [0, -1000, 3.5])
def test_what_is_of_one_value_shows_no_body(value: float) -> None:
    for shape in ((1, 6, 6), (2, 8, 8, 4)):
        assert not find_body(np.full(shape, value, dtype=np.float32)).any()
    two = np.stack([np.full((20, 20), value), np.random.default_rng(0).uniform(300, 400, (20, 20))])
    assert find_body(two.astype(np.float32)).all()  # the other channel shows something


def test_noise_alone_is_all_body() -> None:
    noise = np.abs(np.random.default_rng(1).normal(size=(1, 20, 20, 20))).astype(np.float32)
    assert find_body(noise).all()


def test_what_is_hounsfield() -> None:
    ct, _ = make_ct()
    head, _ = make_mr()
    assert is_hounsfield(ct.ravel())
    assert is_hounsfield(np.rint(ct[22:38, 8:34]).ravel())  # a patch without air, but with fat
    assert not is_hounsfield(head.ravel())
    assert not is_hounsfield(((head - head.mean()) / head.std()).ravel())
    assert not is_hounsfield(((ct + 1000) / 2000).ravel())
    assert not is_hounsfield(np.array([]))


def test_a_slice_may_show_little_of_the_body(rng: np.random.Generator) -> None:
    top = ellipsoid((80, 90), 0.14)
    image = np.hypot(400 * top + 7 * rng.normal(size=top.shape), 7 * rng.normal(size=top.shape)).astype(np.float32)
    assert_body(image, top)
    assert_body(pad(image, 0), pad(top, False))


@pytest.mark.parametrize("scale", [1.0, 1 / 400])
def test_what_is_dark_but_above_its_frame_is_body(scale: float) -> None:
    image, body = make_ct()
    window = (np.clip(image, -160, 240) + 160 * (scale < 1)) * scale
    assert_body(window.astype(np.float32), body)  # the fat of a window of a CT
    fluid = ellipsoid((60, 60), 0.7)
    brain = ndimage.binary_erosion(fluid, iterations=2)
    noise = np.random.default_rng(2).normal(size=fluid.shape)
    flair = np.where(brain, 400 + 20 * noise, np.where(fluid, 70 + 8 * noise, 0)).astype(np.float32)
    assert_body(flair * np.float32(scale), fluid)


def test_zeros_around_air_of_any_shape() -> None:
    image, head = make_mr((64, 72, 60))
    for around in (ellipsoid(image.shape, 1.0), ellipsoid(image.shape[:2], 1.05)[..., None]):
        assert_body(np.where(around, image, 0).astype(np.float32), head & around)


def test_bone_in_soft_tissue_is_not_all_of_the_body(rng: np.random.Generator) -> None:
    patch = (50 + 19 * rng.normal(size=(24, 24, 24))).astype(np.float32)
    patch[9:14, 9:14] = 700
    assert find_body(patch[None]).all()
