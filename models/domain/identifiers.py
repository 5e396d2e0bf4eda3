"""Stable ids: canonical JSON, content hashes and the random stream of a proposal number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_SHORT = 24
_CHUNK = 1 << 20


def canonical_json(value: object) -> str:
    """Serialises plain data to the one JSON text that stands for it.

    Args:
        value: Dicts, lists, strings, finite numbers, booleans and None.

    Raises:
        ValueError: A number is not finite.
        TypeError: A value is not plain data.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def content_hash(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``, as 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def short_hash(parts: Sequence[Any] | Mapping[str, Any]) -> str:
    """First 24 hex digits (96 bits) of :func:`content_hash`: enough for ids inside one database."""
    return content_hash(parts)[:_SHORT]


def evaluation_id(campaign: str, candidate: str, source: str, replicate: int) -> str:
    """Id of an evaluation: a function of its key, the same on every machine and after every restart."""
    return short_hash([campaign, candidate, source, replicate])


def job_name(campaign: str, evaluation: str, attempt: int) -> str:
    """Name under which an attempt's job is found again on its backend."""
    return f"tansaku-{short_hash([campaign, evaluation, attempt])}"


def certificate_rng(seed: int, number: int) -> np.random.Generator:
    """Random stream of the certificate at a proposal number; another one than the proposal's.

    Args:
        seed: The campaign's seed.
        number: Proposal number, counted from 1.
    """
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(number, 1)))


def proposal_rng(seed: int, number: int) -> np.random.Generator:
    """Random stream of proposal ``number``; independent of what was drawn before, so a resume sees the same one.

    Args:
        seed: The campaign's seed.
        number: Proposal number, counted from 1.
    """
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(number,)))
