"""The protocol: every arm with every seed on every fold, each training kept in a file, then one result."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.bank import Bank
from domaingan.blend import Paste
from domaingan.cropping import by_rarity, voxels_of
from domaingan.errors import DataError
from domaingan.evaluate import segmentation
from domaingan.evaluate.arms import Arm, Augment, parse_arms
from domaingan.evaluate.banks import banks_for
from domaingan.evaluate.batches import prepared
from domaingan.evaluate.config import EvaluationConfig
from domaingan.evaluate.examples import bank_examples, largest, paste_examples, prediction_examples
from domaingan.evaluate.progress import Progress, Silent
from domaingan.evaluate.split import Fold
from domaingan.evaluate.summary import Scores, summarise
from domaingan.files import claim_folder, read_json, write_arrays, write_json
from domaingan.sample import Dataset, Sample
from domaingan.transforms import Classic

MAY_CHANGE = ("arms", "seeds", "command")
"""Settings that a resumed run may change: what was trained before stays true, and the table grows."""

EMPTY = 0.02
"""Slices that show less of the body than this share are not trained on."""


@dataclass
class Prepared:
    """A fold ready to be trained on."""

    train: list[Sample]
    test: Dataset
    own_grid: Dataset
    banks: dict[str, Bank]
    folder: Path
    shown: list[int] = field(default_factory=list)


def run(
    config: EvaluationConfig,
    folds: list[Fold],
    regrid: Callable[[Dataset], Dataset],
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run an evaluation; every training that ended is kept, so that an interrupted run goes on with ``resume``.

    Args:
        config: what to do.
        folds: training and test samples, at the data's own grid.
        regrid: brings samples to the grid worked in (identity for the data's own).
        out: the run folder.
        resume: go on with a run that was interrupted; its config must be the same.
        overwrite: replace an existing run.
        progress: told how it goes.

    Returns:
        The content of ``result.json``.

    Raises:
        DataError: the folder is taken, the configs differ, or a bank knows a test subject.
    """
    arms = parse_arms(config.arms)
    _claim(out, config, resume, overwrite)
    tell, seconds = progress or Silent(), 0.0
    scores: dict[str, dict[int, Scores]] = {arm.name: {} for arm in arms}
    losses: dict[str, dict[str, Any]] = {arm.name: {} for arm in arms}
    pictures: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    rarest = None
    for number, fold in enumerate(folds):
        ready = _prepare(fold, arms, config, regrid, out / f"fold-{number}", tell)
        rarest = rarest or _rarest(ready)
        for seed in range(config.seed, config.seed + config.seeds):
            for arm in arms:
                kept = _train_and_score(arm, seed, ready, config, tell)
                scores[arm.name].setdefault(seed, {}).update(kept["scores"])
                losses[arm.name][f"{number}/{seed}"] = kept["losses"]
                seconds += sum(kept["seconds"].values())
        if number == 0:
            pictures = _pictures(ready, arms, config)
            notes = _notes(ready, folds)
    result = summarise(scores, config, rarest) | {
        "classes": folds[0].test.schema.classes,
        "domain": folds[0].test.schema.domain,
        "training": losses,
        "notes": notes,
        "train_subjects": [list(fold.train.subjects) for fold in folds],
        "seconds": round(seconds, 1),
    }
    write_arrays(out / "pictures.npz", pictures)
    write_json(out / "result.json", result)
    return result


def _claim(out: Path, config: EvaluationConfig, resume: bool, overwrite: bool) -> None:
    stored = out / "config.json"
    if resume and stored.is_file():
        old, new = read_json(stored), config.model_dump(mode="json")
        changed = [name for name in new if name not in MAY_CHANGE and old.get(name) != new[name]]
        if changed:
            raise DataError(
                f"{changed[0]} {new[changed[0]]!r}", path=stored, expected=f"{old.get(changed[0])!r}, as the run began"
            )
        write_json(stored, new)
        return
    claim_folder(out, overwrite=overwrite)
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    write_json(stored, config.model_dump(mode="json"))


def _prepare(
    fold: Fold,
    arms: list[Arm],
    config: EvaluationConfig,
    regrid: Callable[[Dataset], Dataset],
    folder: Path,
    tell: Progress,
) -> Prepared:
    folder.mkdir(parents=True, exist_ok=True)
    tell.start("reading the training samples")
    train = regrid(fold.train).in_memory()
    samples = [prepared(sample, train.schema) for sample in train if sample.mask is not None]
    samples = [s for s in samples if s.meta["foreground"].mean() >= EMPTY or (np.asarray(s.mask) > 0).any()]
    tell.start("making the banks")
    banks = banks_for(arms, train, fold.test, config, folder, tell)
    return Prepared(samples, regrid(fold.test), fold.test, banks, folder)


def _train_and_score(arm: Arm, seed: int, fold: Prepared, config: EvaluationConfig, tell: Progress) -> dict[str, Any]:
    """One training of one arm, or what is kept of it."""
    path = fold.folder / f"{arm.name}-seed{seed}.json"
    if path.is_file():
        kept: dict[str, Any] = read_json(path)
        kept["scores"] = {s: {m: np.nan if v is None else v for m, v in r.items()} for s, r in kept["scores"].items()}
        return kept
    tell.start(f"{arm.name}, seed {seed}")
    started = time.monotonic()
    schema = fold.test.schema
    model = segmentation.train(
        fold.train,
        schema,
        augment_for(arm, fold.banks, schema.spatial_dims, schema.domain),
        steps=config.steps,
        seed=seed,
        width=config.width,
        precision=segmentation.precision_for(config.precision),
        progress=tell.update,
    )
    trained = time.monotonic()
    tell.start(f"{arm.name}, seed {seed}: scoring {len(fold.test)} samples")
    if not fold.shown:
        fold.shown = largest([(r.group, _mask(s)) for r, s in zip(fold.test.records, fold.test, strict=True)])
    scores = segmentation.score(model, fold.test, fold.own_grid)
    predictions = [model.predict(fold.test[i]) for i in fold.shown]
    arrays = {f"p{i}": prediction for i, prediction in enumerate(predictions)}
    write_arrays(path.with_suffix(".npz"), {"shown": np.array(fold.shown), **arrays})
    timing = {"train": round(trained - started, 1), "score": round(time.monotonic() - trained, 1)}
    write_json(path, {"scores": scores, "losses": model.losses, "seconds": timing})
    return {"scores": scores, "losses": model.losses, "seconds": timing}


def augment_for(arm: Arm, banks: Mapping[str, Bank], dims: int, domain: str) -> Augment:
    """What an arm does to a training sample, given the banks of its fold."""
    pastes = {source: Paste(banks[source]) for source in arm.sources}
    return Augment(pastes, Classic(dims, domain) if arm.classic else None)


def _mask(sample: Sample) -> NDArray[Any]:
    return np.zeros(sample.shape, dtype=np.uint8) if sample.mask is None else sample.mask


def _rarest(fold: Prepared) -> str | None:
    """The rarest class of the training samples, by the rule that names a crop's condition."""
    names = {value: name for name, value in fold.test.schema.classes.items()}
    held = [(s.group, voxels_of(np.asarray(s.mask))) for s in fold.train]
    order = [value for value in by_rarity(held) if value in names]
    return names[order[0]] if order else None


def _pictures(fold: Prepared, arms: list[Arm], config: EvaluationConfig) -> dict[str, NDArray[Any]]:
    """The arrays that the report shows, of the first fold and seed."""
    rng, schema = np.random.default_rng(config.seed), fold.test.schema
    pictures: dict[str, NDArray[Any]] = {}
    pasting = [arm for arm in arms if arm.sources]
    if pasting:
        arm = next((arm for arm in pasting if "gan" in arm.sources), pasting[0])
        augment = augment_for(arm, fold.banks, schema.spatial_dims, schema.domain)
        pictures |= paste_examples(fold.train, schema, augment, rng)
        pictures |= bank_examples(fold.banks["copy-paste"], "real_samples", "real_masks", rng)
        pictures |= bank_examples(fold.banks[arm.sources[0]], "crops", "crop_masks", rng, n=6)
    if "gan" in fold.banks:
        pictures |= bank_examples(fold.banks["gan"], "gan_samples", "gan_masks", rng)
    predictions, shown = {}, []
    for arm in arms:
        with np.load(fold.folder / f"{arm.name}-seed{config.seed}.npz", allow_pickle=False) as kept:
            shown = kept["shown"].tolist()
            predictions[arm.name] = [kept[f"p{i}"] for i in range(len(shown))]
    return pictures | prediction_examples([fold.test[i] for i in shown], schema, predictions)


def _notes(fold: Prepared, folds: list[Fold]) -> list[str]:
    """What a reader must know to trust the numbers."""
    notes = [
        f"{len(folds[0].train.subjects)} training and {len(folds[0].test.subjects)} test subjects"
        + (f" in the first of {len(folds)} folds" if len(folds) > 1 else ""),
        "The primary comparison (the first arm with a GAN, else the last arm, against classic, on the rarest class) "
        "was fixed before any score was seen.",
        "Intervals are Student's t over test subjects after averaging over seeds; p is a paired sign-flip test. "
        "Chance from drawing the training subjects is not in them.",
    ]
    if "gan" in fold.banks:
        notes.append("One GAN is fitted a fold, to the training subjects alone, and serves every seed.")
    for source, bank in fold.banks.items():
        for why, n in bank.info.left_out.items():
            notes.append(f"Left out of the {source} bank: {n} {why}")
    problems = folds[0].train.problems
    if problems:
        notes.append(f"{len(problems)} samples were left out when the data was read, first {problems[0].path}")
    return notes
