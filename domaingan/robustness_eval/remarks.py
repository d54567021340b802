"""What a reader must know of a run beside its numbers: which classes count, and which frames and objects do not."""

from __future__ import annotations

from domaingan.data import Dataset
from domaingan.robustness_eval.class_mapping import ClassMapping
from domaingan.robustness_eval.class_names import format_map_option, join_names
from domaingan.robustness_eval.labelled_frames import LabelledFrames
from domaingan.robustness_eval.model_under_test import Model

MAX_SCORED_NAMES = 20
"""At most this many scored classes are named."""


def describe_class_mapping(class_mapping: ClassMapping, model: Model) -> list[str]:
    """Say, before anything runs, which classes are scored and what is proposed for the others.

    Args:
        class_mapping: which class of the model is which of the data.
        model: the model.
    """
    if not model.has_fixed_classes:
        return ["The model does not say which classes it knows: they are matched as it names them"]
    pairs = class_mapping.list_pairs(model.classes)
    has_same_names = all(model_class == data_class for model_class, data_class in pairs)
    names = []
    for model_class, data_class in pairs:
        names.append(data_class if has_same_names else f"{model_class} as {data_class}")
    sentences = [f"Scored: {join_names(names, MAX_SCORED_NAMES)}"]
    scored = {data_class for _, data_class in pairs}
    rest = [name for name in class_mapping.data_classes if name not in scored]
    proposed = class_mapping.propose_mapping(model.classes)
    if proposed:
        option = format_map_option(proposed)
        sentences.append(f"Not scored: {join_names(rest)}; the model has what seems to mean the same: add {option}")
    elif rest:
        sentences.append(f"Not scored: {join_names(rest)}; the model has no class of that name (--map THEIRS=OURS)")
    return sentences


def describe_new_names(class_mapping: ClassMapping, model: Model) -> list[str]:
    """Say what is proposed for class names that became known only while the model ran.

    Args:
        class_mapping: which class of the model is which of the data.
        model: the model; one with fixed classes has no new names.
    """
    proposed = {} if model.has_fixed_classes else class_mapping.propose_mapping(model.classes)
    if not proposed:
        return []
    names = ", ".join(proposed)
    option = format_map_option(proposed)
    return [f"The model found {names}, which is no class of the data: add {option}, with --resume"]


def describe_frames(frames: LabelledFrames, data: Dataset, model: Model) -> list[str]:
    """Say which frames the model may have been trained on, which were left out, and which objects do not count.

    Args:
        frames: the frames that are scored.
        data: the dataset they come from.
        model: the model.
    """
    sentences = []
    training_count = _count_training_frames(model, data)
    if training_count:
        sentences.append(
            f"{training_count} of the {len(data)} frames come from drives that the model was trained on; if it was "
            "trained on these very frames, the clean score is too high."
        )
    if frames.unlabelled:
        count = len(frames.unlabelled)
        sentences.append(f"{count} frames without labels were left out, first {frames.unlabelled[0]}.")
    sentences += _describe_left_out(frames, data)
    if data.problems:
        first = data.problems[0]
        sentences.append(f"{len(data.problems)} samples could not be read and were left out, first {first.path}.")
    return sentences


def _describe_left_out(frames: LabelledFrames, data: Dataset) -> list[str]:
    """Say what of the truth is neither right nor wrong to find."""
    crowd_count, ignored_count = frames.count_left_out()
    parts = []
    if crowd_count:
        part = f"{crowd_count} crowds"
        if data.schema.min_area > 1:
            part += f" or objects under {data.schema.min_area} pixels"
        parts.append(part)
    if ignored_count:
        parts.append(f"the ignored area of {ignored_count} frames")
    if not parts:
        return []
    return [f"Left out of the truth: {' and '.join(parts)}; what is found there does not count."]


def _count_training_frames(model: Model, data: Dataset) -> int:
    """Count the frames from drives that a baseline of ours was trained on."""
    training_groups: frozenset[str] = getattr(model, "trained_on", frozenset())
    if getattr(model, "data", None) != data.root:
        return 0
    return sum(record.group in training_groups for record in data.records)
