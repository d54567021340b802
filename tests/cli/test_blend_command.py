"""``domaingan blend``: where crops are tried, and records from which the set can be made again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from inprocess import answer, refused, run
from written_sets import write_dataset

from domaingan import load, phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.banks.scenes import scenes
from domaingan.blend import FRAME_LOOKS, Paste
from domaingan.blend.methods import MATCHES, METHODS
from domaingan.cli.bank_summary import describe_resampling
from domaingan.views.slices import slice_volumes

PEOPLE = phantoms.load_phantom("medical", subjects=3, shape=(40, 40, 16))


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_dataset(PEOPLE, PEOPLE, folder / "scans")
    crops(PEOPLE, size=16).save(folder / "bank")
    scenes(PEOPLE, 16).save(folder / "scenes")
    half = np.zeros((10, 4, 4))
    half[:5] = 1
    np.save(folder / "atlas.npy", half)
    return folder


@pytest.mark.parametrize("how", ["uniform", "prior", "atlas", "overlap"])
def test_what_is_written_can_be_made_again_from_its_records(scans: Path, how: str, tmp_path: Path) -> None:
    options = {"atlas": ["--atlas", scans / "atlas.npy"], "overlap": ["--overlap"]}
    option = options.get(how, ["--placement", how])
    answer("blend", scans / "scans", "--bank", scans / "bank", "--out", tmp_path / "out", *option)
    written, records = load(tmp_path / "out"), json.loads((tmp_path / "out" / "pasted.json").read_text())
    hosts, bank = load(scans / "scans"), Bank.load(scans / "bank")
    settings = {"atlas": {"atlas": scans / "atlas.npy"}, "overlap": {"overlap": True}}
    given = settings.get(how, {"placement": how})
    paste = Paste(bank, schema=hosts.schema, **given)  # type: ignore[arg-type]
    assert any(record["place"] for own in records.values() for record in own)
    for host, after in zip(hosts, written, strict=True):
        again = paste.redo(host, records[host.name])
        assert np.array_equal(again.mask, after.mask)
        np.testing.assert_allclose(again.image, after.image, rtol=1e-5, atol=0.51)
        if how == "atlas":
            new = np.nonzero(again.mask != host.mask)[0]
            assert not len(new) or new.mean() < 24


def test_places_that_do_not_fit_are_refused(scans: Path, tmp_path: Path) -> None:
    data, out = scans / "scans", ["--out", tmp_path / "out"]
    assert "--placement" in refused("blend", data, "--bank", scans / "bank", "--placement", "corner", *out)
    assert "no such file" in refused("blend", data, "--bank", scans / "bank", "--atlas", tmp_path / "no.npy", *out)
    for option in (["--placement", "prior"], ["--overlap"]):
        assert "scenes have no place" in refused("blend", data, "--bank", scans / "scenes", *option, *out)


def test_another_spacing_is_reported_of_volumes_and_of_their_slices() -> None:
    slices = slice_volumes(PEOPLE)
    for bank, data in ((crops(PEOPLE, 16), PEOPLE), (crops(slices, 16), slices), (crops(slices, 16), PEOPLE)):
        assert describe_resampling(bank, data) == ""
        bank.entries["spacing"] *= 2
        own, hosts = (np.delete(PEOPLE.records[0].spacing, [2] * (3 - bank.info.spatial_dims)) * k for k in (2, 1))
        before, after = (" × ".join(f"{mm:.3g}" for mm in spacing) for spacing in (own, hosts))
        assert describe_resampling(bank, data) == f"crops of {before} mm a pixel are resampled to the hosts' {after}"
    assert describe_resampling(scenes(PEOPLE, 16), PEOPLE) == ""


def test_help_names_every_method() -> None:
    code, text, _ = run("blend", "--help")
    assert code == 0 and all(
        name in text for name in [*METHODS, *FRAME_LOOKS, *(f"+{match}" for match in MATCHES), "mix"]
    )
