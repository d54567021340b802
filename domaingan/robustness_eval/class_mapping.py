"""Which class of a model is which class of the data: by name, or as the user says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domaingan.core.errors import DataError
from domaingan.robustness_eval.class_names import are_synonyms, format_map_option, join_names, normalise_name


@dataclass(frozen=True)
class ClassMapping:
    """Which class of a model is which class of the data.

    Attributes:
        data_classes: the classes of the data that can be scored: values by name.
        user_mapping: names of the model's classes to names of the data's, as the user says.

    Raises:
        DataError: the user maps to a class that the data does not have.
    """

    data_classes: dict[str, int]
    user_mapping: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for model_class, data_class in self.user_mapping.items():
            if self._find_same_name(data_class) is None:
                found = f"--map {model_class}={data_class}: the data has no class {data_class!r}"
                raise DataError(found, expected=f"one of {join_names(self.data_classes, 99)}")

    def find_data_class(self, model_class: str) -> str | None:
        """Find the data's name of a class of the model; None where the data does not have it."""
        name = model_class
        for mapped_class, data_class in self.user_mapping.items():
            if normalise_name(mapped_class) == normalise_name(model_class):
                name = data_class
        return self._find_same_name(name)

    def _find_same_name(self, name: str) -> str | None:
        """Find the class of the data whose name is spelt alike."""
        for data_class in self.data_classes:
            if normalise_name(data_class) == normalise_name(name):
                return data_class
        return None

    def list_pairs(self, model_classes: Iterable[str]) -> list[tuple[str, str]]:
        """List the classes of the model that the data has, each with the data's name."""
        pairs = []
        for model_class in model_classes:
            data_class = self.find_data_class(model_class)
            if data_class is not None:
                pairs.append((model_class, data_class))
        return pairs

    def map_values(self, model_classes: Mapping[str, int]) -> dict[int, int]:
        """Map the model's class numbers to the data's class values, where the data has the class.

        Args:
            model_classes: the model's numbers by class name.
        """
        values = {}
        for model_class, data_class in self.list_pairs(model_classes):
            values[model_classes[model_class]] = self.data_classes[data_class]
        return values

    def select_scored(self, model_classes: Iterable[str], has_fixed_classes: bool) -> dict[str, int]:
        """Select the data's classes that are scored: those that the model knows.

        Args:
            model_classes: names of the model's classes.
            has_fixed_classes: these are all that it knows; otherwise every class of the data is scored.

        Returns:
            The data's values by name.
        """
        if not has_fixed_classes:
            return dict(self.data_classes)
        known = {data_class for _, data_class in self.list_pairs(model_classes)}
        return {name: value for name, value in self.data_classes.items() if name in known}

    def propose_mapping(self, model_classes: Iterable[str]) -> dict[str, str]:
        """Propose a class of the model for each class of the data without a partner, if their names are synonyms.

        Args:
            model_classes: names of the model's classes.

        Returns:
            Names of the data by names of the model, as ``--map`` takes them.
        """
        known = list(model_classes)
        matched = {data_class for _, data_class in self.list_pairs(known)}
        free = [name for name in known if self.find_data_class(name) is None]
        proposed: dict[str, str] = {}
        for data_class in self.data_classes:
            partners = [name for name in free if are_synonyms(name, data_class)]
            if data_class not in matched and partners:
                proposed[partners[0]] = data_class
        return proposed

    def check_names(self, model_classes: Iterable[str], has_fixed_classes: bool) -> None:
        """Refuse names that do not match.

        Args:
            model_classes: names of the model's classes.
            has_fixed_classes: these are all that it knows.

        Raises:
            DataError: the user maps a class that the model does not have, or the data has no class of the model.
        """
        known = list(model_classes)
        if has_fixed_classes:
            spelled = {normalise_name(name) for name in known}
            for model_class, data_class in self.user_mapping.items():
                if normalise_name(model_class) not in spelled:
                    found = f"--map {model_class}={data_class}: the model has no class {model_class!r}"
                    raise DataError(found, expected=f"one of {join_names(known)}")
        if known and not self.list_pairs(known):
            found = f"no class of the model ({join_names(known)}) is one of the data ({join_names(self.data_classes)})"
            option = format_map_option(self.propose_mapping(known)) or "--map THEIRS=OURS"
            raise DataError(found, expected=f"matching names, or {option}")
