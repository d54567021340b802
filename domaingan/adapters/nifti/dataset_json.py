"""nnU-Net's ``dataset.json``: read, and written again with every key that has not changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.adapters.class_definitions import ClassDefinitions, parse_classes
from domaingan.adapters.nifti.nifti_streams import NIFTI_SUFFIXES
from domaingan.core.errors import DataError
from domaingan.data import Record, Schema

DATASET_JSON = "dataset.json"

TEST_SPLIT = "test"


def get_file_ending(stored: Mapping[str, Any]) -> str:
    """Get the suffix of the files that are written.

    Args:
        stored: the description in ``dataset.json``.

    Returns:
        Its ``file_ending`` where that is a suffix of NIfTI files, else ``.nii.gz``.
    """
    ending = stored.get("file_ending", NIFTI_SUFFIXES[0])
    return ending if ending in NIFTI_SUFFIXES else NIFTI_SUFFIXES[0]


def parse_channels(stored: Mapping[str, Any], path: Path) -> list[str]:
    """Parse the channels' names in their order. Names that occur more than once get a number.

    Args:
        stored: the description in ``dataset.json``.
        path: the file, for messages.

    Raises:
        DataError: the channels are not numbered from 0.
    """
    names = stored.get("channel_names", stored.get("modality"))
    keys = [str(i) for i in range(len(names))] if isinstance(names, dict) else []
    if not keys or set(names) != set(keys):
        raise DataError(f"channel_names {names}", path=path, expected='{"0": name, "1": name, …}')
    ordered = [str(names[key]) for key in keys]
    channels = []
    for i, name in enumerate(ordered):
        channels.append(f"{name}_{i}" if ordered.count(name) > 1 else name)
    return channels


def parse_labels(stored: Mapping[str, Any], path: Path) -> ClassDefinitions:
    """Parse classes, regions and ignored values of ``labels``.

    Where regions stand in place of classes, a value is named after the region that holds this value alone, else after
    the smallest region that holds it, with the value: ``tumour_core_2``.

    Args:
        stored: the description in ``dataset.json``.
        path: the file, for messages.

    Raises:
        DataError: they are no labels.
    """
    labels = stored.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise DataError(f"labels {labels}", path=path, expected='{"background": 0, name: value, …}')
    if _is_first_version(labels):
        labels = {name: int(value) for value, name in labels.items()}
    regions: dict[str, list[Any]] = {}
    classes: dict[str, Any] = {}
    for name, value in labels.items():
        if name == "ignore":
            continue
        if isinstance(value, list):
            regions[name] = value
        else:
            classes[name] = value
    _add_classes_of_regions(classes, regions)
    ignore = labels.get("ignore", [])
    in_order = sorted(classes.items(), key=lambda item: item[1] if isinstance(item[1], int) else 0)
    described = {
        "classes": dict(in_order),
        "ignore": ignore if isinstance(ignore, list) else [ignore],
        "objects": stored.get("objects", []),
        "regions": {name: values for name, values in regions.items() if name not in classes},
    }
    return parse_classes(described, path)


def _is_first_version(labels: Mapping[str, Any]) -> bool:
    """Whether labels are as nnU-Net v1 has them: names by value, with the values as texts."""
    return all(isinstance(value, str) and value.isdigit() and isinstance(name, str) for value, name in labels.items())


def _add_classes_of_regions(classes: dict[str, Any], regions: Mapping[str, Sequence[Any]]) -> None:
    """Add a class for each value that only regions hold, named after the smallest of them."""
    for name, values in sorted(regions.items(), key=lambda item: len(item[1])):
        for value in values:
            if value not in classes.values():
                class_name = name if len(values) == 1 else f"{name}_{value}"
                classes[class_name] = value


def build_dataset_json(schema: Schema, records: Sequence[Record]) -> dict[str, Any]:
    """Build the contents of ``dataset.json``.

    Args:
        schema: the dataset's. Every key of its ``description`` is kept, but for what has changed.
        records: of all cases.

    Returns:
        The JSON object.

    Raises:
        DataError: a region has the name of a class.
    """
    training_names = sorted(record.name for record in records if record.split != TEST_SPLIT)
    test_names = sorted(record.name for record in records if record.split == TEST_SPLIT)
    new = _build_new_description(schema, len(training_names))
    stored = schema.description
    if not stored:
        return new
    described = dict(stored)
    if parse_channels(stored, Path(DATASET_JSON)) != list(schema.channels):
        described["channel_names"] = new["channel_names"]
        described.pop("modality", None)
    if not _has_same_classes(stored, schema):
        described["labels"] = new["labels"]
        described["regions_class_order"] = new.get("regions_class_order")
        if not described["regions_class_order"]:
            del described["regions_class_order"]
    if list(schema.objects) != stored.get("objects", []):
        described["objects"] = list(schema.objects)
    described["numTraining"] = len(training_names)
    return described | _build_file_lists(stored, schema, training_names, test_names)


def _build_file_lists(
    stored: Mapping[str, Any], schema: Schema, training_names: Sequence[str], test_names: Sequence[str]
) -> dict[str, Any]:
    """Build those keys that list files which the description has, for the cases that are written."""
    ending = get_file_ending(stored)
    lists: dict[str, Any] = {}
    if "dataset" in stored:
        lists["dataset"] = {}
        for name in training_names:
            images = [f"imagesTr/{name}_{i:04d}{ending}" for i in range(len(schema.channels))]
            lists["dataset"][name] = {"images": images, "label": f"labelsTr/{name}{ending}"}
    if "training" in stored:  # as nnU-Net v1 and the Decathlon have it
        lists["training"] = []
        for name in training_names:
            lists["training"].append({"image": f"./imagesTr/{name}{ending}", "label": f"./labelsTr/{name}{ending}"})
    if "test" in stored:
        lists["test"] = [f"./imagesTs/{name}{ending}" for name in test_names]
    if "numTest" in stored:
        lists["numTest"] = len(test_names)
    return lists


def _has_same_classes(stored: Mapping[str, Any], schema: Schema) -> bool:
    """Whether the description's labels are the schema's classes, regions and ignored values."""
    definitions = parse_labels(stored, Path(DATASET_JSON))
    regions = {name: tuple(values) for name, values in definitions.regions.items()}
    return (
        definitions.foreground_classes == schema.classes
        and regions == schema.regions
        and tuple(definitions.ignore) == tuple(schema.ignore)
    )


def _build_new_description(schema: Schema, n_training: int) -> dict[str, Any]:
    """Build the contents for a dataset that has none. nnU-Net ignores the key ``objects``.

    nnU-Net trains on regions where there is any, from the largest to the classes, in the order of the labels.

    Raises:
        DataError: a region has the name of a class.
    """
    by_size = sorted(schema.regions.items(), key=lambda item: -len(item[1]))
    regions = {name: list(values) for name, values in by_size}
    for name in regions:
        if name in schema.classes:
            expected = "a name of its own, for dataset.json"
            raise DataError(f"region {name!r} is called as a class is", expected=expected)
    described: dict[str, Any] = {
        "channel_names": {str(i): name for i, name in enumerate(schema.channels)},
        "labels": {"background": 0, **regions, **schema.classes},
        "numTraining": n_training,
        "file_ending": NIFTI_SUFFIXES[0],
    }
    if regions:
        first_values = [values[0] for values in regions.values()]
        described["regions_class_order"] = first_values + list(schema.classes.values())
    if schema.ignore:
        described["labels"]["ignore"] = schema.ignore[0] if len(schema.ignore) == 1 else list(schema.ignore)
    if schema.objects:
        described["objects"] = list(schema.objects)
    return described
