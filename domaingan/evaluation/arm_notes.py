"""Notes on the modifiers of arms: who is in a share of the people, and with which seeds a repeat is trained."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.evaluation.arms import Arm
from domaingan.evaluation.people_shares import PeopleShares

MAX_NAMED_PEOPLE = 10
"""A note names at most this many people of a share."""


def describe_modifiers(arms: Sequence[Arm], shares: PeopleShares) -> list[str]:
    """Describe the shares of people and the repeats among arms.

    Args:
        arms: the arms.
        shares: of the first fold.

    Returns:
        A sentence for each share and each repeat.

    >>> shares = PeopleShares(("anna", "ben", "carl"))
    >>> describe_modifiers([Arm.parse("classic@repeat=2")], shares)
    ['classic@repeat=2 is classic trained with other seeds: 200000 is added to each.']
    """
    used: dict[float, None] = {}
    notes = []
    for arm in arms:
        modifiers = arm.modifiers
        used |= dict.fromkeys((modifiers.people, modifiers.crop_share, modifiers.host_share))
        if modifiers.repeat:
            repeated = arm.with_modifiers(repeat=0).name
            notes.append(f"{arm.name} is {repeated} trained with other seeds: {modifiers.seed_shift} is added to each.")
        if arm.has_unlabelled_people:
            notes.append(
                f"{arm.name} also pastes into images of people whose labels it is not trained on: no loss is computed "
                "on their own objects."
            )
    for share in sorted(share for share in used if share < 1):
        people = sorted(shares.take(share))
        names = ", ".join(people[:MAX_NAMED_PEOPLE]) + (", …" if len(people) > MAX_NAMED_PEOPLE else "")
        notes.append(
            f"A share of {share:g} is {len(people)} of {len(shares.people)} training {shares.unit}s, drawn by the seed "
            f"({names}). A smaller share is a part of a larger one."
        )
    return notes
