"""What goes wrong in a training is said in words, once, with what to change."""

from __future__ import annotations

from typing import Any

from domaingan.gan.training.diagnostics import MEAN_ROWS, MIN_STEPS, TrainingDiagnostics

GOOD = {"d_real": 1.0, "d_heldout": 0.8, "d_fake": -1.0, "r_t": 0.6, "grad_g": 1.0, "diversity": 0.9}


def collect_messages(rows: int = MEAN_ROWS + 5, adaptive: bool = False, loss: str = "", **metrics: float) -> list[str]:
    watch = TrainingDiagnostics(adaptive, loss)
    found = [watch.update(MIN_STEPS + 10 * i, GOOD | metrics) for i in range(rows)]
    return [message for messages in found for message in messages]


def test_nothing_is_reported_of_a_training_that_goes_well() -> None:
    assert collect_messages() == []


def test_each_thing_is_reported_once_with_advice() -> None:
    for metrics, words in (
        ({"diversity": 0.1}, ("collapse", "--loss")),
        ({"d_heldout": -0.8}, ("overfits", "--augment ada")),
        ({"r_t": 1.0, "grad_g": 1e-5}, ("gradient vanished", "--loss")),
    ):
        messages = collect_messages(**metrics)
        assert len(messages) == 1 and all(word in messages[0] for word in words), messages
        assert messages[0].startswith("step ")
    assert "--augment ada" not in collect_messages(adaptive=True, d_heldout=-0.8)[0]
    for metrics in ({"diversity": 0.1}, {"r_t": 1.0, "grad_g": 1e-5}):  # the loss that it has already is not advised
        assert "--loss" not in collect_messages(loss="relativistic", **metrics)[0]


def test_a_moment_is_not_a_trend_and_the_start_does_not_count() -> None:
    assert collect_messages(rows=3, d_heldout=-0.8) == []
    assert TrainingDiagnostics().update(MIN_STEPS - 1, {"diversity": 0.01}) == []


def test_an_overfitted_discriminator_is_noticed_in_a_real_training(make_bank: Any) -> None:
    """Without augmentation, the discriminator soon overfits to few crops."""
    from domaingan.gan import GAN

    bank = make_bank(n=20, size=8)
    gan = GAN.for_crops(bank, width=16, latent=16, batch=16, augment=0.0, loss="nonsaturating", lr_d=4e-3)
    result = gan.fit(bank, 600, device="cpu", precision="32", eval_every=0)
    assert any("overfits" in message for message in result.messages), result.messages
