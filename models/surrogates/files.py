"""Files of weights: arrays as safetensors, plain data as JSON in the header. They contain no code."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import StoreError, installed
from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.surrogates import Weights

_HEADER = "tansaku"


def check_files() -> None:
    """Raises MissingComponentError if safetensors is not installed."""
    with installed("models need the package safetensors", hint="pip install 'tansaku[surrogates]'"):
        import safetensors  # noqa: F401


def write_weights(weights: Weights, path: Path) -> Path:
    """Writes weights atomically: if killed, the previous file is unchanged.

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
        StoreError: The file was not written by tansaku, or is damaged.
    """
    check_files()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stream:
            header = (stream.metadata() or {}).get(_HEADER)
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path} does not contain weights: {error}") from error
    if header is None:
        raise StoreError(f"{path} contains arrays, but no description of them")
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
        """Returns the last checkpoint, None without one."""
        return read_weights(self._path) if self._path.exists() else None

    def clear(self) -> None:
        """Deletes the checkpoint."""
        self._path.unlink(missing_ok=True)
