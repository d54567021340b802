"""What has to be there before a model is measured: the open model, the frames, and which classes are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.robustness_eval.answers import PredictionMapper
from domaingan.robustness_eval.class_mapping import ClassMapping
from domaingan.robustness_eval.labelled_frames import LabelledFrames, select_scorable, to_picture
from domaingan.robustness_eval.model_specs import ModelOptions, open_model
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.remarks import describe_class_mapping, describe_frames
from domaingan.robustness_eval.run_settings import RunSettings

MAX_EXAMPLE_FRAMES = 8
"""At most this many frames show how a model's outputs are to be read."""


@dataclass
class RunContext:
    """What has to be there before a model is measured.

    Attributes:
        model: the open model.
        frames: the labelled frames.
        class_mapping: which class of the model is which of the data.
        scored: the classes that count: the data's values by name.
        mapper: from the model's answers to the data's classes.
        class_notes: which classes are scored, said before anything runs.
        notes: what the report tells beside the numbers.
    """

    model: Model
    frames: LabelledFrames
    class_mapping: ClassMapping
    scored: dict[str, int]
    mapper: PredictionMapper
    class_notes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def prepare_context(data: Dataset, model: str | Model, mapping: Mapping[str, str], settings: RunSettings) -> RunContext:
    """Open a model, match its classes with those of the data, and read the frames.

    Args:
        data: labelled frames.
        model: a spec or an open model.
        mapping: names of the model's classes to names of the data's.
        settings: of the run.

    Raises:
        DataError: the data holds no labelled frames, the model cannot be read, or no class names match.
    """
    if not data.schema.domain.is_rgb:
        raise DataError(f"{data.schema.domain}s", path=data.root, expected="frames")
    opened = open_spec(model, data, settings.options)
    class_mapping = match_classes(opened, data, mapping)
    frames = LabelledFrames(data, opened.task, settings.resize)
    scored = class_mapping.select_scored(opened.classes, opened.has_fixed_classes)
    mapper = PredictionMapper(opened, class_mapping, data.schema)
    class_notes = describe_class_mapping(class_mapping, opened)
    notes = [*class_notes[1:], *describe_frames(frames, data, opened)]
    return RunContext(opened, frames, class_mapping, scored, mapper, class_notes, notes)


def match_classes(model: Model, data: Dataset, mapping: Mapping[str, str]) -> ClassMapping:
    """Match a model's classes with those of the data.

    Raises:
        DataError: names do not match.
    """
    class_mapping = ClassMapping(select_scorable(data.schema, model.task), dict(mapping))
    class_mapping.check_names(model.classes, model.has_fixed_classes)
    return class_mapping


def open_spec(model: str | Model, data: Dataset, options: ModelOptions) -> Model:
    """Open the model of a spec; the first frames show how it is to be read. An open model is returned as it is."""
    if not isinstance(model, str):
        return model
    example_count = min(MAX_EXAMPLE_FRAMES, len(data))
    examples = [to_picture(data[index].image) for index in range(example_count)]
    return open_model(model, examples, options)
