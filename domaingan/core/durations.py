"""How long something takes and how far it has come, as a person says it."""

from __future__ import annotations

from collections.abc import Mapping

SHOWN_METRICS = ("loss", "loss_d", "loss_g", "kid")
"""The few numbers that stand behind the progress; ``log.csv`` has all of them."""


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


def describe_progress(step: int, total: int, seconds: float, done: int) -> str:
    """Say how far work has come: its share, the step, and the time left where it can be reckoned.

    Args:
        step: the step that was reached.
        total: the last step.
        seconds: how long the last ``done`` steps took.
        done: the steps taken in that time.

    >>> describe_progress(500, 2000, 100.0, 500)
    '25 %  500/2000  5 min left'
    >>> describe_progress(1, 40, 0.0, 0)
    '2 %  1/40'
    """
    share = f"{100 * step // max(total, 1)} %  {step}/{total}"
    if done < 1 or step >= total:
        return share
    return f"{share}  {describe_duration(seconds / done * (total - step))} left"


def describe_metrics(metrics: Mapping[str, float]) -> str:
    """Name the few numbers of :data:`SHOWN_METRICS` that are there."""
    shown = [f"{name} {metrics[name]:.3g}" for name in SHOWN_METRICS if name in metrics]
    return "  ".join(shown)
