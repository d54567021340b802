"""Modifiers of an arm: how often it pastes, from whom, into whom, and with which of the training people.

A modifier follows the arm's parts as ``@KEY=VALUE``, such as ``copy-paste+classic@ratio=1@people=0.5``. An arm has one
spelling: the keys stand in the order of :data:`MODIFIER_KEYS`, numbers are as short as they can be, and what is the
default is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from domaingan.baselines.training_augmentation import PASTE_SHARE
from domaingan.core.errors import DataError

DEFAULT_PER_IMAGE = (1, 3)
"""Smallest and largest number of crops that are pasted into an image."""

MAX_PER_IMAGE = 100
"""An arm cannot paste more crops into an image than this."""

REPEAT_SEED_SHIFT = 100_000
"""A repeat's seeds are those of the arm itself plus this number times the repeat."""

MODIFIER_KEYS = {
    "ratio": "share of the training images that are pasted into, 0 to 1",
    "per-image": "number of crops pasted into an image, or LOW-HIGH",
    "crops": "share of the training people whose crops are pasted; that of people unless given",
    "hosts": "share of the training people, and of further hosts, that are pasted into; that of people unless given",
    "people": "share of the training people whose labels are trained on",
    "repeat": "the same arm with other seeds: 1 for the first repeat, 2 for the next",
}
"""Keys of the modifiers, and what each is."""

PASTING_KEYS = ("ratio", "per-image", "crops", "hosts")
"""Modifiers that only an arm that pastes can have."""


@dataclass(frozen=True)
class ArmModifiers:
    """The modifiers of an arm.

    Shares of people are nested: half of them is a part of three quarters of them.

    Attributes:
        ratio: share of the training images that are pasted into, in [0, 1].
        per_image: smallest and largest number of crops pasted into an image.
        crops: share of the training people whose crops are pasted, in (0, 1]; None for that of ``people``. A generator
            learns from the same crops.
        hosts: share of the training people whose images are pasted into, in (0, 1]; None for that of ``people``. If
            there are more hosts than labelled people, the others are hosts without labels: their own objects are
            ignored, and only what is pasted is learned from them.
        people: share of the training people whose images are trained on with their labels, in (0, 1].
        repeat: 0 for the arm itself; N for the same arm with seeds shifted by :data:`REPEAT_SEED_SHIFT` times N.
    """

    ratio: float = PASTE_SHARE
    per_image: tuple[int, int] = DEFAULT_PER_IMAGE
    crops: float | None = None
    hosts: float | None = None
    people: float = 1.0
    repeat: int = 0

    def __post_init__(self) -> None:
        for name in ("crops", "hosts"):  # one spelling
            if getattr(self, name) == self.people:
                object.__setattr__(self, name, None)

    @classmethod
    def parse(cls, texts: Mapping[str, str], arm: str) -> ArmModifiers:
        """Parse modifiers.

        Args:
            texts: the value of each key, as it is written.
            arm: name of the arm, for messages.

        Raises:
            DataError: there is no such key, or it cannot have that value.

        >>> ArmModifiers.parse({"per-image": "1-5"}, "copy-paste").per_image
        (1, 5)
        """
        values: dict[str, float | int | tuple[int, int]] = {}
        for key, text in texts.items():
            if key not in MODIFIER_KEYS:
                expected = f"one of {', '.join(MODIFIER_KEYS)}"
                raise DataError(f"no modifier {key!r} of arm {arm!r}", expected=expected)
            values[key.replace("-", "_")] = _parse_value(key, text, arm)
        return cls(**values)  # type: ignore[arg-type]

    @property
    def crop_share(self) -> float:
        """Share of the training people whose crops are pasted."""
        return self.people if self.crops is None else self.crops

    @property
    def host_share(self) -> float:
        """Share of the training people whose images are pasted into."""
        return self.people if self.hosts is None else self.hosts

    @property
    def seed_shift(self) -> int:
        """What is added to every seed of the arm."""
        return REPEAT_SEED_SHIFT * self.repeat

    def list_texts(self) -> dict[str, str]:
        """List what differs from the defaults, as it is written in the name of an arm.

        >>> ArmModifiers(ratio=1.0, per_image=(2, 2)).list_texts()
        {'ratio': '1', 'per-image': '2'}
        """
        texts = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                texts[field.name.replace("_", "-")] = _format_value(value)
        return texts

    def name_share(self, *keys: str) -> str:
        """Name shares of people as modifiers, for the names of what is built from them; empty where all are.

        Args:
            *keys: of ``crops``, ``hosts`` and ``people``.

        >>> ArmModifiers(people=0.5).name_share("crops")
        '@crops=0.5'
        """
        shares = {"crops": self.crop_share, "hosts": self.host_share, "people": self.people}
        return "".join(f"@{key}={_format_value(shares[key])}" for key in keys if shares[key] < 1)


def _format_value(value: float | tuple[int, int]) -> str:
    if isinstance(value, tuple):
        low, high = value
        return str(low) if low == high else f"{low}-{high}"
    return f"{value:.6g}"


def _parse_value(key: str, text: str, arm: str) -> float | int | tuple[int, int]:
    """Parse the value of a modifier.

    Raises:
        DataError: it cannot have that value.
    """
    if key == "per-image":
        return _parse_per_image(text, arm)
    if key == "repeat":
        if not re.fullmatch(r"\d{1,4}", text):
            raise DataError(f"repeat {text!r} of arm {arm!r}", expected="a whole number of at least 0")
        return int(text)
    is_number = re.fullmatch(r"\d*\.?\d+|\d+\.", text) is not None
    share = round(float(text), 6) if is_number else -1.0
    lowest = 0.0 if key == "ratio" else 1e-6
    if not lowest <= share <= 1:
        expected = "a share from 0 to 1" if key == "ratio" else "a share above 0, up to 1"
        raise DataError(f"{key} {text!r} of arm {arm!r}", expected=expected)
    return share


def _parse_per_image(text: str, arm: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if match is not None:
        low, high = int(match[1]), int(match[2] or match[1])
        if 1 <= low <= high <= MAX_PER_IMAGE:
            return low, high
    expected = f"a number from 1 to {MAX_PER_IMAGE}, or LOW-HIGH such as 1-5"
    raise DataError(f"per-image {text!r} of arm {arm!r}", expected=expected)
