"""What is shown of a training: on a terminal a line with its share and the time left, elsewhere nothing."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from balls import a_bank
from rich.console import Console

import domaingan as dg
from domaingan.core.progress_bar import ProgressBar


class Screen(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def fit_on_screen(monkeypatch: pytest.MonkeyPatch, screen: io.StringIO, **settings: object) -> str:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stderr", screen)
    gan = dg.GAN.for_crops(a_bank(2, np.random.default_rng(0)), width=4, latent=4, batch=4)
    gan.fit(a_bank(2, np.random.default_rng(0)), steps=20, eval_every=0, **settings)  # type: ignore[arg-type]
    return screen.getvalue()


def test_a_terminal_is_shown_how_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "100 %  20/20" in fit_on_screen(monkeypatch, Screen())


def test_nothing_is_shown_elsewhere_or_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fit_on_screen(monkeypatch, io.StringIO()) == ""
    assert fit_on_screen(monkeypatch, Screen(), progress=False) == ""


def test_a_progress_that_is_passed_in_is_called_instead_of_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Listener:
        steps: list[int] = []  # noqa: RUF012

        def start(self, what: str) -> None:
            raise AssertionError(what)

        def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
            self.steps.append(step)

        def say(self, message: str) -> None:
            raise AssertionError(message)

    assert fit_on_screen(monkeypatch, Screen(), progress=Listener()) == "" and Listener.steps[-1] == 20


def test_a_line_says_share_step_time_left_and_few_losses() -> None:
    screen = Screen()
    console = Console(file=screen, width=100, force_terminal=True, color_system=None)
    with ProgressBar("training", console, is_live=True) as bar:
        bar.update(10, 200, {"loss_d": 1.0, "loss_g": 2.0, "penalty": 3.0})
        bar.update(50, 200, {"loss_d": 1.5, "loss_g": 0.25, "penalty": 3.0})
        bar.say("a word [of it]")
    text = screen.getvalue()
    assert "25 %  50/200" in text and "left" in text and "loss_d 1.5  loss_g 0.25" in text
    assert "penalty" not in text and "a word [of it]" in text
