"""How long something takes, as a person says it."""

from __future__ import annotations


def describe_duration(seconds: float) -> str:
    """Say a duration in at most two units.

    >>> describe_duration(42.4), describe_duration(300), describe_duration(312), describe_duration(7384)
    ('42 s', '5 min', '5 min 12 s', '2 h 3 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    if rest == 0:
        return f"{minutes} min"
    return f"{minutes} min {rest} s"
