"""From frames to pasted generated objects: crops, a GAN on them, its bank, and what it knows of places."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.gan import GAN


def test_generated_objects_go_where_real_ones_stood(tmp_path: Path) -> None:
    frames = phantoms.load_phantom("driving", sequences=6, frames=3).load_into_memory()
    real = crops(frames, size=16, condition="object")
    gan = GAN.for_crops(real, width=8, latent=16, batch=16)
    gan.fit(real, steps=120, out=tmp_path / "model", device="cpu", precision="32")
    bank = Bank.load(GAN.load(tmp_path / "model").sample(24).save(tmp_path / "bank").path or "")
    assert (
        bank.info.generated
        and bank.info.supporting_classes == real.info.supporting_classes
        and bank.info.classes == real.info.classes
    )
    assert set(bank.entries["depth"].round(3)) <= set(real.entries["depth"].round(3))
    assert set(map(tuple, bank.entries["source_size"].tolist())) == {frames[0].shape}
    paste, rng = Paste(bank, schema=frames.schema, per_image=(3, 3)), np.random.default_rng(0)
    assert (
        abs(
            paste.rules.ground_sampler.perspective.default_horizon
            - Paste(real, schema=frames.schema).rules.ground_sampler.perspective.default_horizon
        )
        < 0.1
    )
    records = [record for host in frames for record in paste(host, rng).pasted_crops]
    placed = [record for record in records if record.is_placed]
    assert placed and all(record.ground_contact is not None and record.scale is not None for record in placed)
