"""The schema of ``result.json``: every key, what it holds, and a check when it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domaingan.metrics.verdict import Verdict

Ends = tuple[float | None, float | None]
"""Ends of an interval, low and high; both None where there is none."""


class ResultPart(BaseModel):
    """A part of the result; keys that are not documented are an error."""

    model_config = ConfigDict(extra="forbid")


class TrainingEntry(ResultPart):
    """One training of every arm."""

    fold: int = Field(description="Number of its fold or training set, from 0; its files lie in `fold-N/`.")
    seed: int = Field(description="Its seed.")


class ScoreEntry(ResultPart):
    """A metric of an arm."""

    mean: float | None = Field(description="Mean over people of each person's mean over trainings.")
    ci: Ends = Field(description="95 % interval over people and trainings; null with one training.")
    ci_people: Ends = Field(description="95 % interval over people alone: other trainings are not in it.")
    values: list[float | None] = Field(description="Mean over trainings of each of `subjects`.")


class PersonEntry(ResultPart):
    """A person and a difference."""

    subject: str = Field(description="Name of the person.")
    mean: float | None = Field(description="Mean difference over trainings.")


class RemainderEntry(ResultPart):
    """A difference without one person."""

    mean: float | None = Field(description="Mean difference.")
    ci: Ends = Field(description="95 % interval over people and trainings.")
    p: float | None = Field(description="p of that interval.")


class PersonEffects(ResultPart):
    """Whom an arm helps and whom it hurts."""

    threshold: float = Field(description="A person loses who scores lower by more than this.")
    losing: float | None = Field(description="Share of people who lose.")
    losing_by_chance: float | None = Field(
        description="Share that would lose if all people gained alike, from the noise of few trainings alone."
    )
    worst: PersonEntry = Field(description="The person who loses most (or gains least).")
    best: PersonEntry = Field(description="The person who gains most.")
    without_best: RemainderEntry = Field(description="The difference without the person who gains most.")


class DifferenceEntry(ResultPart):
    """A paired difference between two arms: the first minus the second."""

    mean: float | None = Field(description="Mean over people of each person's mean over trainings.")
    ci: Ends = Field(description="95 % interval over people and trainings; null with one training.")
    ci_people: Ends = Field(description="95 % interval over people alone: other trainings are not in it.")
    p: float | None = Field(description="p of no difference; below 0.05 exactly where `ci` excludes 0.")
    p_holm: float | None = Field(
        None, description="p after Holm's correction; only of declared comparisons. The verdict rests on it."
    )
    n: int = Field(description="Number of people that both arms have a value of.")
    n_trainings: int = Field(description="Number of trainings that both arms have.")
    smallest_effect: float | None = Field(
        description="Smallest true difference that such a study would show with a probability of 80 %."
    )
    is_repeat: bool | None = Field(None, description="True of an arm against itself with other seeds.")
    people: PersonEffects | None = Field(
        None, description="Whom the arm helps and hurts; only of metrics that are scored person by person."
    )
    per_training: list[float | None] | None = Field(
        None,
        description="Mean over people in each of `trainings` (of an ensemble, each fold); only in "
        "`versus_strong_baseline`.",
    )


class PrimaryEntry(DifferenceEntry):
    """The one comparison that the verdict is about."""

    arm: str = Field(description="The arm.")
    against: str = Field(description="The arm that it is compared with.")
    metric: str = Field(description="The metric.")


class DeclaredEntry(ResultPart):
    """A comparison that was declared before any score was seen."""

    arm: str = Field(description="The arm.")
    against: str = Field(description="The arm that it is compared with.")
    metric: str = Field(description="The metric.")
    p: float | None = Field(description="p of the difference.")
    p_holm: float | None = Field(description="p after Holm's correction for the number of declared comparisons.")


class NeededEntry(ResultPart):
    """What a verdict needs."""

    people: int = Field(description="Fewest people that can show anything.")
    trainings: int = Field(description="Fewest trainings of each arm that can show anything.")


class CurvePoint(ResultPart):
    """A share of the training people."""

    share: float = Field(description="The share, up to 1.")
    people: int = Field(description="How many people that is.")
    arm: str = Field(description="The arm that was trained on them.")
    mean: float | None = Field(description="Its mean score.")


class WorthEntry(ResultPart):
    """What a difference is worth in training people."""

    doublings: float | None = Field(description="How often the people would have to be doubled for the same gain.")
    doublings_ci: Ends = Field(description="95 % interval (Fieller); null at an end that lies too far away.")
    more_people: float | None = Field(description="How many more people that is.")
    more_people_ci: Ends = Field(description="Its 95 % interval.")
    is_extrapolated: bool = Field(description="Whether it is more than one doubling, which no arm has measured.")


class WorthOfDifference(ResultPart):
    """A comparison and its worth."""

    arm: str = Field(description="The arm.")
    against: str = Field(description="The arm that it is compared with.")
    worth: WorthEntry | None = Field(
        description="Null where the curve's slope is not shown: nothing can be said of people."
    )


class LearningCurve(ResultPart):
    """How the score of an arm grows with the number of training people."""

    arm: str = Field(description="The arm that was trained with several shares of the people.")
    metric: str = Field(description="The metric.")
    people: int = Field(description="How many people all of the training data are from.")
    unit: str = Field("subject", description="What each of them is, such as `subject` or `drive`.")
    shares: list[CurvePoint] = Field(description="Its points.")
    per_doubling: DifferenceEntry = Field(description="What one doubling of the people brings.")
    is_shown: bool = Field(description="Whether that is more than chance.")
    worth: list[WorthOfDifference] = Field(description="What the declared differences are worth in people.")


class HostsEntry(ResultPart):
    """The further hosts of a fold or training set."""

    people: int = Field(description="How many people (or drives; of few drives blocks of time) they are of.")
    images: int = Field(description="How many images (volumes, where slices are trained on) are further hosts.")
    samples: int = Field(description="How many samples of them are trained on.")
    left_out: dict[str, int] = Field(description="How many images (or samples, as it says) were left out, by reason.")
    ignored_share: float = Field(description="Share of their pixels that no loss is computed on, 0 to 1.")


class DoublingEntry(ResultPart):
    """What twice as much of something brings."""

    quantity: Literal["crops", "hosts", "places", "people"] = Field(
        description="`crops`: pasted into the same images. `hosts`: images that the same crops are pasted into. "
        "`places`: objects in their own places, beside the same crops and hosts (for detection, hosts are among them). "
        "`people`: all of it together."
    )
    arm: str = Field(description="The arm with all of it.")
    against: str = Field(description="The arm with half of it.")
    half: int = Field(description="How many people half of it is from.")
    all: int = Field(description="How many people all of it is from; of hosts with those that are not labelled.")
    difference: DifferenceEntry = Field(description="What was measured.")
    per_doubling: DifferenceEntry = Field(
        description="The same for exactly twice as many: what one more doubling brings if the curve goes on so."
    )
    answer: Literal["helps", "does not help", "cannot be shown"] = Field(
        description="`does not help` where the whole interval of `per_doubling` is below `negligible_gain`."
    )


class Headroom(ResultPart):
    """Could anything be gained: from more crops, from more hosts, or from objects in their own places."""

    arm: str = Field(description="The arm that was trained with half and with all.")
    metric: str = Field(description="The metric.")
    people: int = Field(description="How many people the labels are of.")
    unit: str = Field(description="What each of them is, such as `subject` or `drive`.")
    negligible_gain: float = Field(description="A doubling that surely brings less does not help.")
    doublings: list[DoublingEntry] = Field(description="What doublings bring; hosts are left out for detection.")
    short: list[Literal["crops", "hosts", "places"]] = Field(
        description="What is short: where more helps, the most first."
    )


class ArmSeconds(ResultPart):
    """How long the trainings of an arm took, all of them together."""

    train: float = Field(description="Seconds of training.")
    score: float = Field(description="Seconds of predicting and scoring.")
    trainings: int = Field(description="How many trainings that is.")


class Environment(ResultPart):
    """What a run was computed with."""

    domaingan: str = Field(description="Version of domaingan that wrote the result.")
    python: str = Field(description="Version of Python.")
    torch: str = Field(description="Version of PyTorch.")
    device: str = Field(description="Where networks ran.")


class EvaluationResult(BaseModel):
    """The content of ``result.json`` of an evaluation."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["evaluation"] = Field(description="What kind of run it is of.")
    format: Literal[3] = Field(description="Version of these keys. Versions 1 and 2 are still read by `report`.")
    task: str = Field(description="What the baseline learned.")
    verdict: Verdict = Field(
        description="`helps` or `hurts` where `primary` is more than chance, `no difference` where none was shown, "
        "`cannot be shown` with too few people or trainings."
    )
    primary: PrimaryEntry | None = Field(
        description="The comparison of the verdict: the first arm with a GAN, else the last arm, against the "
        "reference; null where there is none."
    )
    reference: str = Field(description="The arm that `differences` are to: `classic`, else the first.")
    unit: str = Field(description="What `subjects` are: subjects, samples, or blocks of a drive.")
    subjects: list[str] = Field(description="Who was tested. All lists of one value a person are in this order.")
    trainings: list[TrainingEntry] = Field(
        description="The trainings of each arm. All lists of one value a training are in this order."
    )
    arms: dict[str, dict[str, ScoreEntry]] = Field(description="By arm and metric.")
    differences: dict[str, dict[str, DifferenceEntry]] = Field(description="To the reference, by arm and metric.")
    versus_strong_baseline: dict[str, dict[str, DifferenceEntry]] = Field(
        description="To `copy-paste+classic`, by arm that pastes and metric; empty without that arm."
    )
    repeats: dict[str, dict[str, DifferenceEntry]] = Field(
        description="Of each arm `ARM@repeat=N` to `ARM`, which differ by chance alone."
    )
    declared: list[DeclaredEntry] = Field(description="The declared comparisons.")
    learning_curve: LearningCurve | None = Field(
        description="What differences are worth in people; null unless an arm was trained with a share of them."
    )
    headroom: Headroom | None = Field(None, description="What is short; null unless it was asked for.")
    scores: dict[str, dict[str, list[list[float | None]]]] = Field(
        description="Every score, by arm and metric: a list for each of `trainings`, a value for each of `subjects`; "
        "null where a training did not test a person, or the metric does not apply."
    )
    per_seed: dict[str, dict[str, list[float | None]]] = Field(
        description="Mean over people and folds for each seed, by arm and metric."
    )
    smallest_p: float = Field(description="Smallest p that a sign-flip test of so many people could give.")
    needed: NeededEntry = Field(description="What a verdict needs.")
    warnings: list[str] = Field(description="What makes the numbers doubtful.")
    notes: list[str] = Field(description="What a reader must know.")
    classes: dict[str, int] = Field(description="Values of the classes in the masks.")
    absent: list[str] = Field(description="Classes that nobody in the test has: they have no score.")
    domain: str = Field(description="`scan` or `frame`.")
    train_subjects: list[list[str]] = Field(description="Who was trained on, by fold or training set.")
    training: dict[str, Any] = Field(
        description="Losses of the trainings: by arm and `FOLD/SEED` pairs of a step and a mean loss."
    )
    seconds: float = Field(description="Time of all trainings and their scores.")
    arm_seconds: dict[str, ArmSeconds] | None = Field(None, description="The same by arm.")
    environment: Environment | None = Field(None, description="What the run was computed with.")
    hosts: list[HostsEntry] | None = Field(
        None, description="The further hosts (`--hosts`) of each fold or training set; only where there are any."
    )
    generated: dict[str, Any] | None = Field(None, description="Measures of what generators made, by source.")


def find_schema_faults(result: Mapping[str, Any]) -> list[str]:
    """Find where a result differs from its schema.

    Args:
        result: the content of ``result.json``.

    Returns:
        A line for each fault; empty if there is none.
    """
    try:
        EvaluationResult.model_validate(result)
    except ValidationError as error:
        return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return []


def list_undocumented_keys(result: Mapping[str, Any]) -> list[str]:
    """List the keys of a result that its schema does not have."""
    return [name for name in result if name not in EvaluationResult.model_fields]
