"""The same seed gives the same picture in every release: what each corruption made of one picture once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan.corruptions import CORRUPTIONS, corrupt
from domaingan.corruptions.frost import make_pane

PICTURES = {
    "gaussian_noise": "a6b4004ca8a9ff6666ea7e545e7a8d1dffbdae6f140004ed8d4faf687ca8c2db007243ffa76829462cac404fef",
    "shot_noise": "66cc000099ff999933663366ff33cc6699ff99336633ff99cccc6666ff66339966339999ff33009966ffff9999",
    "impulse_noise": "9f7c00338bd8d27521ff86006f829364ffa5c66b230000e3a874ff8f7b6c99ff004200e0c25e1a5c00b7738795",
    "defocus_blur": "8c7e726384a29f7c5c6f829477818b75838e9b785d6389a68f7b6c887d758a7b71688ca599735972879579848b",
    "glass_blur": "88786f3159a5836b664c6597656e875e6685c6934f3b71b5948672a08f709085754f7eaeab986f566d96506b99",
    "motion_blur": "6b92a87b6e729c886d5c87ac925c47916a5887928d657b95a1745273a9b97499a8776d759a82686391af875349",
    "zoom_blur": "848582499bd3bf5f1e6c879b5c99bf81817fc1722f3391de967b65b176447b797d3981c9d5812c69839a477ab2",
    "snow": "e2ccb78ec7f9fdc08ae9fffffffffffffffff0b58694d3ffddbba0fffffffff5e4f2ffffe8a77bafd2eabcc9d2",
    "frost": "b6a79865a5dcc28b589bc6e98698a894b4ccc4906569b0e5bca28cafaaa5c3b4a976bbe9cc926b92bddb9db2c1",
    "fog": "8379707e96aba78e777b8995565b609ba5acd7bfaba5c0d4a29488918c889f948d86a0b1bfa4927f8e9893999d",
    "brightness": "ffc7943ca4ffff8e2878bfffbcdcf99bd4ffff8a2d3caaffffb070f5d3b9ffc0944bb6ffff7c2280cbffc2e3fb",
    "contrast": "83807d788189887f777b81867e80827d8184877e7778828a847f7b81807e827f7d79838a867d767c82867e8183",
    "elastic_transform": "c39b5a3a5395b54f164d6b9d4c7baf72b3c5d3731e74d0e3915f4b83706c877b7464b5d6c96c206e8fa26892ab",
    "pixelate": "bb8a4f2973c8e08f305f7b9b777f884e86b9ca772d2e8adc9c7d60887f77a96b41449edcc25e19698ca37a848a",
    "jpeg_compression": "9f876f3d85d1c173215e85ae6a829a7797acd068292a9bdfa56f4d8f7b62987b6d3f9bc2c562385c8ca2738496",
}
"""Three rows and five columns of :func:`make_waves`, corrupted with severity 4 and seed 7."""

PANES = (
    "97a5af88969fa6b7c15e676d555d63616a70ffffff616a7093a1ab586066acbcc8b6c8d479848c79858c677278",
    "b9cbd7bed0dcafc0ccb7c9d5cbdeeccbdfecbed0dd9baab4aebfcacee2f0cadeeca9b9c4b1c2ceb1c3cea9bac5",
    "c1d4e0b3c4d0bccedac9ddeabdd0dcb5c6d2b3c4d0aebfcaa2b2bdbccfdba4b4bfe2f8ffc9ddeac8dce9bdcfdb",
    "86939c8490998c9aa3afc0cb707b82818e9684919a96a4aea5b5c07d899197a6b0808c94626c72707b82c2d5e2",
    "aebfcaa7b7c28a98a16b757c5c656b9dadb740474b9fafb95f686e94a3ac808d95454b506f7a81717c8486939c",
)
"""Three rows and five columns of the five panes, RGB."""

# Rounding may differ between versions of OpenCV and Pillow.
TOLERANCE = 2


def make_waves() -> NDArray[np.uint8]:
    """Make a smooth coloured picture, ``(44, 60, 3)``."""
    row, column, channel = np.mgrid[:44, :60, :3]
    return np.rint(128 + 110 * np.sin(row / 4 + channel) * np.cos(column / 5)).astype(np.uint8)


def read(text: str) -> NDArray[np.int64]:
    return np.frombuffer(bytes.fromhex(text), np.uint8).reshape(3, 5, 3).astype(np.int64)


def test_every_corruption_has_its_picture() -> None:
    assert set(PICTURES) == set(CORRUPTIONS)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_the_same_seed_gives_the_same_picture(name: str) -> None:
    out = corrupt(make_waves(), name, 4, 7)[9::13, 6::12]
    assert np.abs(out - read(PICTURES[name])).max() <= TOLERANCE


@pytest.mark.parametrize("number", range(5))
def test_a_number_has_its_pane(number: int) -> None:
    pane = make_pane(number)[200::320, 100::205]
    assert np.abs(pane - read(PANES[number])).max() <= TOLERANCE
