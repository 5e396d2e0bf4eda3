"""The columns that a sparse surrogate sees of a structure: numbers of its metadata, and descriptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.surrogate import SparseSpec
from tansaku.models.domain.surrogates import Example
from tansaku.models.surrogates.structure_rows import structure_features

_LARGEST = 1e150


def keys_of(spec: SparseSpec, examples: Sequence[Example]) -> tuple[str, ...]:
    """Keys of the metadata that the spec names, in order; a pattern takes keys of numbers that all structures have.

    The property itself, and others that are known, belong to no pattern: they are what is to be predicted.

    Raises:
        FitError: A name or a pattern fits none.
    """
    known = {name for example in examples for name in example.properties} | {spec.property}
    everywhere = set.intersection(*({key for key, value in _info(item).items() if _is_number(value)} for item in examples))
    found: list[str] = []
    for wanted in spec.columns:
        pattern = any(letter in wanted for letter in "*?[")
        fitting = sorted(key for key in everywhere - known if fnmatchcase(key, wanted)) if pattern else [wanted]
        if pattern and not fitting:
            there = ", ".join(sorted(everywhere - known)[:12]) or "none"
            raise FitError(f"columns: no number that every structure has fits {wanted!r}; these do: {there}")
        if not pattern and wanted in known:
            raise FitError(f"columns: {wanted!r} is a property of the data set; expected what is known beforehand")
        found += fitting
    return tuple(dict.fromkeys(found))


def row_of(spec: SparseSpec, keys: Sequence[str], species: Sequence[str], example: Example) -> FloatArray:
    """Numbers of the metadata, descriptors and fractions of the elements, shape ``(n_columns,)``.

    Raises:
        FitError: The structure has no such number, or an element that is none of ``species``.
    """
    features = structure_features(spec.descriptors, example, species)
    info = _info(example)
    for key in keys:
        if not _is_number(info.get(key)):
            raise FitError(f"{example.id}: no number {key!r} in its metadata, which this model needs")
    return np.concatenate(([float(info[key]) for key in keys], features))


def _info(example: Example) -> Mapping[str, Any]:
    """Metadata of an example, or of the structure where the caller gave the structure alone."""
    return example.info or example.structure.info


def _is_number(value: object) -> bool:
    # A whole number may be too large for a float.
    return isinstance(value, int | float | np.integer | np.floating) and bool(-_LARGEST < value < _LARGEST)
