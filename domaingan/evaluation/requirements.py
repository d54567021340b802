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
from domaingan.evaluation.arm_banks import is_real, served
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import Fold


def check_arms(arms: Sequence[Arm], folds: Sequence[Fold], config: EvaluationConfig, given: Bank | None) -> None:
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
        if arm.weather and is_scan:
            raise _lack(arm, "weather on scans", folds[0].train, "frames")
        if arm.sources or arm.looks:
            _check_size(arm, config.size, folds[0].train)
        if "inpaint" in arm.sources and not _is_served("inpaint", given):
            _check_healthy(arm, folds[0].train)
        for look in arm.looks:
            _check_look(arm, look, folds, config, given)
    _check_labels(folds, config)
    pasting = [arm for arm in arms if arm.sources]
    if pasting:
        for fold in folds:
            _check_crops(pasting[0], fold.train, config.size, given)


def has_crops(train: Dataset, size: int, left_out: Counter[str] | None = None) -> bool:
    """Whether any object can be cut from samples; they are read until one is found.

    Args:
        train: labelled samples.
        size: edge of a crop.
        left_out: counts what was not taken until then.
    """
    counts = Counter[str]() if left_out is None else left_out
    return any(find_objects(sample, train.schema, size, counts) for sample in train)


def _check_crops(arm: Arm, train: Dataset, size: int, given: Bank | None) -> None:
    """Refuse training samples of which nothing can be cut.

    Raises:
        DataError: so it is, and no bank of real crops is given in their place.
    """
    if given is not None and is_real(given):
        return
    left_out: Counter[str] = Counter()
    if has_crops(train, size, left_out):
        return
    found = "no object in any training mask" + "".join(f", {n} {why}" for why, n in left_out.items())
    expected = f"at least one of {', '.join(list_crop_classes(train.schema))}"
    if left_out[BOX_WITHOUT_MASK]:
        expected = "masks; or a bank of crops --masks grabcut of the training samples as --bank; or arms without crops"
    raise _lack(arm, found, train, expected)


def _check_look(arm: Arm, look: str, folds: Sequence[Fold], config: EvaluationConfig, given: Bank | None) -> None:
    """Refuse an arm without looks, or without those that are tested.

    Raises:
        DataError: it is such an arm.
    """
    if given is not None and look in served(given):
        Relight(given, only=config.looks)
        return
    for fold in folds:
        train = fold.train
        if not train.schema.conditions:
            expected = "a condition, such as a column 'lighting' of samples.csv"
            raise _lack(arm, "no condition to relight towards", train, expected)
        for name, values in config.looks.items():
            there = {str(value) for record in train.records if (value := record.condition.get(name, "")) != ""}
            missing = [value for value in values if value not in there]
            if missing:
                found = f"no training sample with {name}={','.join(missing)}, which is tested"
                raise _lack(
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
        raise _lack(arm, f"crops of size {size}", train, "a power of two, at least 8")


def _check_healthy(arm: Arm, train: Dataset) -> None:
    if HEALTHY_VALUE in list_crop_classes(train.schema):
        raise _lack(arm, f"a class called {HEALTHY_VALUE}", train, "another name: inpaint calls so what has no object")


def _is_served(source: str, given: Bank | None) -> bool:
    return given is not None and source in served(given)


def _lack(arm: Arm, found: str, train: Dataset, expected: str) -> DataError:
    return DataError(f"arm {arm.name}: {found}", path=train.root, expected=expected)
