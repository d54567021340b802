"""Which arms an evaluation compares: those that are named, or the usual ones, and those that a question needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.evaluation.arm_banks import list_supported_sources
from domaingan.evaluation.arm_modifiers import MODIFIER_KEYS, PASTING_KEYS
from domaingan.evaluation.arms import Arm, parse_arms
from domaingan.evaluation.comparisons import REFERENCE_ARM, STRONG_BASELINE
from domaingan.evaluation.headroom import list_headroom_arms

DEFAULT_GENERATIVE_ARM = "refine+classic"
"""The arm with a generator that is compared by default: quick to train, and ahead of the others in more of the tables
than any (benchmarks/results); none of these tables has trainings enough to show it."""

CURVE_ARM = f"{STRONG_BASELINE}@people=0.5"
"""The arm that a learning curve needs beside :data:`STRONG_BASELINE`."""


@dataclass(frozen=True)
class ArmQuestions:
    """Questions that need arms of their own.

    Attributes:
        sweep: ``KEY=VALUE,VALUE,...`` texts: every arm that can have this modifier is also trained with each value.
        curve: whether differences are turned into people, by a learning curve of :data:`STRONG_BASELINE`.
        aa: whether an arm is trained again with other seeds, which measures chance.
        headroom: whether crops, hosts or objects in their own places are short.
    """

    sweep: tuple[str, ...] = ()
    curve: bool = False
    aa: bool = False
    headroom: bool = False


def choose_arms(
    names: str | Sequence[str] | None, questions: ArmQuestions, bank: Bank | None = None, task: str = "segmentation"
) -> list[Arm]:
    """Choose the arms of an evaluation.

    Args:
        names: the arms that are asked for; None for the usual ones.
        questions: what else is asked.
        bank: the bank of the user, if any.
        task: what the baseline learns.

    Returns:
        The arms, those of the questions last, each once.

    Raises:
        DataError: an arm or modifier cannot be parsed, an arm is named twice, or a sweep changes no arm.

    >>> [arm.name for arm in choose_arms("classic", ArmQuestions(curve=True))]
    ['classic', 'copy-paste+classic', 'copy-paste+classic@people=0.5']
    """
    arms = parse_arms(_choose_default_names(questions, bank) if names is None else names)
    further: list[Arm] = []
    for text in questions.sweep:
        further += sweep_arms(arms, text)
    if questions.headroom:
        further += parse_arms(list_headroom_arms(task))
    if questions.curve:
        further += parse_arms([STRONG_BASELINE, CURVE_ARM])
    if questions.aa:
        further.append(choose_repeated_arm(arms).with_modifiers(repeat=1))
    for arm in further:
        if not any(arm.is_equal_to(other) for other in arms):
            arms.append(arm)
    return arms


def sweep_arms(arms: Sequence[Arm], text: str) -> list[Arm]:
    """Make arms with each value of a modifier.

    Args:
        arms: arms, of which those without modifiers are changed; modifiers of pastes change arms that paste.
        text: such as ``ratio=0,0.25,0.5,1``.

    Raises:
        DataError: the text is of another kind, there is no such modifier or value, or it changes no arm.

    >>> [arm.name for arm in sweep_arms(parse_arms("classic,copy-paste"), "ratio=0,0.5,1")]
    ['copy-paste@ratio=0', 'copy-paste', 'copy-paste@ratio=1']
    """
    key, _, values = text.partition("=")
    stated = [value.strip() for value in values.split(",") if value.strip()]
    if key not in MODIFIER_KEYS or not stated:
        expected = f"KEY=VALUE,VALUE,... with one of {', '.join(MODIFIER_KEYS)}"
        raise DataError(f"sweep {text!r}", expected=expected)
    swept: list[Arm] = []
    for arm in arms:
        if arm.has_modifiers or (key in PASTING_KEYS and not arm.paste_sources):
            continue
        swept += [Arm.parse(f"{arm.base_name}@{key}={value}") for value in stated]
    if not swept:
        names = ", ".join(arm.name for arm in arms)
        raise DataError(f"sweep of {key}, which changes none of {names}", expected="an arm that pastes")
    return swept


def choose_repeated_arm(arms: Sequence[Arm]) -> Arm:
    """Choose the arm that is trained again to measure chance: :data:`STRONG_BASELINE`, else the last that pastes.

    Args:
        arms: at least one; where none pastes the last of them is chosen.
    """
    ordered = sorted(arms, key=lambda arm: (arm.name == STRONG_BASELINE, bool(arm.paste_sources)))
    return ordered[-1]


def _choose_default_names(questions: ArmQuestions, bank: Bank | None) -> list[str]:
    """Choose the arms that are compared unless they are named.

    Headroom is asked before any generator is trained, and a sweep multiplies what it costs: both are without one.
    """
    if bank is not None:
        return [REFERENCE_ARM, STRONG_BASELINE, f"{list_supported_sources(bank)[0]}+classic"]
    if questions.headroom:
        return [STRONG_BASELINE]
    if questions.sweep:
        return [REFERENCE_ARM, STRONG_BASELINE]
    return [REFERENCE_ARM, STRONG_BASELINE, DEFAULT_GENERATIVE_ARM]
