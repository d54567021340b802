"""What arms need of the training samples, looked at before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from domaingan.banks import HEALTHY_VALUE, Bank
from domaingan.banks.crops import list_crop_classes
from domaingan.banks.find_objects import BOX_WITHOUT_MASK, find_objects
from domaingan.blend import Relight
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.evaluation.arm_banks import is_real_bank, list_supported_sources
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import Fold


def check_arms(arms: Sequence[Arm], folds: Sequence[Fold], config: EvaluationConfig, user_bank: Bank | None) -> None:
    """Refuse what an arm lacks, be it in the last fold: objects to cut, looks to relight towards, frames for weather.

    Args:
        arms: those that are compared.
        folds: with their training and test samples.
        config: the task, sizes and looks.
        given: the bank that was given.

    Raises:
        DataError: an arm lacks something.
    """
    is_scan = not folds[0].train.schema.domain.is_rgb
    for arm in arms:
        if arm.has_weather and is_scan:
            raise _make_error(arm, "weather on scans", folds[0].train, "frames")
        if arm.paste_sources or arm.relight_sources:
            _check_size(arm, config.size, folds[0].train)
        if "inpaint" in arm.paste_sources and not _is_supported("inpaint", user_bank):
            _check_healthy(arm, folds[0].train)
        for look in arm.relight_sources:
            _check_relight_source(arm, look, folds, config, user_bank)
    _check_labels(folds, config)
    pasting = [arm for arm in arms if arm.paste_sources]
    if pasting:
        for fold in folds:
            _check_crops(pasting[0], fold.train, config.size, user_bank)


def has_crops(train: Dataset, size: int, left_out: Counter[str] | None = None) -> bool:
    """Whether any object can be cut from samples; they are read until one is found.

    Args:
        train: labelled samples.
        size: edge of a crop.
        left_out: counts what was not taken until then.
    """
    counts = Counter[str]() if left_out is None else left_out
    return any(find_objects(sample, train.schema, size, counts) for sample in train)


def _check_crops(arm: Arm, train: Dataset, size: int, user_bank: Bank | None) -> None:
    """Refuse training samples of which nothing can be cut.

    Raises:
        DataError: so it is, and no bank of real crops is given in their place.
    """
    if user_bank is not None and is_real_bank(user_bank):
        return
    left_out: Counter[str] = Counter()
    if has_crops(train, size, left_out):
        return
    found = "no object in any training mask" + "".join(f", {n} {why}" for why, n in left_out.items())
    expected = f"at least one of {', '.join(list_crop_classes(train.schema))}"
    if left_out[BOX_WITHOUT_MASK]:
        expected = "masks; or a bank of crops --masks grabcut of the training samples as --bank; or arms without crops"
    raise _make_error(arm, found, train, expected)


def _check_relight_source(
    arm: Arm, source: str, folds: Sequence[Fold], config: EvaluationConfig, user_bank: Bank | None
) -> None:
    """Refuse an arm without looks, or without those that are tested.

    Raises:
        DataError: it is such an arm.
    """
    if user_bank is not None and source in list_supported_sources(user_bank):
        Relight(user_bank, only=config.looks)
        return
    for fold in folds:
        train = fold.train
        if not train.schema.conditions:
            expected = "a condition, such as a column 'lighting' of samples.csv"
            raise _make_error(arm, "no condition to relight towards", train, expected)
        for name, values in config.looks.items():
            there = {str(value) for record in train.records if (value := record.condition.get(name, "")) != ""}
            missing = [value for value in values if value not in there]
            if missing:
                found = f"no training sample with {name}={','.join(missing)}, which is tested"
                raise _make_error(
                    arm, found, train, f"some to relight towards; there are {', '.join(sorted(there)) or 'none'}"
                )


def _check_labels(folds: Sequence[Fold], config: EvaluationConfig) -> None:
    """Refuse folds with nothing to find.

    Raises:
        DataError: a fold's training or test samples have no box.
    """
    for fold in folds if config.task == "detection" else ():
        for part, name in ((fold.train, "training"), (fold.test, "test")):
            if not any(sample.boxes is not None and len(sample.boxes) for sample in part):
                objects = ", ".join(part.schema.objects)
                raise DataError(f"no object in any {name} sample", path=part.root, expected=f"some of {objects}")


def _check_size(arm: Arm, size: int, train: Dataset) -> None:
    if size < 8 or size & (size - 1):
        raise _make_error(arm, f"crops of size {size}", train, "a power of two, at least 8")


def _check_healthy(arm: Arm, train: Dataset) -> None:
    if HEALTHY_VALUE in list_crop_classes(train.schema):
        raise _make_error(
            arm, f"a class called {HEALTHY_VALUE}", train, "another name: inpaint calls so what has no object"
        )


def _is_supported(source: str, user_bank: Bank | None) -> bool:
    return user_bank is not None and source in list_supported_sources(user_bank)


def _make_error(arm: Arm, found: str, train: Dataset, expected: str) -> DataError:
    return DataError(f"arm {arm.name}: {found}", path=train.root, expected=expected)
