"""Whether an image shows enough of the body to be trained on."""

from __future__ import annotations

from domaingan.data import Sample
from domaingan.imaging.intensity import get_foreground

MIN_BODY_SHARE = 0.02
"""Slices that show less of the body than this share, and no label, are not trained on."""


def shows_body(sample: Sample) -> bool:
    """Return whether a sample shows at least :data:`MIN_BODY_SHARE` of the body.

    Args:
        sample: with a measured foreground; all of a frame is foreground.
    """
    return bool(get_foreground(sample).mean() >= MIN_BODY_SHARE)
