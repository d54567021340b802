"""nnU-Net's ``dataset.json``: read, and written again with every key kept but for what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.adapters.tables import ClassDefinitions, parse_classes
from domaingan.core.errors import DataError
from domaingan.data import Record, Schema

DATASET_JSON = "dataset.json"
NNUNET_SUFFIXES = (".nii.gz", ".nii")


def get_file_ending(stored: Mapping[str, Any]) -> str:
    """The ending of the files that are read and written."""
    ending = stored.get("file_ending", NNUNET_SUFFIXES[0])
    return ending if ending in NNUNET_SUFFIXES else NNUNET_SUFFIXES[0]


def parse_channels(stored: Mapping[str, Any], path: Path) -> list[str]:
    """The channels' names in their order; those that occur more than once are numbered.

    Args:
        stored: the description.
        path: its file, for messages.

    Raises:
        DataError: they are not numbered from 0.
    """
    names = stored.get("channel_names", stored.get("modality"))
    keys = [str(i) for i in range(len(names))] if isinstance(names, dict) else []
    if not keys or set(names) != set(keys):
        raise DataError(f"channel_names {names}", path=path, expected='{"0": name, "1": name, …}')
    ordered = [str(names[key]) for key in keys]
    return [f"{name}_{i}" if ordered.count(name) > 1 else name for i, name in enumerate(ordered)]


def parse_labels(stored: Mapping[str, Any], path: Path) -> ClassDefinitions:
    """Classes, regions and the ignore label of ``labels``.

    Where regions are given instead of classes, a value is called after the region that is this value alone, else
    after the smallest region that holds it, with the value: ``tumour_core_2``.

    Args:
        stored: the description.
        path: its file, for messages.

    Raises:
        DataError: they are no labels.
    """
    labels = stored.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise DataError(f"labels {labels}", path=path, expected='{"background": 0, name: value, …}')
    if all(isinstance(name, str) and name.isdigit() and isinstance(label, str) for name, label in labels.items()):
        labels = {label: int(value) for value, label in labels.items()}  # as nnU-Net v1 has it
    lists = {name: value for name, value in labels.items() if isinstance(value, list) and name != "ignore"}
    classes = {name: value for name, value in labels.items() if name not in lists and name != "ignore"}
    for name, values in sorted(lists.items(), key=lambda item: len(item[1])):
        for value in values:
            if value not in classes.values():
                classes[name if len(values) == 1 else f"{name}_{value}"] = value
    ignore = labels.get("ignore", [])
    described = {
        "classes": dict(sorted(classes.items(), key=lambda item: item[1] if isinstance(item[1], int) else 0)),
        "ignore": ignore if isinstance(ignore, list) else [ignore],
        "objects": stored.get("objects", []),
        "regions": {name: values for name, values in lists.items() if name not in classes},
    }
    return parse_classes(described, path)


def build_dataset_json(schema: Schema, records: Sequence[Record]) -> dict[str, Any]:
    """Make the contents of ``dataset.json`` for these cases.

    Args:
        schema: of the set; its ``description`` is kept key by key, but for what has changed.
        records: of the cases.

    Returns:
        The JSON object.
    """
    training = sorted(record.name for record in records if record.split != "test")
    tested = sorted(record.name for record in records if record.split == "test")
    fresh = _build_new_description(schema, len(training))
    stored = schema.description
    if not stored:
        return fresh
    described = dict(stored)
    if parse_channels(stored, Path(DATASET_JSON)) != list(schema.channels):
        described["channel_names"] = fresh["channel_names"]
        described.pop("modality", None)
    if not _has_same_classes(stored, schema):
        described |= {"labels": fresh["labels"], "regions_class_order": fresh.get("regions_class_order")}
        described = {key: value for key, value in described.items() if key != "regions_class_order" or value}
    if list(schema.objects) != stored.get("objects", []):
        described["objects"] = list(schema.objects)
    described["numTraining"] = len(training)
    return described | _build_file_lists(stored, schema, training, tested)


def _build_file_lists(
    stored: Mapping[str, Any], schema: Schema, training: Sequence[str], tested: Sequence[str]
) -> dict[str, Any]:
    """The keys that list files, where the description has them, for the cases as they are written."""
    ending, listed = get_file_ending(stored), dict[str, Any]()
    if "dataset" in stored:
        images = [f"_{i:04d}{ending}" for i in range(len(schema.channels))]
        listed["dataset"] = {
            name: {"images": [f"imagesTr/{name}{image}" for image in images], "label": f"labelsTr/{name}{ending}"}
            for name in training
        }
    if "training" in stored:  # as nnU-Net v1 and the Decathlon have it
        listed["training"] = [
            {"image": f"./imagesTr/{name}{ending}", "label": f"./labelsTr/{name}{ending}"} for name in training
        ]
    if "test" in stored:
        listed["test"] = [f"./imagesTs/{name}{ending}" for name in tested]
    if "numTest" in stored:
        listed["numTest"] = len(tested)
    return listed


def _has_same_classes(stored: Mapping[str, Any], schema: Schema) -> bool:
    """Whether the description's labels are the schema's classes, regions and ignored values."""
    classes = parse_labels(stored, Path(DATASET_JSON))
    regions = {name: tuple(values) for name, values in classes.regions.items()}
    found = (classes.foreground_classes, regions, tuple(classes.ignore))
    return found == (schema.classes, schema.regions, tuple(schema.ignore))


def _build_new_description(schema: Schema, training: int) -> dict[str, Any]:
    """``dataset.json`` for a schema; nnU-Net reads ``objects`` past, we read it back.

    nnU-Net trains on regions where there is any, from the largest to the classes, in the order of the labels.
    """
    regions = {name: list(values) for name, values in sorted(schema.regions.items(), key=lambda item: -len(item[1]))}
    if taken := [name for name in regions if name in schema.classes]:
        raise DataError(f"region {taken[0]!r} is called as a class is", expected="a name of its own, for dataset.json")
    described: dict[str, Any] = {
        "channel_names": {str(i): name for i, name in enumerate(schema.channels)},
        "labels": {"background": 0, **regions, **schema.classes},
        "numTraining": training,
        "file_ending": NNUNET_SUFFIXES[0],
    }
    if regions:
        described["regions_class_order"] = [values[0] for values in regions.values()] + list(schema.classes.values())
    if schema.ignore:
        described["labels"]["ignore"] = schema.ignore[0] if len(schema.ignore) == 1 else list(schema.ignore)
    return described | ({"objects": list(schema.objects)} if schema.objects else {})
