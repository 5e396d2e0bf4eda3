"""Weights as files: arrays in safetensors, plain data as JSON in its header. No code is ever loaded."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import MissingComponentError, StoreError
from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.surrogates import Weights

_HEADER = "tansaku"


def check_files() -> None:
    """Raises MissingComponentError when weights can be neither written nor read."""
    try:
        import safetensors  # noqa: F401
    except ImportError as error:
        raise MissingComponentError(
            "models need the package safetensors, which is not installed", hint="pip install 'tansaku[surrogates]'"
        ) from error


def write_weights(weights: Weights, path: Path) -> Path:
    """Writes weights; a killed write leaves what was there before.

    Raises:
        StoreError: The file cannot be written.
    """
    check_files()
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in weights.arrays.items()}
    data = save(arrays, metadata={_HEADER: canonical_json(weights.document)})
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return path


def read_weights(path: Path) -> Weights:
    """Reads weights.

    Raises:
        StoreError: The file is none of ours, or damaged.
    """
    check_files()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stream:
            header = (stream.metadata() or {}).get(_HEADER)
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path} holds no weights: {error}") from error
    if header is None:
        raise StoreError(f"{path} holds arrays, but nothing that says what they are")
    try:
        return Weights(arrays, json.loads(header))
    except ValueError as error:
        raise StoreError(f"{path} is damaged: {error}") from error


class FileCheckpoints:
    """Checkpoints in one file.

    Args:
        path: Its folder is made when the first checkpoint is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, weights: Weights) -> None:
        """Replaces the checkpoint."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_weights(weights, self._path)

    def load(self) -> Weights | None:
        """The last one, None where there is none."""
        return read_weights(self._path) if self._path.exists() else None

    def clear(self) -> None:
        """Forgets it."""
        self._path.unlink(missing_ok=True)
