"""Arms: the ways of making training data that an evaluation compares.

An arm is a sum of parts joined by ``+``, such as ``gan+copy-paste+classic``. ``none`` is the training data as
it is; ``classic`` adds the classic pipeline; every other part is a bank that crops are pasted from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domaingan.blend import Paste
from domaingan.errors import DataError
from domaingan.sample import Sample
from domaingan.transforms import Classic

SOURCES = {
    "copy-paste": "real crops of the training subjects",
    "gan": "crops drawn by a GAN that was fitted to the training subjects",
}
"""Parts of an arm that paste, and where their crops come from."""

PASTE_SHARE = 0.5
"""Share of the training images that a pasting arm pastes into; the others are left as they are."""


@dataclass(frozen=True)
class Arm:
    """A parsed arm.

    Attributes:
        name: as it was written.
        sources: the banks it pastes from, keys of :data:`SOURCES`.
        classic: whether the classic pipeline runs after pasting.
    """

    name: str
    sources: tuple[str, ...]
    classic: bool

    @classmethod
    def parse(cls, name: str) -> Arm:
        """Parse an arm's name.

        Raises:
            DataError: an unknown or repeated part, or ``none`` beside another.

        >>> Arm.parse("gan+classic")
        Arm(name='gan+classic', sources=('gan',), classic=True)
        """
        parts = name.split("+")
        unknown = [part for part in parts if part not in (*SOURCES, "classic", "none")]
        if unknown:
            raise DataError(
                f"no arm {unknown[0]!r} in {name!r}", expected=f"a sum of {', '.join(SOURCES)}, classic; or none"
            )
        if len(set(parts)) < len(parts) or ("none" in parts and len(parts) > 1):
            raise DataError(f"arm {name!r}", expected="each part once, and none alone")
        return cls(name, tuple(part for part in parts if part in SOURCES), "classic" in parts)


def parse_arms(names: str | list[str]) -> list[Arm]:
    """Several arms, separated by commas where they come as one text; each must be named once."""
    listed = names.split(",") if isinstance(names, str) else list(names)
    arms = [Arm.parse(name.strip()) for name in listed if name.strip()]
    if not arms or len({arm.name for arm in arms}) < len(arms):
        raise DataError(f"arms {','.join(listed)!r}", expected="at least one, each named once")
    return arms


@dataclass
class Augment:
    """What an arm does to a training sample: paste into the whole image, then classic on the patch.

    Attributes:
        pastes: one a source; which of them is used is drawn each time.
        classic: the classic pipeline, or None.
        share: share of the images that are pasted into.
    """

    pastes: Mapping[str, Paste] = field(default_factory=dict)
    classic: Classic | None = None
    share: float = PASTE_SHARE

    def paste(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The sample, pasted into as often as ``share`` says."""
        if not self.pastes or rng.random() >= self.share:
            return sample
        names = sorted(self.pastes)
        return self.pastes[names[int(rng.integers(len(names)))]](sample, rng)

    def patch(
        self, image: NDArray[np.float32], mask: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The scaled ``(C, *patch)`` image and its mask after the classic pipeline."""
        return (image, mask) if self.classic is None else self.classic(image, mask, rng)
