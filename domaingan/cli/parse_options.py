"""Options that a person writes as one text, read as Python values."""

from __future__ import annotations

from domaingan.core.errors import DataError


def parse_conditions(texts: list[str] | None, option: str) -> dict[str, list[str]]:
    """Read ``NAME=VALUE[,VALUE]`` texts as the values of each name.

    Args:
        texts: as they were given; the values of a name that is given twice are joined.
        option: the option's name, for messages.

    Raises:
        DataError: a text has no name or no value.
    """
    values_by_name: dict[str, list[str]] = {}
    for text in texts or []:
        name, _, values = text.partition("=")
        if not name or not values:
            raise DataError(f"{option} {text}", expected="NAME=VALUE")
        stated = [value for value in values.split(",") if value]
        values_by_name.setdefault(name, []).extend(stated)
    return values_by_name


def parse_limits(texts: list[str] | None) -> list[tuple[str, str, int]]:
    """Read ``NAME=VALUE:N`` texts as name, value and number.

    Raises:
        DataError: a text has another form.
    """
    limits = []
    for text in texts or []:
        name, _, rest = text.partition("=")
        value, _, count = rest.rpartition(":")
        if not (name and value and count.isdigit()):
            raise DataError(f"--limit {text}", expected="NAME=VALUE:N")
        limits.append((name, value, int(count)))
    return limits


def parse_range(text: str) -> tuple[float, float]:
    """Read ``LOW,HIGH`` as two numbers.

    Raises:
        DataError: it is something else.
    """
    try:
        low, high = [float(part) for part in text.split(",")]
    except ValueError:
        raise DataError(f"--range {text}", expected="LOW,HIGH, such as -1000,1000") from None
    return low, high


def parse_height_width(text: str | None) -> tuple[int, int] | None:
    """Read ``H,W`` as two positive numbers; None stays None.

    Raises:
        DataError: it is something else.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    are_positive = all(part.isdigit() and int(part) > 0 for part in parts)
    if len(parts) != 2 or not are_positive:
        raise DataError(f"--resize {text}", expected="H,W, two positive numbers")
    return int(parts[0]), int(parts[1])


def parse_names(text: str | None) -> list[str] | None:
    """Read ``NAME,NAME`` as a list of names; None stays None."""
    if text is None:
        return None
    return [name for name in text.split(",") if name]


def parse_severities(text: str) -> list[int]:
    """Read ``1-5`` or ``1,3,5`` as numbers.

    Raises:
        DataError: it is something else.

    >>> parse_severities("2-4"), parse_severities("1,5")
    ([2, 3, 4], [1, 5])
    """
    severities: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdigit() or (dash and not high.isdigit()):
            raise DataError(f"--severities {text}", expected="1-5, or some of them, as 1,3,5")
        last = high if dash else low
        severities += range(int(low), int(last) + 1)
    return severities


def parse_mapping(texts: list[str] | None) -> dict[str, str]:
    """Read ``THEIRS=OURS,..`` texts as the name in the data of each class of a model.

    Raises:
        DataError: a text has another form.
    """
    mapping = {}
    for text in ",".join(texts or []).split(","):
        if not text:
            continue
        theirs, _, ours = text.partition("=")
        if not (theirs and ours):
            raise DataError(f"--map {text}", expected="THEIRS=OURS,..")
        mapping[theirs.strip()] = ours.strip()
    return mapping
