"""What a robustness run measures, whichever model it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from domaingan.core.errors import DataError
from domaingan.corruptions import SEVERITIES, expand_names
from domaingan.robustness_eval.cells import Cell
from domaingan.robustness_eval.model_specs import ModelOptions


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run, the same for every model that is compared.

    Attributes:
        corruptions: names of corruptions.
        severities: 1 to 5, in ascending order.
        resize: height and width of the pictures that models are shown; None leaves them at their own.
        seed: every corruption follows from it.
        options: how models are to be read.
        command: the shell command, recorded.
    """

    corruptions: tuple[str, ...]
    severities: tuple[int, ...] = SEVERITIES
    resize: tuple[int, int] | None = None
    seed: int = 0
    options: ModelOptions = field(default_factory=ModelOptions)
    command: str = ""

    def list_cells(self) -> list[Cell]:
        """List what is measured: clean first, then every corruption at every severity."""
        cells = [Cell()]
        for name in self.corruptions:
            for severity in self.severities:
                cells.append(Cell(name, severity))
        return cells


def read_corruptions(names: Sequence[str] | None) -> tuple[str, ...]:
    """Read names of corruptions or of their groups; None stands for all corruptions.

    Raises:
        DataError: one of them is unknown.
    """
    return expand_names("all" if names is None else ",".join(names))


def read_severities(severities: int | Sequence[int]) -> tuple[int, ...]:
    """Read one severity or several, in ascending order.

    Raises:
        DataError: one of them is not from 1 to 5, or there are none.
    """
    values = [severities] if isinstance(severities, int) else list(severities)
    wrong = [value for value in values if value not in SEVERITIES]
    if wrong or not values:
        text = ", ".join(map(str, wrong)) or "(none)"
        raise DataError(f"severities {text}", expected="some of 1 to 5")
    return tuple(sorted(set(values)))
