"""Unlabelled images made ready to be pasted into and trained on: what is not labelled in them is not learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.find_objects import MIN_OBJECT_PIXELS
from domaingan.blend.occlusion import get_mask_or_filled_boxes
from domaingan.data import Sample, Schema
from domaingan.evaluation.host_teacher import HostGuess, Teacher
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.shown_body import shows_body
from domaingan.imaging.instances import Objects, find_mask_objects
from domaingan.imaging.intensity import with_measurements

WITH_OBJECT = "samples with an object of their own"


@dataclass(frozen=True)
class FurtherHosts:
    """The further hosts of a fold.

    Attributes:
        samples: ready to be pasted into and trained on.
        ignored_share: share of their pixels that no loss is computed on before something is pasted, 0 to 1.
        left_out: how many images were left out, by reason.
        shares: their people in the order in which shares of them are drawn.
    """

    samples: list[Sample] = field(default_factory=list)
    ignored_share: float = 0.0
    left_out: Counter[str] = field(default_factory=Counter)
    shares: PeopleShares = field(default_factory=PeopleShares)

    def select_share(self, share: float) -> list[Sample]:
        """Select the samples of a share of the people.

        Args:
            share: in (0, 1]; 1 selects all.
        """
        return self.shares.select_owned(self.samples, share) if self.samples else []


def is_partly_labelled(schema: Schema) -> bool:
    """Return whether masks also label what is no object, such as a street: of an unlabelled image that is not known.

    Args:
        schema: of the labelled samples.
    """
    others = set(schema.classes) - set(schema.objects)
    labelled = [name for name in others if schema.classes[name] not in schema.ignore]
    return bool(schema.objects) and bool(labelled)


def prepare_hosts(
    hosts: Iterable[Sample], schema: Schema, teacher: Teacher | None, *, is_detection: bool, seed: int = 0
) -> FurtherHosts:
    """Prepare unlabelled samples as further hosts.

    A host's own objects are those of its own mask or boxes where these label anything, else those that the teacher
    suspects; without a teacher it is taken to have none. No loss is computed on them. A detector cannot leave out
    pixels: for detection, hosts with an object of their own are left out. Where masks also label what is no object,
    nothing but what is pasted is learned.

    Args:
        hosts: at the grid worked in.
        schema: of the labelled samples.
        teacher: guesses what lies in hosts; None where they are taken to have no objects.
        is_detection: whether boxes are learned.
        seed: draws the order in which shares of their people are taken.
    """
    samples: list[Sample] = []
    left_out: Counter[str] = Counter()
    n_ignored, n_pixels = 0, 0
    for sample in hosts:
        measured = with_measurements(sample, schema.domain)
        if not shows_body(measured):
            continue
        guess = _guess_objects(measured, teacher)
        if is_detection and _has_objects(measured, guess, schema):
            left_out[WITH_OBJECT] += 1
            continue
        host = _hide_objects(measured, guess, schema, is_partly=is_partly_labelled(schema) and not is_detection)
        samples.append(host)
        assert host.unlabelled is not None
        n_ignored += int(np.count_nonzero(host.unlabelled))
        n_pixels += host.unlabelled.size
    return FurtherHosts(samples, n_ignored / max(n_pixels, 1), left_out, PeopleShares.draw(samples, seed))


def _guess_objects(sample: Sample, teacher: Teacher | None) -> HostGuess:
    """Guess what lies in a sample: by its own labels, else by the teacher, else nothing."""
    labels = get_mask_or_filled_boxes(sample)
    if labels is not None and np.any(labels):
        return HostGuess(labels, labels > 0)
    if teacher is not None:
        return teacher.guess(sample)
    return HostGuess(None, np.zeros(sample.shape, dtype=bool))


def _has_objects(sample: Sample, guess: HostGuess, schema: Schema) -> bool:
    """Return whether a sample may hold an object that a detector would have to find."""
    if sample.crowds or (sample.boxes is not None and len(sample.boxes)):
        return True
    if guess.mask is None:
        return bool(guess.suspected.any())
    return len(_find_objects(guess.mask, schema).boxes) > 0


def _hide_objects(sample: Sample, guess: HostGuess, schema: Schema, *, is_partly: bool) -> Sample:
    """Make a host: its mask says where nothing can be pasted, its ``unlabelled`` where nothing is learned."""
    mask = np.zeros(sample.shape, dtype=np.uint8) if guess.mask is None else guess.mask
    unlabelled = np.ones(sample.shape, dtype=bool) if is_partly else guess.suspected
    host = replace(sample, mask=mask, unlabelled=unlabelled)
    if not schema.domain.has_ground:
        return host
    objects = _find_objects(mask, schema)
    return replace(host, boxes=objects.boxes, labels=objects.labels, instances=objects.instances, areas=None, crowds=())


def _find_objects(mask: NDArray[Any], schema: Schema) -> Objects:
    """Find the objects of a mask: of frames those of classes that are objects, of scans lesions of any class."""
    values = [schema.classes[name] for name in schema.objects or schema.classes]
    smallest = schema.min_area if schema.domain.has_ground else MIN_OBJECT_PIXELS[schema.spatial_dims]
    return find_mask_objects(mask, values, smallest)
