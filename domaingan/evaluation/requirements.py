"""What arms need of the training samples, checked before anything is trained."""

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
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.split import Fold

MIN_CROP_SIZE = 8


def check_arms(folds: Sequence[Fold], config: EvaluationConfig, user_bank: Bank | None) -> None:
    """Refuse arms that lack something in any fold: objects to cut, styles to relight towards, frames for weather.

    Args:
        folds: training and test samples.
        config: the arms, the task, sizes and target conditions.
        user_bank: the bank of the user, if any.

    Raises:
        DataError: an arm lacks something.
    """
    train = folds[0].train
    arms = config.parsed_arms
    for arm in arms:
        if arm.has_weather and not train.schema.domain.is_rgb:
            raise _make_error(arm, "weather on scans", train, "frames")
        if arm.sources:
            _check_size(arm, config.size, train)
        if "inpaint" in arm.paste_sources and not _is_supported("inpaint", user_bank):
            _check_healthy(arm, train)
        for source in arm.relight_sources:
            _check_relight_source(arm, source, folds, config, user_bank)
    check_shares(arms, folds, config, user_bank)
    _check_pasting_arms(arms, folds, config, user_bank)


def _check_pasting_arms(
    arms: Sequence[Arm], folds: Sequence[Fold], config: EvaluationConfig, user_bank: Bank | None
) -> None:
    """Refuse an arm that pastes where nothing can be cut from its share of the people."""
    pasting: dict[float, Arm] = {}
    for arm in arms:
        if arm.paste_sources:
            pasting.setdefault(arm.modifiers.crop_share, arm)
    for fold in folds:
        shares = PeopleShares.draw(fold.train.records, config.seed)
        for share, arm in pasting.items():
            _check_crops(arm, shares.select(fold.train, share), config.size, user_bank)


def check_shares(arms: Sequence[Arm], folds: Sequence[Fold], config: EvaluationConfig, user_bank: Bank | None) -> None:
    """Refuse shares of people that are all of them, that a detector cannot use, or that are not in a user's bank.

    Args:
        arms: the arms.
        folds: training and test samples.
        config: the task, and the seed that draws the shares.
        user_bank: the bank of the user, if any.

    Raises:
        DataError: one of these.
    """
    for arm in arms:
        modifiers = arm.modifiers
        shares = {"people": modifiers.people, "crops": modifiers.crop_share, "hosts": modifiers.host_share}
        if arm.has_unlabelled_people and config.task != "segmentation":
            found = f"hosts={modifiers.host_share:g}, more than people={modifiers.people:g}, for {config.task}"
            expected = "no more: the hosts' own objects would be learned as background"
            raise _make_error(arm, found, folds[0].train, expected)
        for key, share in shares.items():
            for fold in folds:
                people = PeopleShares.draw(fold.train.records, config.seed)
                if share < 1 and len(people.take(share)) == len(people.people):
                    found = f"{key}={share:g} of {len(people.people)}, which are all of them"
                    raise _make_error(arm, found, fold.train, "a smaller share, or more training people")
        is_from_bank = user_bank is not None and not is_real_bank(user_bank)
        if is_from_bank and min(shares.values()) < 1 and any(_is_supported(part, user_bank) for part in arm.sources):
            expected = "no share: nobody knows which entry is of whom"
            raise _make_error(arm, "a share of the people beside a bank", folds[0].train, expected)


def has_crops(train: Dataset, size: int, left_out: Counter[str] | None = None) -> bool:
    """Return whether any object can be cut from samples; they are read until one is found.

    Args:
        train: labelled samples.
        size: edge of a crop.
        left_out: counts the objects that could not be cut until then, by reason.
    """
    counts = Counter[str]() if left_out is None else left_out
    return any(find_objects(sample, train.schema, size, counts) for sample in train)


def _check_crops(arm: Arm, train: Dataset, size: int, user_bank: Bank | None) -> None:
    """Refuse training samples from which nothing can be cut, unless the user's bank of real crops replaces them."""
    if user_bank is not None and is_real_bank(user_bank):
        return
    left_out: Counter[str] = Counter()
    if has_crops(train, size, left_out):
        return
    reasons = [f", {n} {reason}" for reason, n in left_out.items()]
    found = "no object in any training mask" + "".join(reasons)
    expected = f"at least one of {', '.join(list_crop_classes(train.schema))}"
    if left_out[BOX_WITHOUT_MASK]:
        expected = "masks; or a bank of crops --masks grabcut of the training samples as --bank; or arms without crops"
    raise _make_error(arm, found, train, expected)


def _check_relight_source(
    arm: Arm, source: str, folds: Sequence[Fold], config: EvaluationConfig, user_bank: Bank | None
) -> None:
    """Refuse an arm that has no styles, or not those that are tested."""
    if user_bank is not None and _is_supported(source, user_bank):
        Relight(user_bank, only=config.target_conditions)
        return
    for fold in folds:
        train = fold.train
        if not train.schema.conditions:
            expected = "a condition, such as a column 'lighting' of samples.csv"
            raise _make_error(arm, "no condition to relight towards", train, expected)
        for name, values in config.target_conditions.items():
            available = _list_condition_values(train, name)
            missing = [value for value in values if value not in available]
            if missing:
                found = f"no training sample with {name}={','.join(missing)}, which is tested"
                expected = f"some to relight towards; there are {', '.join(available) or 'none'}"
                raise _make_error(arm, found, train, expected)


def _list_condition_values(train: Dataset, name: str) -> list[str]:
    values = {str(record.condition.get(name, "")) for record in train.records}
    return sorted(values - {""})


def _check_size(arm: Arm, size: int, train: Dataset) -> None:
    is_power_of_two = size & (size - 1) == 0
    if size < MIN_CROP_SIZE or not is_power_of_two:
        raise _make_error(arm, f"crops of size {size}", train, "a power of two, at least 8")


def _check_healthy(arm: Arm, train: Dataset) -> None:
    if HEALTHY_VALUE in list_crop_classes(train.schema):
        found = f"a class called {HEALTHY_VALUE}"
        raise _make_error(arm, found, train, "another name: inpaint calls so what has no object")


def _is_supported(source: str, user_bank: Bank | None) -> bool:
    return user_bank is not None and source in list_supported_sources(user_bank)


def _make_error(arm: Arm, found: str, train: Dataset, expected: str) -> DataError:
    return DataError(f"arm {arm.name}: {found}", path=train.root, expected=expected)
