"""Progress at the width of a small terminal, and as plain lines."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from domaingan.core import progress_bar
from domaingan.core.durations import describe_metrics, describe_progress
from domaingan.core.progress_bar import ProgressBar


def test_time_left_is_reckoned_from_the_steps_of_this_run_alone() -> None:
    assert describe_progress(1500, 2000, 10.0, 100) == "75 %  1500/2000  50 s left"
    assert describe_progress(2000, 2000, 10.0, 100) == "100 %  2000/2000"


def test_few_metrics_are_shown() -> None:
    row = {"step": 10.0, "loss_d": 0.51234, "loss_g": 1.5, "grad_d": 3.0, "r_v": 0.2, "images_per_second": 100.0}
    assert describe_metrics(row) == "loss_d 0.512  loss_g 1.5"


def test_share_step_and_time_left_fit_into_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress_bar, "Console", lambda stderr: Console(file=screen, width=80, force_terminal=True))
    with ProgressBar("a very long description of work that takes its time") as teller:
        teller.update(1, 2000, {})
        teller._started_at -= 100
        teller.update(1001, 2000, {"loss_d": 0.123456, "loss_g": 1.23456, "kid": 0.04})
        teller._bar.refresh()
    last = [line for line in screen.getvalue().replace("\r", "\n").split("\n") if "1001/2000" in line][-1]
    assert "50 %" in last and "1 min 40 s left" in last and "a very long" in last


def test_plain_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_bar, "SECONDS_BETWEEN_LINES", 0.0)
    with ProgressBar() as teller:
        teller.start("training")
        teller.update(500, 1000, {"loss": 0.5})
        teller._started_at -= 50
        teller.update(600, 1000, {"loss": 0.25})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training" and lines[1] == "training: 50 %  500/1000  loss 0.5"
    assert lines[2].startswith("training: 60 %  600/1000  3 min 20 s left  loss 0.25")
