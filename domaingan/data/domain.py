"""The Domain: what depends on whether the images are scans of a body or frames of a drive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator

from domaingan.core.errors import DataError

DomainName = Literal["scan", "frame"]


@dataclass(frozen=True)
class Domain:
    """A kind of images, with everything that is different for it.

    Attributes:
        name: ``scan`` or ``frame``. Files store the domain under this name.
        has_body: whether an image shows a body in front of air. Then the intensity range is measured inside the body,
            the body may be turned and mirrored along every axis, and crops go anywhere in it.
        has_ground: whether objects stand upright on a ground, and are smaller the farther away they are.
        is_rgb: whether an image has three colour channels in [0, 1]. Other images are in the units of their scanner.
        length_unit: what lengths are measured in: ``mm`` or ``pixels``.
        class_condition: name of the condition that holds the class of a crop.
        blend_method: method that :class:`domaingan.blend.Paste` uses by default.
        look_method: method that :class:`domaingan.blend.Relight` uses by default.
        patch_divisor: how often a segmenter's network halves its input, as a factor. Sides of patches are multiples.
        learning_rate: peak learning rate of a segmenter. It is lower for frames, whose encoder is trained already.
    """

    name: DomainName
    has_body: bool
    has_ground: bool
    is_rgb: bool
    length_unit: str
    class_condition: str
    blend_method: str
    look_method: str
    patch_divisor: int
    learning_rate: float

    @property
    def is_metric(self) -> bool:
        """Whether lengths are in millimetres, so that an object has the same size in every image."""
        return self.length_unit == "mm"

    def __str__(self) -> str:
        return self.name


SCAN = Domain(
    name="scan",
    has_body=True,
    has_ground=False,
    is_rgb=False,
    length_unit="mm",
    class_condition="lesion",
    blend_method="feather",
    look_method="histogram",
    patch_divisor=16,
    learning_rate=2e-3,
)

FRAME = Domain(
    name="frame",
    has_body=False,
    has_ground=True,
    is_rgb=True,
    length_unit="pixels",
    class_condition="object",
    blend_method="soft",
    look_method="reinhard",
    patch_divisor=32,
    learning_rate=1e-3,
)

DOMAINS: dict[str, Domain] = {domain.name: domain for domain in (SCAN, FRAME)}


def read_domain(stored: Any) -> Domain:
    """Read a domain.

    Args:
        stored: its name, or the domain itself.

    Raises:
        DataError: no domain has that name.

    >>> read_domain("frame").length_unit
    'pixels'
    """
    if isinstance(stored, Domain):
        return stored
    if stored not in DOMAINS:
        raise DataError(f"domain {stored!r}", expected=" or ".join(DOMAINS))
    return DOMAINS[stored]


def _read_stored(stored: Any) -> Domain:
    """Read the domain of a JSON file; pydantic takes a ValueError for a mistake in the file."""
    if isinstance(stored, Domain):
        return stored
    if not isinstance(stored, str) or stored not in DOMAINS:
        raise ValueError("Input should be 'scan' or 'frame'")
    return DOMAINS[stored]


StoredDomain = Annotated[Domain, PlainValidator(_read_stored), PlainSerializer(str, return_type=str)]
"""A domain in a pydantic model: its name in the model's JSON file."""
