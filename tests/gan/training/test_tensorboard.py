"""TensorBoard events say what the log says, once, and not having it installed is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.training import training_log
from domaingan.gan.training.training_log import read_log


def fit(bank: Any, out: Path, steps: int, **how: Any) -> None:
    gan = GAN.for_crops(bank, width=4, latent=8, batch=4, schedule=40)
    gan.fit(bank, steps, out, device="cpu", precision="32", tensorboard=True, checkpoint_every=10, eval_every=0, **how)


def read_events(out: Path, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    return [(event.step, round(event.value, 3)) for event in events.Scalars(name)]


def test_events_are_those_of_the_log_and_resumed_without_doubles(make_bank: Any, tmp_path: Path) -> None:
    bank, out = make_bank(size=8), tmp_path / "m"
    fit(bank, out, 30)
    assert [step for step, _ in read_events(out, "loss_g")] == [10, 20, 30]
    for newest in (out / "checkpoints").glob("step-00000030.*"):
        newest.unlink()  # as if it had been killed before it was written
    fit(bank, out, 40, resume=True)
    rows = read_log(out / "log.csv")
    assert [row["step"] for row in rows] == [10, 20, 30, 40]
    assert [step for step, _ in read_events(out, "loss_g")] == [10, 20, 30, 40]
    for (_, value), row in zip(read_events(out, "d_real"), rows, strict=True):
        assert value == pytest.approx(row["d_real"], abs=2e-3)


def test_without_tensorboard_nothing_is_begun(make_bank: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_log, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"no TensorBoard here.*domaingan\[tensorboard\]"):
        fit(make_bank(size=8), tmp_path / "m", 2)
    assert not (tmp_path / "m").exists()
