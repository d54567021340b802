"""Which NIfTI files hold labels: by the words in their names, or by the few whole numbers that they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from domaingan.adapters.nifti.nifti_reading import iterate_values, read_nifti_header
from domaingan.adapters.nifti.nifti_scaling import MAX_ROUNDING_ERROR

MASK_WORDS = frozenset(["seg", "segmentation", "label", "labels", "mask", "masks", "lesion", "lesions"])
"""A file whose name ends in one of these words is the mask."""

FOREGROUND_WORDS = ("brainmask", "bodymask", "headmask", "foreground", "foregroundmask")
"""A file whose name ends in one of these words is a mask of the body."""

MAX_LABEL_VALUES = 32
"""The most different values of a file of whole numbers that holds labels, whatever else is in it."""

MAX_REGION_VALUES = 2000
"""The most different values of a file that holds labels in regions, as a parcellation does."""

MIN_ALIKE_SHARE = 0.75
"""The smallest share of neighbours other than 0 that are equal in regions. In an image values differ from voxel to
voxel."""

MIN_NEIGHBOUR_PAIRS = 2000
"""The fewest pairs of neighbours by which it is judged whether values lie in regions."""

MIN_VOXELS_PER_VALUE = 50
"""The fewest voxels for each value. A file with fewer is too small to be judged."""

_LABEL_WORDS = "roi rois voi vois gt gts truth lbl lbls msk msks parc aparc wmparc wmh wmhs gtv ctv ptv mets guz"
_PATHOLOGY_WORDS = "infarct infarcts nodule nodules haematoma hematoma"
_ACCENTED_STEMS = """
    mask masque mascara mascher verite segment label lesion laesion läsion lesão lesões lezyon laesie tumor tumour
    tumeur annot adnot contour contorn kontur etiquet etichet etiket etykiet rótulo groundtruth delineat metasta
    parcell léze nádor маск сегмент разметк метк опухол очаг поражен контур
    标签 标注 掩 分割 病灶 肿瘤 標籤 標註 腫瘤 ラベル マスク 病変 腫瘍 セグメンテ 마스크 라벨 병변 종양
"""
_IMAGE_WORDS = frozenset(["masked", "unmasked", "masking", "unlabelled", "unlabeled"])
"""Words in the names of images: what was done with a mask, or that there is no mask."""

_LABEL_ENDINGS = ("seg", "segs", "roi", "msk")

_WORD_BORDERS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")

FileKind = Literal["image", "mask", "label", "foreground"]


def split_words(name: str) -> list[str]:
    """Split a file's name into words, in lower case and without accents.

    Args:
        name: the name.

    >>> split_words("sub1_lesionSeg-v2"), split_words("T1Läsion")
    (['sub', '1', 'lesion', 'seg', 'v', '2'], ['t', '1', 'lasion'])
    """
    spaced = _WORD_BORDERS.sub(" ", _strip_accents(name))
    return [word for word in re.split(r"[\W_]+", spaced.lower()) if word]


def _strip_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


EXACT_LABEL_WORDS = frozenset([*_LABEL_WORDS.split(), *_PATHOLOGY_WORDS.split()])
"""Words that are in the names of files of labels."""

LABEL_STEMS = tuple(_strip_accents(stem) for stem in _ACCENTED_STEMS.split())
"""Parts of words that are in the names of files of labels."""


def classify_name(name: str) -> FileKind:
    """Classify a file by its name.

    Args:
        name: without the subject's name and without suffix.

    Returns:
        ``mask``: the name ends in one of :data:`MASK_WORDS`. ``label``: a word for labels is in it. ``foreground``: it
        ends in one of :data:`FOREGROUND_WORDS`. ``image``: anything else.

    >>> [classify_name(name) for name in ("x-Lesion", "SEG", "t1", "brain_mask", "sub1_BrainMask", "T1_masked")]
    ['mask', 'mask', 'image', 'foreground', 'foreground', 'image']
    >>> [classify_name(name) for name in ("FLAIR_roi", "aparc+aseg", "lesionSeg2", "GroundTruth", "MÁSCARA")]
    ['label', 'label', 'label', 'label', 'label']
    """
    plain_words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    words = split_words(name)
    if _ends_in_foreground(plain_words) or _ends_in_foreground(words):
        return "foreground"
    if plain_words and plain_words[-1] in MASK_WORDS:
        return "mask"
    if any(_is_label_word(word) for word in words) or _is_label_word("".join(words)):
        return "label"
    return "image"


def _ends_in_foreground(words: Sequence[str]) -> bool:
    """Whether the last word, or the last two together, are a word for a mask of the body."""
    if not words:
        return False
    return words[-1] in FOREGROUND_WORDS or "".join(words[-2:]) in FOREGROUND_WORDS


def _is_label_word(word: str) -> bool:
    if word.endswith(tuple(_IMAGE_WORDS)):
        return False
    if word in EXACT_LABEL_WORDS or any(stem in word for stem in LABEL_STEMS):
        return True
    return word.startswith("seg") or word.endswith(_LABEL_ENDINGS)


def count_label_values(paths: Iterable[Path]) -> int | None:
    """Count the different values of files that hold labels by their values.

    Labels are few whole numbers, but more than one; or more of them, in regions. A file with a single value may be
    anything: the next one decides. Reading a file ends where it can hold no labels.

    Args:
        paths: files of one name, each of another subject.

    Returns:
        The number of values of all files together. None where a file holds no labels, or none can be judged.

    Raises:
        DataError: a file cannot be read.
    """
    found_values: set[float] = set()
    for path in paths:
        n_voxels = int(np.prod(read_nifti_header(path).shape))
        max_values = min(MAX_LABEL_VALUES, n_voxels // MIN_VOXELS_PER_VALUE)
        n_alike = n_pairs = 0
        for values in iterate_values(path):
            different = np.unique(values)
            found_values.update(different.tolist())
            is_whole = (np.abs(different - np.rint(different)) <= MAX_ROUNDING_ERROR).all()
            if not is_whole or len(found_values) > MAX_REGION_VALUES:
                return None
            is_pair = (values[1:] != 0) & (values[:-1] != 0)
            is_alike = is_pair & (values[1:] == values[:-1])
            n_alike += int(np.count_nonzero(is_alike))
            n_pairs += int(np.count_nonzero(is_pair))
            is_judged = n_pairs >= MIN_NEIGHBOUR_PAIRS
            if len(found_values) > max_values and is_judged and n_alike < MIN_ALIKE_SHARE * n_pairs:
                return None
        if len(found_values) > max_values and n_pairs < MIN_NEIGHBOUR_PAIRS:
            return None
    return len(found_values) if len(found_values) > 1 else None
