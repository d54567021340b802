"""Which NIfTI files hold labels: told by the words in their names, or by the few whole numbers that they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from domaingan.adapters.nifti.nifti_files import MAX_ROUNDING_ERROR, iterate_values, read_nifti_header

MASK_WORDS = frozenset(["seg", "segmentation", "label", "labels", "mask", "masks", "lesion", "lesions"])
"""A file whose name ends in one of these words is the mask."""

FOREGROUND_WORDS = ("brainmask", "bodymask", "headmask", "foreground", "foregroundmask")

MAX_LABEL_VALUES = 32
"""A file of whole numbers that has no more different values than this holds labels."""

MAX_REGION_VALUES = 2000
MIN_ALIKE_SHARE = 0.75
MIN_NEIGHBOUR_PAIRS = 2000
"""With up to so many values (a parcellation), it does if of so many neighbours that are not 0 this share is alike: what
an image holds differs from voxel to voxel."""

MIN_VOXELS_PER_VALUE = 50
"""A file with fewer voxels than this for each of its values is too small to tell."""

_LABEL_WORDS = "roi rois voi vois gt gts truth lbl lbls msk msks parc aparc wmparc wmh wmhs gtv ctv ptv mets guz"
_PATHOLOGY_WORDS = "infarct infarcts nodule nodules haematoma hematoma"
_ACCENTED_STEMS = """
    mask masque mascara mascher verite segment label lesion laesion läsion lesão lesões lezyon laesie tumor tumour
    tumeur annot adnot contour contorn kontur etiquet etichet etiket etykiet rótulo groundtruth delineat metasta
    parcell léze nádor маск сегмент разметк метк опухол очаг поражен контур
    标签 标注 掩 分割 病灶 肿瘤 標籤 標註 腫瘤 ラベル マスク 病変 腫瘍 セグメンテ 마스크 라벨 병변 종양
"""
_IMAGE_WORDS = frozenset(["masked", "unmasked", "masking", "unlabelled", "unlabeled"])
"""Words of images: what was done with a mask, or that there is none."""


def split_words(name: str) -> list[str]:
    """Split a file's name into its words, in lower case and without accents.

    >>> split_words("sub1_lesionSeg-v2"), split_words("T1Läsion")
    (['sub', '1', 'lesion', 'seg', 'v', '2'], ['t', '1', 'lasion'])
    """
    bare = _strip_accents(name)
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)", " ", bare)
    return [word for word in re.split(r"[\W_]+", apart.lower()) if word]


def _strip_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


EXACT_LABEL_WORDS = frozenset([*_LABEL_WORDS.split(), *_PATHOLOGY_WORDS.split()])
LABEL_STEMS = tuple(_strip_accents(stem) for stem in _ACCENTED_STEMS.split())


def classify_name(name: str) -> str:
    """What a file is by its name, without subject and ending.

    Returns:
        ``mask`` (it ends in one of :data:`MASK_WORDS`), ``label`` (a label's word is in it), ``foreground`` (a mask
        of the body) or ``image``.

    >>> [classify_name(name) for name in ("x-Lesion", "SEG", "t1", "brain_mask", "sub1_BrainMask", "T1_masked")]
    ['mask', 'mask', 'image', 'foreground', 'foreground', 'image']
    >>> [classify_name(name) for name in ("FLAIR_roi", "aparc+aseg", "lesionSeg2", "GroundTruth", "MÁSCARA")]
    ['label', 'label', 'label', 'label', 'label']
    """
    plain = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    words = split_words(name)
    for parts in (plain, words):
        if parts and (parts[-1] in FOREGROUND_WORDS or "".join(parts[-2:]) in FOREGROUND_WORDS):
            return "foreground"
    if plain and plain[-1] in MASK_WORDS:
        return "mask"
    return "label" if any(_is_label_word(word) for word in words) or _is_label_word("".join(words)) else "image"


def _is_label_word(word: str) -> bool:
    if word in _IMAGE_WORDS or any(word.endswith(other) for other in _IMAGE_WORDS):
        return False
    if word in EXACT_LABEL_WORDS or any(stem in word for stem in LABEL_STEMS):
        return True
    return word.startswith("seg") or word.endswith(("seg", "segs", "roi", "msk"))


def count_label_values(paths: Iterable[Path]) -> int | None:
    """How many different values the files hold together, where they hold labels by their values.

    Labels are few whole numbers, more than one of them; or more of them, in regions. A file of a single value tells
    nothing, and the next is looked at; reading a file ends where it can be no labels.

    Args:
        paths: files of one name, each of another subject.

    Returns:
        None where a file has more values, or others than whole numbers, or where none tells.
    """
    found: set[float] = set()
    for path in paths:
        voxels = int(np.prod(read_nifti_header(path).shape))
        few = min(MAX_LABEL_VALUES, voxels // MIN_VOXELS_PER_VALUE)
        alike = pairs = 0
        for values in iterate_values(path):
            different = np.unique(values)
            found.update(different.tolist())
            if (
                not (np.abs(different - np.rint(different)) <= MAX_ROUNDING_ERROR).all()
                or len(found) > MAX_REGION_VALUES
            ):
                return None
            inside = (values[1:] != 0) & (values[:-1] != 0)
            alike += int(np.count_nonzero(inside & (values[1:] == values[:-1])))
            pairs += int(np.count_nonzero(inside))
            if len(found) > few and pairs >= MIN_NEIGHBOUR_PAIRS and alike < MIN_ALIKE_SHARE * pairs:
                return None
        if len(found) > few and pairs < MIN_NEIGHBOUR_PAIRS:
            return None
    return len(found) if len(found) > 1 else None
