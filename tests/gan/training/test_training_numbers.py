"""Worked examples of schedules, r_v, the limits of augmentation, the log's cells and what networks are built of."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from domaingan.data import FRAME, SCAN
from domaingan.gan import GAN
from domaingan.gan.conditioning import is_known_spacing
from domaingan.gan.config_from_bank import measure_image_range
from domaingan.gan.crop_records import select_crop_records
from domaingan.gan.data import TrainingCrops
from domaingan.gan.model_card import write_card
from domaingan.gan.networks import build_networks, build_pyramid
from domaingan.gan.networks.dcgan import ModulatedNorm
from domaingan.gan.networks.parts import list_widths, squash_outputs
from domaingan.gan.sampling.record_finder import RecordFinder
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.augment import DifferentiableAugmentation, choose_flip_axes
from domaingan.gan.training.diagnostics import compute_r_v
from domaingan.gan.training.schedules import schedule_cosine
from domaingan.gan.training.training_log import LOG_COLUMNS, RunningMeans, TrainingLog, read_log


def test_r_v_is_0_where_held_out_crops_score_like_real_ones_and_1_where_like_generated_ones() -> None:
    assert compute_r_v(2.0, 2.0, 0.0) == 0
    assert compute_r_v(2.0, 0.0, 0.0) == 1
    assert compute_r_v(3.0, 2.5, 1.0) == 0.25
    assert compute_r_v(2.0, 2.5, 0.0) == -0.25
    assert math.isnan(compute_r_v(0.0, 0.0, 0.0)) and math.isnan(compute_r_v(0.0, 0.0, 1.0))


def test_a_schedule_is_half_a_cosine_and_constant_afterwards() -> None:
    assert [schedule_cosine((4.0, 2.0), share) for share in (0.0, 0.5, 1.0, 7.0)] == pytest.approx([4, 3, 2, 2])
    assert schedule_cosine((0.0, 1.0), 1 / 3) == pytest.approx(0.25)


def test_the_unets_noise_reaches_its_output(make_bank: Any) -> None:
    bank = make_bank(size=16, n=4)
    config = GAN.for_crops(bank, width=4, latent=8, conditioning=("mask", "ring")).make_config(bank, 1)
    generator = build_networks(config)[0]
    generator.noise.requires_grad_()  # type: ignore[operator]
    condition = TrainingCrops(bank, config).encode(range(4))[1]
    generated = generator.generate(torch.randn(4, 8, generator=make_rng(0)), condition)[-1]
    (gradient,) = torch.autograd.grad(generated.square().sum(), [generator.noise])  # type: ignore[list-item]
    assert gradient.shape == (8, 256) and (gradient != 0).float().mean() > 0.9


def test_widths_double_up_to_eight_times_and_masks_are_shares(make_bank: Any) -> None:
    bank = make_bank(size=8)
    made = GAN.for_crops(bank, width=3).make_config(bank, 1).with_changes("network", size=256)
    assert list_widths(made) == [3, 6, 12, 24, 24, 24]
    x = torch.tensor([[[[50.0]], [[3.0]], [[3.0]]]])
    assert squash_outputs(x, 1).flatten().tolist() == pytest.approx([1.0, 0.0, 0.0])
    pyramid = build_pyramid(torch.arange(16.0).reshape(1, 1, 4, 4), 2)
    assert [tuple(level.shape[2:]) for level in pyramid] == [(2, 2), (4, 4)]
    assert pyramid[0].flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_augmentation_stays_within_its_limits() -> None:
    augment = DifferentiableAugmentation(1, (16, 16), (), probability=1)
    drawn = augment.draw_parameters(2000, make_rng(4))
    assert 0.33 < drawn.gain.log().abs().max() <= 0.35 and 0.28 < drawn.shift.abs().max() <= 0.3
    shift = drawn.theta[:, :, 2]
    assert shift.abs().max() == 2 * 2 / 16  # an eighth of 16 pixels, in units of half the size
    factor = torch.linalg.det(drawn.theta[:, :, :2]).sqrt().log()
    assert 0.19 < factor.abs().max() <= 0.2 + 1e-5
    angle = torch.atan2(drawn.theta[:, 1, 0], drawn.theta[:, 0, 0]).abs()
    assert math.radians(18) < angle.max() <= math.radians(20) + 1e-5
    ones = augment._make_cutout_mask(torch.full((1, 2), 0.5), (20, 20))
    assert int((ones == 0).sum()) == 8 * 8  # 0.4 of 20 pixels
    assert choose_flip_axes(SCAN, 3) == (0, 1, 2) and choose_flip_axes(FRAME, 2) == (1,)


def test_means_and_cells_of_the_log(tmp_path: Path) -> None:
    means = RunningMeans()
    for value in (1.0, 2.0, 6.0):
        means.add_step({"loss_d": torch.tensor(value)})
    assert means.take_means() == {"loss_d": 3.0} and means.take_means() == {}
    path = tmp_path / "log.csv"
    log = TrainingLog(path, 0)
    for step in (10, 20, 30):
        log.write_row({"step": step, "loss_d": step / 7, "kid": math.nan})
    assert path.read_text().splitlines()[0] == ",".join(LOG_COLUMNS)
    assert read_log(path)[1] == {"step": 20.0, "loss_d": 2.8571}
    TrainingLog(path, 20)
    assert [row["step"] for row in read_log(path)] == [10, 20]
    assert read_log(tmp_path / "none.csv") == []


def test_image_ranges_are_quantiles_of_scans_and_fixed_in_frames(make_bank: Any) -> None:
    bank = make_bank(n=4, channels=1)
    bank.images[...] = np.linspace(0, 1, bank.images.size).reshape(bank.images.shape)
    assert measure_image_range(bank)[0] == pytest.approx((0.001, 0.999), abs=1e-3)
    bank.images[...] = 0.5
    assert measure_image_range(bank) == ((0.5, 0.501),)
    assert measure_image_range(make_bank(channels=3, domain="frame")) == ((0.0, 1.0),) * 3


def test_pixels_may_be_a_quarter_larger_or_smaller_than_those_of_the_training() -> None:
    known = np.array([[1.0, 2.0], [2.0, 2.0]])
    found = np.array([[0.81, 2.0], [0.79, 2.0], [2.49, 2.49], [2.51, 2.0], [1.0, 1.59]])
    assert is_known_spacing(found, known).tolist() == [True, False, True, False, False]


def test_records_keep_twenty_of_a_rare_kind(make_bank: Any) -> None:
    bank = make_bank()
    entries = np.tile(bank.entries, 1000)
    entries["condition:lesion"] = 1
    entries["condition:lesion"][1:120:2] = 0
    records = select_crop_records(entries, ["lesion"], [])
    assert 20 <= sum(record.codes == (0,) for record in records) <= 40


def test_a_place_is_that_of_one_of_the_five_crops_nearest_in_size(make_bank: Any) -> None:
    bank = make_bank(n=30)
    bank.entries["condition:lesion"] = bank.entries["condition:grade"] = 0
    bank.entries["spacing"], bank.entries["radius_mm"] = 2.0, 2 * np.arange(1, 31)
    finder = RecordFinder(GAN.for_crops(bank, width=4).make_config(bank, 1))
    pixels = round(math.pi * 10.1**2)
    rng = np.random.default_rng(0)
    found = {finder.find_similar((0, 0), pixels, rng).radius_mm for _ in range(200)}
    assert found == {16.0, 18.0, 20.0, 22.0, 24.0}


def test_gain_and_bias_of_a_normalisation_follow_the_style() -> None:
    norm = ModulatedNorm(1, 3, 2)
    assert norm.modulation.weight.std() < 0.06 and not norm.modulation.bias.any()
    with torch.no_grad():
        norm.modulation.weight.zero_()
        norm.modulation.bias.copy_(torch.tensor([0.5, 2.0]))
    x = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
    assert norm(x, torch.zeros(2, 3)).flatten().tolist() == pytest.approx([0.5, 3.5], abs=1e-4)


@pytest.mark.parametrize(("conditioning", "pasted"), [(("mask", "ring"), ""), (("paste", "mask"), ", pasted=True")])
def test_the_card_shows_how_hosts_are_made(conditioning: Any, pasted: str, make_bank: Any) -> None:
    bank = make_bank(size=8)
    config = GAN.for_crops(bank, width=4, conditioning=conditioning).make_config(bank, 1)
    card = write_card("m", config)
    assert f'gan.sample(100, hosts=dg.windows(scans, gan.crops, 100{pasted}), lesion="shell")' in card
    assert "--n 100 --hosts DATA" in card and "Nothing yet." in card and card.count("import ") == 1
