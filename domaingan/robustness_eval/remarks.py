"""What a person must know of a run beside its numbers: which classes count, which frames and objects do not."""

from __future__ import annotations

from domaingan.data import Dataset
from domaingan.robustness_eval.class_names import ClassMapping, format_map_option, join_names
from domaingan.robustness_eval.labelled_frames import LabelledFrames
from domaingan.robustness_eval.model_under_test import Model


def describe_class_mapping(class_mapping: ClassMapping, model: Model) -> list[str]:
    """Say which classes are scored, and what is proposed for those that are not: before anything runs."""
    if not model.has_fixed_classes:
        return ["The model does not say which classes it knows: they are matched as it names them"]
    pairs = class_mapping.list_pairs(model.classes)
    met = {ours for _, ours in pairs}
    same_names = all(theirs == ours for theirs, ours in pairs)
    names = [ours if same_names else f"{theirs} as {ours}" for theirs, ours in pairs]
    said = [f"Scored: {join_names(names, 20)}"]
    rest = [name for name in class_mapping.data_classes if name not in met]
    proposed = class_mapping.propose_mapping(model.classes)
    if proposed:
        option = format_map_option(proposed)
        said.append(f"Not scored: {join_names(rest)}; the model has what seems to mean the same: add {option}")
    elif rest:
        said.append(f"Not scored: {join_names(rest)}; the model has no class of that name (--map THEIRS=OURS)")
    return said


def describe_new_names(class_mapping: ClassMapping, model: Model) -> list[str]:
    """Say what is proposed for the names that a model used which does not say beforehand what it knows."""
    proposed = {} if model.has_fixed_classes else class_mapping.propose_mapping(model.classes)
    if not proposed:
        return []
    names = ", ".join(proposed)
    return [
        f"The model found {names}, which count as nothing of the data's: "
        f"add {format_map_option(proposed)}, with --resume"
    ]


def describe_frames(frames: LabelledFrames, data: Dataset, model: Model) -> list[str]:
    """Say which frames the model may know, which were left out, and what of the truth does not count."""
    notes = []
    seen = _count_training_frames(model, data)
    if seen:
        notes.append(
            f"{seen} of the {len(data)} frames come from drives that the model was trained on; where they are the very "
            "frames, the clean score flatters it."
        )
    if frames.unlabelled:
        notes.append(f"{len(frames.unlabelled)} frames without labels were left out, first {frames.unlabelled[0]}.")
    notes += _describe_left_out(frames, data)
    if data.problems:
        first = data.problems[0]
        notes.append(f"{len(data.problems)} samples could not be read and were left out, first {first.path}.")
    return notes


def _describe_left_out(frames: LabelledFrames, data: Dataset) -> list[str]:
    """What of the truth is neither right nor wrong to find, in a sentence."""
    crowds, regions = frames.count_left_out()
    small = f"{data.schema.min_area} pixels" if data.schema.min_area > 1 else ""
    kinds = [f"{crowds} crowds or objects under {small}" if small else f"{crowds} crowds"] if crowds else []
    kinds += [f"the ignored area of {regions} frames"] if regions else []
    return [f"Left out of the truth: {' and '.join(kinds)}; what is found there does not count."] if kinds else []


def _count_training_frames(model: Model, data: Dataset) -> int:
    """The number of frames from drives that a baseline of ours was trained on."""
    known: frozenset[str] = getattr(model, "trained_on", frozenset())
    if getattr(model, "data", None) != data.root:
        return 0
    return sum(record.group in known for record in data.records)
