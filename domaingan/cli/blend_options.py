"""The options of ``domaingan blend`` as the arguments of a paste or a relight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from typer.core import TyperCommand

from domaingan.cli.blend_methods_help import describe_methods
from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.banks import Bank
    from domaingan.blend import Paste, Relight
    from domaingan.data import Schema

Level = Literal["light", "medium", "strong"]
Placement = Literal["uniform", "prior"]


class BlendCommand(TyperCommand):
    """The command ``blend``: ``--classic`` alone means ``--classic medium``, and its help lists the methods."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help. Only then the methods are imported, as that takes a second."""
        for parameter in self.params:
            if parameter.name == "method":
                parameter.help = describe_methods()  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the level that is missing, then parse the arguments."""
        levels = get_args(Level)
        completed = []
        for position, argument in enumerate(args):
            completed.append(argument)
            following = args[position + 1] if position + 1 < len(args) else ""
            if argument == "--classic" and following not in levels:
                completed.append("medium")
        parsed: list[str] = super().parse_args(ctx, completed)
        return parsed


def check_bank_dims(bank: Bank, dims: int | None) -> None:
    """Refuse a bank of other dimensions than ``--dims`` asks for.

    Args:
        bank: any bank.
        dims: 2 or 3; None accepts both.

    Raises:
        DataError: the dimensions differ.
    """
    if dims is not None and bank.info.spatial_dims != dims:
        expected = f"a {dims}D one, as domaingan crops --dims {dims} makes it"
        raise DataError(f"a {bank.info.spatial_dims}D bank", path=bank.path, expected=expected)


def parse_region(text: str | None) -> list[float] | None:
    """Read ``LEFT,TOP,RIGHT,BOTTOM`` as four numbers; None stays None.

    Raises:
        DataError: it is something else.
    """
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise DataError(f"--region {text}", expected="LEFT,TOP,RIGHT,BOTTOM, four shares from 0 to 1")
    return numbers


def parse_strength(text: str | None) -> tuple[float, float] | None:
    """Read ``LOW,HIGH`` as two numbers; one number stands for both, and None stays None.

    Raises:
        DataError: it is something else.
    """
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise DataError(f"--strength {text}", expected="LOW,HIGH, two numbers from 0 to 1")
    return numbers[0], numbers[-1]


def make_blender(
    bank: Bank,
    schema: Schema,
    method: str | None,
    per_image: int,
    only: Sequence[str],
    strength: tuple[float, float] | None,
    places: Mapping[str, Any],
    donors: Sequence[str] | None = None,
) -> Paste | Relight:
    """Make what a bank is blended with: a paste for crops, a relight for scenes.

    Args:
        bank: what is blended in.
        schema: of the hosts.
        method: name of the method; None for the default of the domain.
        per_image: at most this many crops in an image.
        only: classes of crops, or values of looks, that are used; all if empty.
        strength: lowest and highest strength of a relight; None for its default.
        places: ``placement``, ``atlas``, ``overlap`` and ``region`` of a paste; None where they are not given.
        donors: subjects whose crops may be pasted; None for all.

    Raises:
        DataError: a method or a value that the bank does not have, or places for scenes.
    """
    from domaingan.blend import Paste, Relight, find_conditions_of_looks

    stated = {name: value for name, value in places.items() if value is not None}
    if bank.info.kind == "crops":
        return Paste(bank, method, (1, per_image), only, schema=schema, donors=donors, **stated)
    if stated:
        first = next(iter(stated))
        raise DataError(f"--{first}", path=bank.path, expected="crops: scenes have no place")
    looks = find_conditions_of_looks(bank, only)
    if strength is None:
        return Relight(bank, method, only=looks, schema=schema)
    return Relight(bank, method, strength, looks, schema=schema)
