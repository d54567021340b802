"""Arms: the ways of making training data that an evaluation compares.

An arm is a sum of parts joined by ``+``, such as ``relight+copy-paste+classic``. ``none`` is the training data as it
is. The other parts work on a training image in this order, whatever the order in the name: crops are pasted
(:data:`PASTE_SOURCES`), the whole image gets another style (:data:`RELIGHT_SOURCES`), ``weather`` is added, and
``classic`` augments the result. Modifiers may follow, such as ``copy-paste+classic@ratio=1``, see
:mod:`domaingan.evaluation.arm_modifiers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domaingan.core.arguments import read_names
from domaingan.core.errors import DataError
from domaingan.evaluation.arm_modifiers import PASTING_KEYS, ArmModifiers

PASTE_SOURCES = {
    "copy-paste": "real crops of the training subjects",
    "deform-paste": "real crops of the training subjects, deformed as the masks of inpaint are",
    "blur-paste": "real crops of the training subjects whose objects are blurred: a control",
    "shuffle-paste": "real crops of the training subjects anywhere in the image, fitting or not: a control",
    "gan": "crops sampled from a GAN that was trained on the training subjects",
    "inpaint": "objects that such a GAN generated inside the training images, in new masks",
    "refine": "real crops that were pasted into training images, and that such a GAN made fit",
}
"""Parts of an arm that paste, and where their crops come from."""

CONTROLS = ("blur-paste", "shuffle-paste")
"""Parts that are made worse on purpose: they tell what it is that helps, and nobody would train with them."""

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
        base_name: its parts as they were written, without modifiers.
        paste_sources: what it pastes from, keys of :data:`PASTE_SOURCES`.
        relight_sources: what it relights from, keys of :data:`RELIGHT_SOURCES`.
        has_weather: whether synthetic weather is added.
        has_classic: whether the classic pipeline runs at the end.
        modifiers: how often it pastes, and from whom into whom.
    """

    base_name: str
    paste_sources: tuple[str, ...] = ()
    relight_sources: tuple[str, ...] = ()
    has_weather: bool = False
    has_classic: bool = False
    modifiers: ArmModifiers = field(default_factory=ArmModifiers)

    @classmethod
    def parse(cls, name: str) -> Arm:
        """Parse an arm's name.

        Raises:
            DataError: an unknown or repeated part or modifier, ``none`` beside another part, or a modifier that does
                nothing to this arm.

        >>> arm = Arm.parse("gan+classic@people=0.50@ratio=1")
        >>> arm.name, arm.paste_sources, arm.modifiers.people
        ('gan+classic@ratio=1@people=0.5', ('gan',), 0.5)
        """
        base_name, *modifier_texts = name.split("@")
        parts = base_name.split("+")
        all_parts = (*PASTE_SOURCES, *RELIGHT_SOURCES, *_OTHER_PARTS)
        for part in parts:
            if part not in (*all_parts, "none"):
                raise DataError(f"no arm {part!r} in {name!r}", expected=f"a sum of {', '.join(all_parts)}; or none")
        if len(set(parts)) < len(parts) or ("none" in parts and len(parts) > 1):
            raise DataError(f"arm {name!r}", expected="each part once, and none alone")
        paste_sources = tuple(part for part in parts if part in PASTE_SOURCES)
        relight_sources = tuple(part for part in parts if part in RELIGHT_SOURCES)
        texts = _split_modifiers(modifier_texts, name)
        for key in PASTING_KEYS:
            if key in texts and not paste_sources:
                raise DataError(f"{key} of arm {name!r}, which pastes nothing", expected="an arm that pastes")
        modifiers = ArmModifiers.parse(texts, name)
        return cls(base_name, paste_sources, relight_sources, "weather" in parts, "classic" in parts, modifiers)

    @property
    def name(self) -> str:
        """The one spelling of it; it can be the name of a file."""
        texts = self.modifiers.list_texts()
        return "@".join([self.base_name, *(f"{key}={text}" for key, text in texts.items())])

    @property
    def has_modifiers(self) -> bool:
        """Whether it is anything else than its parts alone."""
        return self.modifiers != ArmModifiers()

    @property
    def has_unlabelled_people(self) -> bool:
        """Whether it pastes into images of training people whose labels it is not trained on."""
        return self.modifiers.host_share > self.modifiers.people

    def with_modifiers(self, **changes: Any) -> Arm:
        """Return the same arm with other values of modifiers.

        Args:
            **changes: fields of :class:`domaingan.evaluation.arm_modifiers.ArmModifiers`.

        >>> Arm.parse("copy-paste@people=0.5").with_modifiers(people=1.0).name
        'copy-paste'
        """
        return replace(self, modifiers=replace(self.modifiers, **changes))

    def is_equal_to(self, other: Arm) -> bool:
        """Return whether both make the same training data: the order of their parts does not matter."""
        return set(self.base_name.split("+")) == set(other.base_name.split("+")) and self.modifiers == other.modifiers

    def name_bank(self, source: str) -> str:
        """Name the bank that it uses of a source: arms that use the crops of the same people share a bank.

        Args:
            source: one of its sources.

        >>> arm = Arm.parse("copy-paste+refine@people=0.5")
        >>> arm.name_bank("copy-paste"), arm.name_bank("refine")
        ('copy-paste@crops=0.5', 'refine@crops=0.5@hosts=0.5')
        """
        return name_bank(source, self.modifiers)

    @property
    def sources(self) -> tuple[str, ...]:
        """All sources of crops and of styles."""
        return (*self.paste_sources, *self.relight_sources)

    @property
    def has_gan(self) -> bool:
        """Whether a GAN is part of it."""
        return not {"gan", "relight", *INPAINTED_SOURCES}.isdisjoint(self.sources)


def name_bank(source: str, modifiers: ArmModifiers) -> str:
    """Name the bank of a source that an arm with these modifiers uses, see :meth:`Arm.name_bank`."""
    if source in RELIGHT_SOURCES:
        return source + modifiers.name_share("people")
    if source in INPAINTED_SOURCES:
        return source + modifiers.name_share("crops", "hosts")
    return source + modifiers.name_share("crops")


def parse_arms(names: str | Sequence[str]) -> list[Arm]:
    """Parse the names of arms.

    Args:
        names: a list, or one text with commas between the names.

    Raises:
        DataError: no arm, the same twice, or a name that cannot be parsed.
    """
    separate = names.split(",") if isinstance(names, str) else read_names(names, "arms")
    arms = [Arm.parse(name.strip()) for name in separate if name.strip()]
    if not arms:
        raise DataError(f"arms {','.join(separate)!r}", expected="at least one, each named once")
    for number, arm in enumerate(arms):
        for other in arms[:number]:
            if arm.is_equal_to(other):
                found = f"arms {','.join(separate)!r}: {arm.name} and {other.name} are the same"
                raise DataError(found, expected="at least one, each named once")
    return arms


def _split_modifiers(modifier_texts: Sequence[str], name: str) -> dict[str, str]:
    """Split ``KEY=VALUE`` texts.

    Raises:
        DataError: one is not of this kind, or a key is repeated.
    """
    texts: dict[str, str] = {}
    for modifier in modifier_texts:
        key, has_value, text = modifier.partition("=")
        if not has_value:
            raise DataError(f"modifier {modifier!r} of arm {name!r}", expected="@KEY=VALUE")
        if key in texts:
            raise DataError(f"modifier {key!r} of arm {name!r} twice", expected="each once")
        texts[key] = text
    return texts
