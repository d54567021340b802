"""Arms: the ways of making training data that an evaluation compares.

An arm is a sum of parts joined by ``+``, such as ``relight+copy-paste+classic``. ``none`` is the training data as it
is. The other parts work on a training image in this order, whatever the order in the name: crops are pasted
(:data:`PASTE_SOURCES`), the whole image gets another style (:data:`RELIGHT_SOURCES`), ``weather`` is added, and
``classic`` augments the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domaingan.core.arguments import read_names
from domaingan.core.errors import DataError

PASTE_SOURCES = {
    "copy-paste": "real crops of the training subjects",
    "deform-paste": "real crops of the training subjects, deformed as the masks of inpaint are",
    "gan": "crops sampled from a GAN that was trained on the training subjects",
    "inpaint": "objects that such a GAN generated inside the training images, in new masks",
    "refine": "real crops that were pasted into training images, and that such a GAN made fit",
}
"""Parts of an arm that paste, and where their crops come from."""

INPAINTED_SOURCES = ("inpaint", "refine")
"""Sources whose crops are bound to the places that they were generated for."""

RELIGHT_SOURCES = {
    "relight": "scenes sampled from a GAN that was trained on the training frames",
    "reference-relight": "real training frames",
}
"""Parts of an arm that relight, and where the styles come from."""

_OTHER_PARTS = ("weather", "classic")


@dataclass(frozen=True)
class Arm:
    """A parsed arm.

    Attributes:
        name: as it was written.
        paste_sources: what it pastes from, keys of :data:`PASTE_SOURCES`.
        relight_sources: what it relights from, keys of :data:`RELIGHT_SOURCES`.
        has_weather: whether synthetic weather is added.
        has_classic: whether the classic pipeline runs at the end.
    """

    name: str
    paste_sources: tuple[str, ...] = ()
    relight_sources: tuple[str, ...] = ()
    has_weather: bool = False
    has_classic: bool = False

    @classmethod
    def parse(cls, name: str) -> Arm:
        """Parse an arm's name.

        Raises:
            DataError: an unknown or repeated part, or ``none`` beside another.

        >>> Arm.parse("gan+classic")
        Arm(name='gan+classic', paste_sources=('gan',), relight_sources=(), has_weather=False, has_classic=True)
        """
        parts = name.split("+")
        all_parts = (*PASTE_SOURCES, *RELIGHT_SOURCES, *_OTHER_PARTS)
        for part in parts:
            if part not in (*all_parts, "none"):
                raise DataError(f"no arm {part!r} in {name!r}", expected=f"a sum of {', '.join(all_parts)}; or none")
        if len(set(parts)) < len(parts) or ("none" in parts and len(parts) > 1):
            raise DataError(f"arm {name!r}", expected="each part once, and none alone")
        paste_sources = tuple(part for part in parts if part in PASTE_SOURCES)
        relight_sources = tuple(part for part in parts if part in RELIGHT_SOURCES)
        return cls(name, paste_sources, relight_sources, "weather" in parts, "classic" in parts)

    @property
    def sources(self) -> tuple[str, ...]:
        """All sources of crops and of styles."""
        return (*self.paste_sources, *self.relight_sources)

    @property
    def has_gan(self) -> bool:
        """Whether a GAN is part of it."""
        return not {"gan", "relight", *INPAINTED_SOURCES}.isdisjoint(self.sources)


def parse_arms(names: str | Sequence[str]) -> list[Arm]:
    """Parse the names of arms.

    Args:
        names: a list, or one text with commas between the names.

    Raises:
        DataError: no arm, the same twice, or a name that cannot be parsed.
    """
    separate = names.split(",") if isinstance(names, str) else read_names(names, "arms")
    arms = [Arm.parse(name.strip()) for name in separate if name.strip()]
    unique_names = {arm.name for arm in arms}
    if not arms or len(unique_names) < len(arms):
        raise DataError(f"arms {','.join(separate)!r}", expected="at least one, each named once")
    return arms
