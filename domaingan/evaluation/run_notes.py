"""Notes of an evaluation: what a reader must know to trust its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.blend import Paste
from domaingan.data import BLOCK_SECONDS, Dataset
from domaingan.evaluation.arm_notes import describe_modifiers
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.split import Fold


def name_unit(test: Dataset) -> str:
    """Name what one value of a metric belongs to: a subject, a sample, or a block of time."""
    units = {record.statistical_unit for record in test.records}
    groups = {record.group for record in test.records}
    if units != groups:
        return f"{BLOCK_SECONDS:g}-second block"
    has_subjects = any(record.subject for record in test.records)
    return "subject" if has_subjects else "sample"


def collect_notes(fold: FoldContext, folds: Sequence[Fold], config: EvaluationConfig) -> list[str]:
    """Collect the notes of an evaluation.

    Args:
        fold: the first fold, with its banks.
        folds: all folds.
        config: the settings.

    Returns:
        A sentence for each thing that a reader must know.
    """
    unit = name_unit(fold.test)
    is_rgb = fold.test.schema.domain.is_rgb
    mean_of = "the mean over classes" if is_rgb else "the rarest class"
    notes = [
        _describe_sizes(folds, config, unit, is_rgb),
        "The primary comparison (the first arm with a GAN, else the last without modifiers, against classic, "
        f"on {mean_of}) was fixed before any score was seen. p is corrected (Holm) for the number of declared "
        "comparisons: every arm against the reference, and every arm with a GAN against copy-paste+classic. Controls, "
        "repeats, ensembles and arms with a share of the training data are not among them.",
        _describe_intervals(config, unit),
    ]
    if is_rgb:
        notes.append(
            "Scores are pooled over all test frames; each unit's value is what leaving it out changes (jackknife), "
            "and their mean is the pooled score."
        )
    notes += fold.task.describe_baseline(config, fold.test.schema)
    if "gan" in fold.banks:
        notes.append("One GAN is fitted a fold, to the training subjects alone, and serves every seed.")
    notes += describe_modifiers(config.parsed_arms, fold.shares)
    for source, bank in fold.banks.items():
        for reason, n in bank.info.left_out.items():
            notes.append(f"Left out of the {source} bank: {n} {reason}")
    notes += _describe_guesses(fold)
    problems = folds[0].train.problems
    if problems:
        notes.append(f"{len(problems)} samples were left out when the data was read, first {problems[0].path}")
    return notes


def _describe_intervals(config: EvaluationConfig, unit: str) -> str:
    """Describe what the intervals hold, and what they do not."""
    text = f"Intervals are over test {unit}s and trainings, which are crossed random effects; p belongs to them."
    if config.sets > 1:
        return (
            f"{text} Each of the {config.sets} training sets counts as one training, which all of its seeds make more "
            "precise: what other training subjects would change is in the intervals."
        )
    if config.folds > 1:
        return (
            f"{text} Each of the {config.folds} folds counts as one training, which all of its seeds make more "
            "precise. The folds share most of their training data, so that what other training data would change is "
            "in the intervals only in part: --sets measures that."
        )
    return f"{text} What other training data would change is not in them: --sets measures that."


def _describe_sizes(folds: Sequence[Fold], config: EvaluationConfig, unit: str, is_rgb: bool) -> str:
    """Describe how much the first fold trains on and tests."""
    train, test = folds[0].train, folds[0].test
    n_trained = len({record.statistical_unit for record in train.records})
    n_tested = len({record.statistical_unit for record in test.records})
    text = f"{n_trained} training and {n_tested} test {unit}s"
    if is_rgb:
        text += f" ({len(train)} and {len(test)} frames)"
    if len(folds) > 1:
        text += f" in the first of {len(folds)} {'training sets' if config.sets > 1 else 'folds'}"
    return text


def _describe_guesses(fold: FoldContext) -> list[str]:
    """Describe what pasting into the training samples had to assume."""
    guesses: dict[str, None] = {}
    for bank in fold.banks.values():
        if bank.info.kind == "crops" and bank.info.domain.has_ground:
            guesses |= dict.fromkeys(Paste(bank, schema=fold.test.schema).notes)
    return [guess[0].upper() + guess[1:] + "." for guess in guesses]
