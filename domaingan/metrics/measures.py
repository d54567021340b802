"""The table of all measures: their names, words for readers, units, and whether less is better.

A metric's name is ``MEASURE`` or ``MEASURE:CLASS``, such as ``dice:enhancing``. What is said of a measure
anywhere stands here. ``docs/metrics.md`` says how each is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Literal

from domaingan.core.errors import DataError

MeasureGroup = Literal["overlap", "precision", "volumes", "lesions", "surfaces", "boxes", "probabilities"]

OPTIONAL_GROUPS: tuple[MeasureGroup, ...] = ("precision", "volumes", "lesions", "surfaces")
"""Groups of measures of masks that can be left out; ``overlap`` is always computed."""

VOLUME_UNITS = {"mm3": "mm³", "mm2": "mm²", "voxels": "voxels", "pixels": "pixels"}
"""How volumes and areas are written, by what the name of a measure ends on."""

SIZE_WORDS = ("small", "medium", "large")


@dataclass(frozen=True)
class Measure:
    """Say what a reader must know of a measure.

    Attributes:
        name: of the measure, the part of a metric's name before the colon.
        words: what it is called in tables.
        group: which measures it is computed with.
        unit: of its values; empty for shares and for numbers without a unit.
        is_lower_better: whether less is better.
        is_share: whether it is 0 to 1, shown in percent, and differences in percentage points.
        is_headline: whether it stands in the first table of a report; the others stand in a table of details.
        is_zero_if_missed: whether it is 0 where nothing is found.
    """

    name: str
    words: str
    group: MeasureGroup
    unit: str = ""
    is_lower_better: bool = False
    is_share: bool = True
    is_headline: bool = False
    is_zero_if_missed: bool = False

    @property
    def is_without_class(self) -> bool:
        """Whether it is about people who do not have the class, and about no others."""
        return self.name == "false" or self.name.startswith("false_")


def _list_overlap_measures() -> list[Measure]:
    return [
        Measure("dice", "Dice", "overlap", is_headline=True, is_zero_if_missed=True),
        Measure("found", "Found", "overlap", is_headline=True),
        Measure("false", "False alarms", "overlap", is_lower_better=True, is_headline=True),
        Measure("miou", "Mean IoU", "overlap", is_headline=True, is_zero_if_missed=True),
        Measure("iou", "IoU", "overlap", is_headline=True, is_zero_if_missed=True),
        Measure("pixel_precision", "Precision of pixels", "overlap"),
        Measure("pixel_recall", "Recall of pixels", "overlap"),
        Measure("auprc", "Average precision (AUPRC)", "precision", is_headline=True),
    ]


def _list_volume_measures() -> list[Measure]:
    measures = []
    for suffix, unit in VOLUME_UNITS.items():
        noun = "volume" if suffix in ("mm3", "voxels") else "area"
        measures += [
            Measure(f"tp_{suffix}", f"Found {noun}", "volumes", unit, is_share=False),
            _make_fault(f"fn_{suffix}", f"Missed {noun}", "volumes", unit),
            _make_fault(f"fp_{suffix}", f"Wrong {noun}", "volumes", unit),
            _make_fault(f"false_{suffix}", f"Wrong {noun} without the class", "volumes", unit),
        ]
    return measures


def _make_fault(name: str, words: str, group: MeasureGroup, unit: str, *, is_headline: bool = False) -> Measure:
    """Make a measure of what is wrong: it has a unit, and less is better."""
    return Measure(name, words, group, unit, is_lower_better=True, is_share=False, is_headline=is_headline)


def _list_lesion_measures() -> list[Measure]:
    measures = [
        Measure("lesion_f1", "Lesion F1", "lesions", is_headline=True),
        Measure("lesion_sensitivity", "Lesion sensitivity", "lesions", is_headline=True),
    ]
    for size in SIZE_WORDS:
        measures.append(Measure(f"lesion_sensitivity_{size}", f"Sensitivity to {size} lesions", "lesions"))
    measures.append(_make_fault("fp_lesions", "Wrong lesions", "lesions", "lesions"))
    measures.append(_make_fault("false_lesions", "Wrong lesions without the class", "lesions", "lesions"))
    return measures


def _list_surface_measures() -> list[Measure]:
    measures = [Measure("nsd", "Surface Dice (NSD)", "surfaces", is_headline=True)]
    for suffix, unit in (("", "mm"), ("_voxels", "voxels"), ("_pixels", "pixels")):
        measures.append(_make_fault(f"hd95{suffix}", "HD95", "surfaces", unit, is_headline=True))
    return measures


def _list_box_measures() -> list[Measure]:
    measures = [
        Measure("ap", "AP", "boxes", is_headline=True, is_zero_if_missed=True),
        Measure("ap50", "AP50", "boxes", is_headline=True, is_zero_if_missed=True),
        Measure("ap75", "AP75", "boxes", is_zero_if_missed=True),
    ]
    for size in ("tiny", *SIZE_WORDS, "huge"):
        measures.append(Measure(f"ap_{size}", f"AP of {size} objects", "boxes"))
    measures += [
        Measure("ap10to50", "AP (IoU 0.1 to 0.5)", "boxes", is_headline=True, is_zero_if_missed=True),
        Measure("ap10", "AP10", "boxes", is_headline=True, is_zero_if_missed=True),
        Measure("cpm", "FROC score (CPM)", "boxes", is_headline=True, is_zero_if_missed=True),
    ]
    for name, words in FROC_MEASURES.values():
        measures.append(Measure(name, words, "boxes"))
    return measures


FROC_MEASURES = {
    0.125: ("froc_eighth", "Sensitivity at 1/8 false positive an image"),
    0.25: ("froc_quarter", "Sensitivity at 1/4 false positive an image"),
    0.5: ("froc_half", "Sensitivity at 1/2 false positive an image"),
    1.0: ("froc_1", "Sensitivity at 1 false positive an image"),
    2.0: ("froc_2", "Sensitivity at 2 false positives an image"),
    4.0: ("froc_4", "Sensitivity at 4 false positives an image"),
    8.0: ("froc_8", "Sensitivity at 8 false positives an image"),
}
"""Name and words of the sensitivity at each number of false positives an image (Setio et al. 2017, LUNA16)."""


def _list_probability_measures() -> list[Measure]:
    return [
        Measure("auroc", "AUROC", "probabilities", is_headline=True),
        Measure("balanced_accuracy", "Balanced accuracy", "probabilities", is_headline=True),
        Measure("recall", "Recall", "probabilities"),
        Measure("ece", "Calibration error (ECE)", "probabilities", is_lower_better=True, is_headline=True),
        Measure("brier", "Brier score", "probabilities", is_lower_better=True, is_share=False),
    ]


def _build_table() -> dict[str, Measure]:
    measures = [
        *_list_overlap_measures(),
        *_list_volume_measures(),
        *_list_lesion_measures(),
        *_list_surface_measures(),
        *_list_box_measures(),
        *_list_probability_measures(),
    ]
    return {measure.name: measure for measure in measures}


MEASURES: dict[str, Measure] = _build_table()
"""All measures by name."""


def split_metric(metric: str) -> tuple[str, str]:
    """Split a metric's name into its measure and the class or region; the second is empty where there is none.

    >>> split_metric("hd95:enhancing"), split_metric("miou")
    (('hd95', 'enhancing'), ('miou', ''))
    """
    measure, _, target = metric.partition(":")
    return measure, target


def get_measure(metric: str) -> Measure:
    """Get what is known of a metric's measure.

    A name that is not in the table, as of an older or newer run, is taken for a share of which more is better.

    Args:
        metric: such as ``dice:enhancing``.

    >>> get_measure("hd95:enhancing").unit, get_measure("hd95:enhancing").is_lower_better
    ('mm', True)
    """
    name, _ = split_metric(metric)
    return MEASURES.get(name) or Measure(name, name, "overlap", is_headline=True)


def find_absent_classes(runs: Iterable[Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Find the classes and regions that nobody in the test has, so that nothing can be said of them.

    Args:
        runs: for each training the scores of each person, or block of a drive.

    Returns:
        Their names, in the order of the scores.

    >>> find_absent_classes([{"ann": {"dice:rare": float("nan"), "false:rare": 0.0, "dice:common": 0.5}}])
    ['rare']
    """
    is_present: dict[str, bool] = {}
    for run in runs:
        for row in run.values():
            for metric, value in row.items():
                _, target = split_metric(metric)
                if target and not get_measure(metric).is_without_class:
                    is_present[target] = is_present.get(target, False) or not isnan(value)
    return [target for target, is_there in is_present.items() if not is_there]


def parse_groups(names: str) -> tuple[MeasureGroup, ...]:
    """Parse the groups of measures that a person names.

    Args:
        names: groups joined by commas; ``all``, or ``overlap`` for none beside it.

    Returns:
        The groups of :data:`OPTIONAL_GROUPS` that are named, in its order.

    Raises:
        DataError: there is no such group.

    >>> parse_groups("surfaces,precision")
    ('precision', 'surfaces')
    """
    if names == "all":
        return OPTIONAL_GROUPS
    named = {name.strip() for name in names.split(",")}
    unknown = sorted(named - {*OPTIONAL_GROUPS, "overlap"})
    if unknown:
        raise DataError(f"no measures {unknown[0]!r}", expected=f"all, overlap, {', '.join(OPTIONAL_GROUPS)}")
    return tuple(group for group in OPTIONAL_GROUPS if group in named)
